"""Report of a run that translates: its translation quality, and which source tokens it attends to.

Sentences of the test set are never shown.
"""

from pathlib import Path

from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.replay import evenly
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.report_size import MOST_SHOWN, fewer_note, fitting_files
from glimpse.reporting.run_record import RunRecord, training_charts
from glimpse.reporting.small_pictures import small_png
from glimpse.reporting.tracked_picture import TrackedPicture
from glimpse.reporting.translation.alignment_image import alignment_image
from glimpse.reporting.translation.measured_translations import measured_translations
from glimpse.reporting.translation.shown_translations import alignments_file, alignments_picture, shown_sentences
from glimpse.reporting.translation.translation_page import translation_charts, translation_page

_MOST_PNG, _MOST_DRAWN = 300_000, 16
"""Largest picture beside the page, in bytes, and the most sentences in it."""


def translation_files(record: RunRecord, sentences: int) -> dict[str, bytes]:
    """Return the files of the report by name; `sentences` sentences are shown, or as many as fit."""
    trained = record.trained
    shown = shown_sentences(trained.agent, trained.env, min(sentences, MOST_SHOWN))
    measured = measured_translations(trained.folder.evaluation_path)
    # Agents that learn from references alone have no reward.
    curves = training_charts(record, left_out=() if trained.agent.stochastic else ("train/reward",))
    charts = [*translation_charts(measured), *curves]

    def write(count: int, detail: float) -> dict[str, bytes]:
        some = [shown[number] for number in evenly(len(shown), count)]
        few = some[: round(_MOST_DRAWN * detail)]
        fewer = fewer_note(count, min(sentences, trained.env.examples))
        return {
            "alignments.svg": alignments_file(few),
            "alignments.png": small_png(alignment_image([(one.target, one.alignment) for one in few]), _MOST_PNG),
            "curves.png": png(charts_image(charts)),
            "index.html": translation_page(record, measured, some, curves, fewer).encode(),
        }

    return fitting_files(write, len(shown))


def tracked_alignments(agent: Translator, env: Translating, folder: Path) -> TrackedPicture:
    """Write `alignments.svg`: the alignments of some sentences of the validation split."""
    path = folder / "alignments.svg"
    alignments_picture(agent, env, 12, path)
    return TrackedPicture("alignments", path, "alignments of validation sentences")
