"""Families of environments: the parts that differ between images, control, texts and translation.

Everything else asks the family of a task and names no agent, environment or option class. Adding a family: its parts
in the rooms that they belong to, and an entry here. Parts are named as `module:attribute` and imported when needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any

from glimpse.envs import ENVIRONMENTS


@dataclass(frozen=True)
class Family:
    """Parts of one family of environments.

    summary: what it is, in a line.
    evaluator: class of its evaluator, a `glimpse.evaluation.evaluator.Evaluator`.
    report: function (`RunRecord`, number of examples) -> the report's files by name; see `glimpse.reporting.report`.
    picture: function (agent, environment, folder) -> a `glimpse.reporting.tracked_picture.TrackedPicture` for the
        tracker, or None; "" for no picture.
    commands: functions that answer examples of a user's own, by the command that asks for them: `text`
        (`glimpse evaluate --text`) or `translate`.
    predictor: function (`TrainedRun`, inputs, `PredictOptions`) -> a prediction for each input of a user's own; "" for
        none. See `glimpse.inference.loaded_agent`.
    takes: what the predictor takes: `pictures`, `texts`, or `questions` about a folder of documents.
    predicts: kinds of environments whose inputs the predictor takes; none for all of the family.
    graph: function (`TrainedRun`) -> its agent as a `glimpse.inference.onnx_graph.OnnxGraph`, to be exported; "" for
        none.
    by_length: whether batches are made of examples of similar length.
    """

    summary: str
    evaluator: str
    report: str
    picture: str = ""
    commands: Mapping[str, str] = field(default_factory=dict)
    predictor: str = ""
    takes: str = ""
    predicts: tuple[str, ...] = ()
    graph: str = ""
    by_length: bool = False


_IMAGES, _TEXT, _TRANSLATION = (f"glimpse.reporting.{room}" for room in ("images", "text", "translation"))
_INFERENCE = "glimpse.inference"
_TRANSLATE = {"translate": f"{_TRANSLATION}.own_texts:translate_command"}

FAMILIES: dict[str, Family] = {
    "images": Family(
        "An image is seen through glimpses, and a class is named",
        evaluator="glimpse.evaluation.image_evaluator:ImageEvaluator",
        report=f"{_IMAGES}.image_report:image_files",
        picture=f"{_IMAGES}.image_report:tracked_scanpaths",
        predictor=f"{_INFERENCE}.image_predictor:predict_images",
        takes="pictures",
        predicts=("classification",),
        graph=f"{_INFERENCE}.image_graphs:image_graph",
    ),
    "control": Family(
        "A moving scene is seen through glimpses, and the agent acts in it",
        evaluator="glimpse.evaluation.image_evaluator:ControlEvaluator",
        report=f"{_IMAGES}.image_report:image_files",
        picture=f"{_IMAGES}.image_report:tracked_scanpaths",
    ),
    "text": Family(
        "A whole text, or two, is shown at once",
        evaluator="glimpse.evaluation.text_evaluator:TextEvaluator",
        report=f"{_TEXT}.text_report:text_files",
        picture=f"{_TEXT}.text_report:tracked_tokens",
        commands={"text": f"{_TEXT}.own_text:read_command"},
        predictor=f"{_INFERENCE}.text_predictor:predict_whole_texts",
        takes="texts",
        graph=f"{_INFERENCE}.text_graphs:text_graph",
        by_length=True,
    ),
    "reading": Family(
        "A text is read in part: window by window, or the words that are chosen",
        evaluator="glimpse.evaluation.text_evaluator:ReadingEvaluator",
        report=f"{_TEXT}.skim_report:skim_files",
        commands={"text": f"{_TEXT}.own_text:skim_command"},
        predictor=f"{_INFERENCE}.text_predictor:predict_partial_texts",
        takes="texts",
        predicts=("skim", "select"),
        by_length=True,
    ),
    "documents": Family(
        "Documents are searched: sentences are opened, one at a time, until an answer is known",
        evaluator="glimpse.evaluation.text_evaluator:ReadingEvaluator",
        report=f"{_TEXT}.document_report:document_files",
        predictor=f"{_INFERENCE}.document_predictor:predict_questions",
        takes="questions",
    ),
    "translation": Family(
        "A sentence is shown, and translated",
        evaluator="glimpse.evaluation.translation_evaluator:TranslationEvaluator",
        report=f"{_TRANSLATION}.translation_report:translation_files",
        picture=f"{_TRANSLATION}.translation_report:tracked_alignments",
        commands=_TRANSLATE,
        predictor=f"{_INFERENCE}.translation_predictor:predict_translations",
        takes="texts",
        graph=f"{_INFERENCE}.translation_graphs:translation_graph",
        by_length=True,
    ),
    "simultaneous translation": Family(
        "A sentence is read token by token, and translated meanwhile",
        evaluator="glimpse.evaluation.simultaneous_evaluator:SimultaneousEvaluator",
        report=f"{_TRANSLATION}.translation_report:translation_files",
        picture=f"{_TRANSLATION}.translation_report:tracked_alignments",
        commands=_TRANSLATE,
        predictor=f"{_INFERENCE}.translation_predictor:predict_translations",
        takes="texts",
        by_length=True,
    ),
}


def family_of(task: str) -> Family:
    """Return the family of a task, by its environment's name; an unknown one is refused in the config."""
    return FAMILIES[ENVIRONMENTS[task].family]


def inputs_taken(task: str) -> str:
    """Return what an agent of a task answers of a user's own: `pictures`, `texts`, `questions`, or "" for nothing."""
    family = family_of(task)
    fits = bool(family.predictor) and (not family.predicts or ENVIRONMENTS[task].kind in family.predicts)
    return family.takes if fits else ""


def family_part(name: str) -> Any:
    """Import a family's part by its name, `module:attribute`."""
    return resolve_name(name)
