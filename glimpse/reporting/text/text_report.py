"""Files of the report of a run that reads whole texts, and the picture that is logged to the tracker."""

from collections.abc import Callable, Iterable
from pathlib import Path

from glimpse.agents.agent import Agent
from glimpse.agents.text.reader import Reader
from glimpse.envs.text.whole_text import WholeText
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.drawing.svg import Drawing, below, beside, svg_file
from glimpse.reporting.run_record import RunRecord, training_charts
from glimpse.reporting.text.accounts import Text, reads_whole_texts
from glimpse.reporting.text.mask_drawing import mask_drawing
from glimpse.reporting.text.skim_report import skim_files
from glimpse.reporting.text.text_contents import TextContents, gather_texts
from glimpse.reporting.text.text_page import text_page
from glimpse.reporting.text.text_sections import answers_drawing
from glimpse.reporting.text.text_survey import error_by_length_chart
from glimpse.reporting.text.token_drawings import (
    document_drawing,
    hops_drawing,
    overlap_drawing,
    pair_drawings,
    tokens_drawing,
    tokens_picture,
)
from glimpse.reporting.tracked_picture import TrackedPicture


def text_files(record: RunRecord, texts: int) -> dict[str, bytes]:
    """Return the files of the report by name, with the pictures that fit the encoder; `texts` texts are shown.

    Agents and environments of other packages may have nothing to draw: they have the report of results alone.
    """
    if not reads_whole_texts(record.trained):
        return skim_files(record, texts)
    contents = gather_texts(record, texts)
    scores = contents.scores is not None
    # Supervised training has no reward.
    logged = [{name: value for name, value in row.items() if name != "train/reward"} for row in contents.metrics]
    curves, by_length = training_charts(logged), error_by_length_chart(contents.found, scores)
    drawn = {f"{name}.svg": svg_file(drawing, name) for name, drawing in _drawings(contents).items()}
    return {
        **drawn,
        "curves.png": png(charts_image([by_length, *curves])),
        "index.html": text_page(contents, by_length, curves).encode(),
    }


def _drawings(contents: TextContents) -> dict[str, Drawing]:
    """Return the drawings of the report by name."""
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
    """Draw each detailed text, one below the other."""
    return below(one for account in contents.detailed for text in account.texts for one in draw(text))


def tracked_tokens(agent: Agent, env: WholeText, folder: Path) -> TrackedPicture | None:
    """Write `tokens.svg`: validation texts with the weights of their words; None if the agent is no reader."""
    if not isinstance(agent, Reader):
        return None
    path = folder / "tokens.svg"
    tokens_picture(agent, env, 12, path)
    return TrackedPicture("tokens", path, "weights of words of validation texts")
