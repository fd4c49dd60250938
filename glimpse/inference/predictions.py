"""Predictions of agents for single inputs, with what the agent looked at on the way.

Axes: t glimpses, K scales, C channels, P patch side, N classes, L tokens of a source, M tokens of a translation.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.text.label_columns import BETWEEN_LABELS
from glimpse.inference.prediction_figures import embedded_png, scanpath_figure

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Prediction(ABC):
    """Base class of predictions."""

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain data: strings, numbers, lists and dicts, for JSON."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self) if each.repr}

    @abstractmethod
    def cells(self) -> dict[str, Any]:
        """Return the columns that a table has of it: `prediction`, perhaps `probability`, and what the agent chose."""

    def lines_below(self) -> list[str]:
        """Return lines that people see below the answer; by default none."""
        return []

    def notes(self) -> list[str]:
        """Return lines that people are told once, though they be those of several answers; by default none."""
        return []


@dataclass(frozen=True)
class LabelPrediction(Prediction):
    """Prediction of what an example's labels are: a class, a score, or several labels at once.

    label: the likeliest class; None where a score or several labels are predicted.
    labels: the labels of a probability above 1/2; None where only one answer is asked for.
    score: the predicted score; None where classes or labels are.
    probabilities: probability of each class or label by its name; empty where a score is predicted.
    """

    label: str | None
    labels: tuple[str, ...] | None
    score: float | None
    probabilities: dict[str, float]

    @property
    def probability(self) -> float | None:
        """Probability of the likeliest class; None where a score or several labels are predicted."""
        return None if self.label is None else self.probabilities[self.label]

    @property
    def answer_text(self) -> str:
        """The answer in words: a class with its probability, a score, or labels."""
        if self.label is not None:
            return f"{self.label}, {self.probability:.3f}"
        return f"{self.score:.4g}" if self.labels is None else ", ".join(self.labels) or "no label"

    def answer_cells(self) -> dict[str, Any]:
        """Return `prediction`, and `probability` of a class; several labels are joined by |, as in a table of them."""
        if self.label is not None:
            return {"prediction": self.label, "probability": self.probability}
        return {"prediction": self.score if self.labels is None else BETWEEN_LABELS.join(self.labels)}


@dataclass(frozen=True)
class ImagePrediction(LabelPrediction):
    """Answer to a picture, and where the agent looked.

    locations: (t, 2) in [-1, 1], (x, y) of each glimpse.
    answers_over_time: answer after each glimpse: the likeliest class, the score, or the labels.
    probabilities_over_time: (t, N), probability of each class or label after each glimpse; N is 0 for scores.
    glimpses: (t, K, C, P, P) in [0, 1], the patches that the agent saw.
    picture: (C, H, W) uint8, the whole picture as the environment held it.
    draw: makes `drawing`.
    """

    locations: Floats
    answers_over_time: tuple[str | float | tuple[str, ...], ...]
    probabilities_over_time: Floats
    glimpses: Floats = field(repr=False)
    picture: NDArray[np.uint8] = field(repr=False)
    draw: Callable[[], bytes] = field(repr=False)

    @cached_property
    def drawing(self) -> bytes:
        """PNG of the picture with the scanpath; it is drawn when it is first asked for, since that takes a while."""
        return self.draw()

    def cells(self) -> dict[str, Any]:
        """Return the answer, its probability if it is a class, and locations, rounded."""
        locations = [[round(float(at), 4) for at in location] for location in self.locations]
        return {**self.answer_cells(), "locations": locations}

    def figure(self) -> Any:
        """Return a matplotlib figure: the picture with the scanpath, and the answers after each glimpse.

        These are the probabilities of the likeliest classes or labels, or the score.
        """
        if self.score is not None:
            scores = np.array(self.answers_over_time, np.float32)[:, None]
            return scanpath_figure(self.drawing, self.answer_text, ["score"], scores, "score")
        return scanpath_figure(
            self.drawing, self.answer_text, list(self.probabilities), self.probabilities_over_time, "probability"
        )

    def _repr_html_(self) -> str:
        """Return the picture and the answer, for notebooks."""
        return f"{embedded_png(self.drawing, 'scanpath')}<p>{escape(self.answer_text)}</p>"


@dataclass(frozen=True)
class Token:
    """Token of a text, as an agent read it.

    text: the token.
    weight: its attention weight; None where the agent has none for single tokens.
    kept: whether an agent that reads in part read it; True for agents that read everything.
    known: whether it is in the vocabulary.
    span: first and last position (exclusive) of its characters in the text.
    """

    text: str
    weight: float | None
    kept: bool
    known: bool
    span: tuple[int, int]


@dataclass(frozen=True)
class TextPrediction(LabelPrediction):
    """Answer to a text, or to a pair, and what the agent read and attended to.

    tokens: tokens of the text; second: those of the second text of a pair.
    selective: whether the agent reads in part.
    page: the text as HTML.
    """

    tokens: tuple[Token, ...]
    second: tuple[Token, ...]
    selective: bool
    page: str = field(repr=False)

    @property
    def kept_spans(self) -> tuple[tuple[int, int], ...]:
        """Spans of the words of the first text that the agent read; neighbours are one span."""
        spans: list[tuple[int, int]] = []
        last = -2
        for number, token in enumerate(self.tokens):
            if token.kept:
                joined = last == number - 1 and spans
                begin = spans.pop()[0] if joined else token.span[0]
                spans.append((begin, token.span[1]))
                last = number
        return tuple(spans)

    def cells(self) -> dict[str, Any]:
        """Return the answer, and the spans of the kept words where the agent reads in part."""
        return {**self.answer_cells(), **({"kept": self.kept_spans} if self.selective else {})}

    def _repr_html_(self) -> str:
        """Return the text with its weights and the answer, for notebooks."""
        return self.page


@dataclass(frozen=True)
class TranslationPrediction(Prediction):
    """Translation of a sentence.

    text: the sentence; translation: its translation.
    log_prob: log-probability of the translation; 0 for simultaneous translations.
    source_tokens, target_tokens: tokens of both, with the end last.
    alignment: (M, L), attention to the source's tokens (columns) at each token of the translation; for a simultaneous
        translation what had been read. None without attention.
    alternatives: the best translations with their log-probabilities, `translation` first, if several were asked for.
    """

    text: str
    translation: str
    log_prob: float
    source_tokens: tuple[str, ...]
    target_tokens: tuple[str, ...]
    alignment: Floats | None
    alternatives: tuple[tuple[str, float], ...] = ()

    def cells(self) -> dict[str, Any]:
        """Return the translation and its log-probability."""
        return {"prediction": self.translation, "log_prob": self.log_prob}


def _plain(value: Any) -> Any:
    """Return plain data."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value
