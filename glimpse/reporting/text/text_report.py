"""The files of a report on a run that reads texts."""

from collections.abc import Callable, Iterable

from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.drawing.svg import Drawing, below, beside, svg_file
from glimpse.reporting.run_record import Record, training_charts
from glimpse.reporting.text.accounts import Text
from glimpse.reporting.text.mask_drawing import mask_drawing
from glimpse.reporting.text.text_contents import TextContents, gather_texts
from glimpse.reporting.text.text_page import text_page
from glimpse.reporting.text.text_sections import answers_drawing
from glimpse.reporting.text.text_survey import length_chart
from glimpse.reporting.text.token_drawings import (
    document_drawing,
    hops_drawing,
    overlap_drawing,
    pair_drawings,
    tokens_drawing,
)

_TITLES = {"validation_pearson": "Validation, Pearson's r", "validation_spearman": "Validation, Spearman's rho"}


def text_files(record: Record, texts: int) -> dict[str, bytes]:
    """The files of a report on texts, by name; of the pictures only those that the encoder has something for."""
    contents = gather_texts(record, texts)
    scores = contents.scores is not None
    # Who reads learns without playing, and earns nothing meanwhile; of scores the error is 100 (1 - r).
    void = {"reward", "validation_error"} if scores else {"reward"}
    logged = [{name: value for name, value in row.items() if name not in void} for row in contents.metrics]
    curves, by_length = training_charts(logged, _TITLES), length_chart(contents.found, scores)
    drawn = {f"{name}.svg": svg_file(drawing, name) for name, drawing in _drawings(contents).items()}
    return {
        **drawn,
        "curves.png": png(charts_image([by_length, *curves])),
        "index.html": text_page(contents, by_length, curves).encode(),
    }


def _drawings(contents: TextContents) -> dict[str, Drawing]:
    """The pictures of the report, by name."""
    drawn = {"answers": answers_drawing(contents)}
    if contents.divided:
        drawn["document"] = below(document_drawing(text) for text in contents.document.texts)
    elif contents.shown[0].texts[0].weights is not None:
        drawn["tokens"] = tokens_drawing(contents.shown, contents.classes)
    if contents.has_hops:
        drawn["hops"] = _each_text(contents, lambda text: [hops_drawing(text)])
        drawn["overlap"] = _each_text(contents, lambda text: [overlap_drawing(text)])
    if contents.has_pairs:
        name = "directions" if contents.directed else "pairs"
        drawn[name] = _each_text(contents, lambda text: map(beside, pair_drawings(text)))
    if contents.masks:
        drawn["mask"] = beside(mask_drawing(one, contents.mask_size) for one in contents.masks)
    return drawn


def _each_text(contents: TextContents, draw: Callable[[Text], Iterable[Drawing]]) -> Drawing:
    """What is drawn of each text that is shown in detail, one below the other."""
    return below(one for account in contents.detailed for text in account.texts for one in draw(text))
