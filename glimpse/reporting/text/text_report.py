"""Files of the report of a run that reads whole texts, and the picture that is logged to the tracker."""

from pathlib import Path

from glimpse.agents.agent import Agent
from glimpse.agents.text.reader import Reader
from glimpse.envs.text.whole_text import WholeText
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.drawing.svg import Drawing, below, beside, svg_file
from glimpse.reporting.report_size import fitting_files
from glimpse.reporting.run_record import RunRecord, training_charts
from glimpse.reporting.text.accounts import reads_whole_texts
from glimpse.reporting.text.mask_drawing import formula, mask_drawing
from glimpse.reporting.text.skim_report import skim_files
from glimpse.reporting.text.text_contents import TextContents, gather_texts
from glimpse.reporting.text.text_page import text_page
from glimpse.reporting.text.text_sections import answers_drawing, answers_words, overlap_words, pair_words
from glimpse.reporting.text.text_survey import error_by_length_chart
from glimpse.reporting.text.token_drawings import (
    document_drawing,
    hops_drawing,
    overlap_drawing,
    pair_drawings,
    tokens_drawing,
    tokens_picture,
)
from glimpse.reporting.text.token_html import MOST_WORDS
from glimpse.reporting.tracked_picture import TrackedPicture


def text_files(record: RunRecord, texts: int) -> dict[str, bytes]:
    """Return the files of the report by name, with the pictures that fit the encoder; `texts` texts are shown.

    Agents and environments of other packages may have nothing to draw: they have the report of results alone.
    """
    if not reads_whole_texts(record.trained):
        return skim_files(record, texts)
    contents = gather_texts(record, texts)
    # Agents that learn from labels alone have no reward.
    curves = training_charts(contents, left_out=() if contents.mode else ("train/reward",))
    by_length = error_by_length_chart(contents.found, contents.scores is not None, contents.mode)

    def write(count: int, detail: float) -> dict[str, bytes]:
        shown = contents.showing(count, round(MOST_WORDS * detail))
        drawn = {f"{name}.svg": svg_file(drawing, words) for name, (drawing, words) in _drawings(shown).items()}
        return {
            **drawn,
            "curves.png": png(charts_image([*([by_length] if by_length else []), *curves])),
            "index.html": text_page(shown, by_length, curves).encode(),
        }

    return fitting_files(write, len(contents.shown))


def _drawings(contents: TextContents) -> dict[str, tuple[Drawing, str]]:
    """Return the drawings of the report by name, with what is seen in them in words."""
    first, texts = contents.shown[0].texts[0], [text for one in contents.detailed for text in one.texts]
    drawn = {"answers": (answers_drawing(contents), answers_words(contents))}
    if contents.divided:
        document = below(document_drawing(text) for text in contents.document.texts)
        drawn["document"] = document, "A validation document with the weights of its sentences and words"
    elif first.weights is not None:
        tokens = tokens_drawing(contents.shown, contents.classes)
        drawn["tokens"] = tokens, f"{len(contents.shown)} validation texts, words coloured by their weights"
    if contents.has_hops:
        drawn["hops"] = below(map(hops_drawing, texts)), "Validation texts, words coloured by the weights of each hop"
        drawn["overlap"] = below(map(overlap_drawing, texts)), " ".join(map(overlap_words, texts))
    if contents.has_pairs:
        name = "directions" if contents.directed else "pairs"
        pairs = below(one for text in texts for one in map(beside, pair_drawings(text)))
        drawn[name] = pairs, " ".join(map(pair_words, texts))
    if contents.masks:
        masks = beside(mask_drawing(one, contents.mask_size) for one in contents.masks)
        drawn["mask"] = masks, f"Attention masks: {', '.join(map(formula, contents.masks))}"
    return drawn


def tracked_tokens(agent: Agent, env: WholeText, folder: Path) -> TrackedPicture | None:
    """Write `tokens.svg`: validation texts with the weights of their words; None if the agent is no reader."""
    if not isinstance(agent, Reader):
        return None
    path = folder / "tokens.svg"
    tokens_picture(agent, env, 12, path)
    return TrackedPicture("tokens", path, "weights of words of validation texts")
