"""Answers to questions of a user's own about a folder of documents, with the sentences that were opened."""

from collections.abc import Sequence
from typing import Any

from glimpse.envs.documents.searched_folder import SearchedFolder
from glimpse.envs.text.characters import has_surrogates
from glimpse.errors import UserError
from glimpse.evaluation.store_paths import OfferedSentence, PathStep, StorePath, store_paths
from glimpse.inference.predict_options import PredictOptions
from glimpse.inference.question_predictions import (
    AttendedSentence,
    OpenedSentence,
    QuestionPrediction,
    QuestionWords,
    UnknownWords,
)
from glimpse.reporting.text.path_html import path_figure
from glimpse.runs.trained_run import TrainedRun


def predict_questions(trained: TrainedRun, inputs: Sequence[Any], options: PredictOptions) -> list[QuestionPrediction]:
    """Search the folder `options.documents` greedily for the answer to each question.

    Raises:
        UserError: if a question has no word.
        DataError: if there is no such folder, or no document in it can be read.
    """
    assert options.documents is not None  # See `check_search_options`.
    questions = [_question(one) for one in inputs]
    found = []
    for begin in range(0, len(questions), options.batch):
        found += _answer(trained, questions[begin : begin + options.batch], options.documents)
    return found


def _question(given: Any) -> str:
    """Return a question; raise UserError if it is none."""
    if not isinstance(given, str):
        raise UserError(f"expected a question, which is a text, got {type(given).__name__}")
    if has_surrogates(given):
        raise UserError(f"expected a question in UTF-8, got {ascii(given)}")
    if not any(map(str.isalnum, given)):
        raise UserError(f"expected a question of one word or more, got {given!r}")
    return given


def _answer(trained: TrainedRun, questions: Sequence[str], folder: str) -> list[QuestionPrediction]:
    """Answer a batch of questions."""
    task: Any = trained.experiment.task
    env = SearchedFolder(
        task,
        trained.env.meaning(),
        folder,
        questions,
        root=trained.experiment.data.root,
        device=trained.env.device,
    )
    paths = store_paths(trained.agent, env, trained.experiment.evaluate, range(len(questions)))
    unknown = UnknownWords(*env.unknown)
    return [
        _prediction(path, env.classes, unknown, QuestionWords(*asked))
        for path, asked in zip(paths, env.asked, strict=True)
    ]


def _prediction(
    path: StorePath, classes: Sequence[str], unknown: UnknownWords, asked: QuestionWords
) -> QuestionPrediction:
    """Return the prediction of a path."""
    opened = tuple(
        OpenedSentence(*one.sentence, _probability(path, step, one), one.words, one.words_read)
        for step in path.steps
        for one in step.offered
        if one.opened
    )
    return QuestionPrediction(
        label=classes[path.answered],
        labels=None,
        score=None,
        probabilities={name: float(value) for name, value in zip(classes, path.belief, strict=True)},
        question=path.question,
        opened=opened,
        attended=tuple(AttendedSentence(*one.sentence, one.weight, one.words, one.words_read) for one in path.attended),
        unknown_words=unknown,
        question_words=asked,
        page=str(path_figure(path, classes)),
    )


def _probability(path: StorePath, step: PathStep, one: OfferedSentence) -> float:
    """Return the probability of opening a sentence; where a vector points, that of opening anything."""
    return 1 - step.answers if path.weights == "cosine" else one.weight
