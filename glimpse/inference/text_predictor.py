"""Predictions for texts, whether an agent reads them whole or in part."""

from collections.abc import Sequence
from typing import Any

from glimpse.errors import UserError
from glimpse.inference.predict_options import PredictOptions
from glimpse.inference.predictions import TextPrediction, Token
from glimpse.inference.word_spans import word_spans
from glimpse.reporting.text.accounts import Account, Text
from glimpse.reporting.text.own_text import OwnTexts, read_in_part, read_whole
from glimpse.reporting.text.token_html import text_figure
from glimpse.runs.trained_run import TrainedRun


def predict_whole_texts(trained: TrainedRun, inputs: Sequence[Any], options: PredictOptions) -> list[TextPrediction]:
    """Predict the classes or scores of texts that an agent reads whole; an input is a text, or a tuple of two.

    Raises:
        UserError: if an input is no text, or the number of texts is wrong.
    """
    return _predictions(read_whole(trained, _texts(inputs)))


def predict_partial_texts(trained: TrainedRun, inputs: Sequence[Any], options: PredictOptions) -> list[TextPrediction]:
    """Predict the classes of texts that an agent reads in part; see `predict_whole_texts`."""
    return _predictions(read_in_part(trained, _texts(inputs)))


def _texts(inputs: Sequence[Any]) -> list[tuple[str, ...]]:
    """Return each input as one text or two."""
    given = [(one,) if isinstance(one, str) else one for one in inputs]
    for one in given:
        if not isinstance(one, tuple) or not 1 <= len(one) <= 2 or not all(isinstance(text, str) for text in one):
            raise UserError(f"expected a text, or a tuple of two texts, got {type(one).__name__}")
    return given


def _predictions(read: OwnTexts) -> list[TextPrediction]:
    return [_prediction(one, given.typed, read.classes) for given, one in zip(read.given, read.accounts, strict=True)]


def _prediction(one: Account, typed: Sequence[str], classes: Sequence[str]) -> TextPrediction:
    """Return the prediction of an account of texts, as they were typed."""
    tokens = [_tokens(text, whole) for text, whole in zip(one.texts, typed, strict=True)]
    return TextPrediction(
        label=classes[one.answered] if one.score is None else None,
        probabilities={name: float(value) for name, value in zip(classes, one.belief, strict=False)},
        score=one.score,
        tokens=tokens[0],
        second=tokens[1] if len(tokens) > 1 else (),
        selective=one.texts[0].dropped is not None,
        page=text_figure(one, classes),
    )


def _tokens(text: Text, typed: str) -> tuple[Token, ...]:
    """Return the tokens of a text with their weights, and where they stand in the text as it was typed."""
    colour, spans = text.colour, word_spans(typed, text.words)
    return tuple(
        Token(
            word,
            None if colour is None else float(colour[at]),
            text.dropped is None or not bool(text.dropped[at]),
            not bool(text.unknown[at]),
            spans[at],
        )
        for at, word in enumerate(text.words)
    )
