"""Predictions for texts, whether an agent reads them whole or in part."""

from collections.abc import Sequence
from typing import Any

from glimpse.envs.text.token_spans import Span
from glimpse.errors import UserError
from glimpse.inference.predict_options import PredictOptions
from glimpse.inference.predictions import TextPrediction, Token
from glimpse.reporting.text.accounts import Account, Text
from glimpse.reporting.text.own_text import OwnTexts, read_in_part, read_whole
from glimpse.reporting.text.token_html import text_figure
from glimpse.runs.trained_run import TrainedRun


def predict_whole_texts(trained: TrainedRun, inputs: Sequence[Any], options: PredictOptions) -> list[TextPrediction]:
    """Predict the classes, scores or labels of texts that an agent reads whole; an input is a text, or a tuple of two.

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
    return [_prediction(one, given.spans, read.classes) for given, one in zip(read.given, read.accounts, strict=True)]


def _prediction(one: Account, spans: Sequence[Sequence[Span]], classes: Sequence[str]) -> TextPrediction:
    """Return the prediction of an account; `spans` are those of the tokens of each text."""
    tokens = [_tokens(text, its) for text, its in zip(one.texts, spans, strict=True)]
    return TextPrediction(
        label=classes[one.answered] if one.score is None and not one.many else None,
        labels=tuple(classes[number] for number in one.given) if one.many else None,
        probabilities={name: float(value) for name, value in zip(classes, one.belief, strict=False)},
        score=one.score,
        tokens=tokens[0],
        second=tokens[1] if len(tokens) > 1 else (),
        selective=one.texts[0].dropped is not None,
        page=str(text_figure(one, classes)),
    )


def _tokens(text: Text, spans: Sequence[Span]) -> tuple[Token, ...]:
    """Return the tokens of a text with their weights and spans."""
    colour = text.colour
    return tuple(
        Token(
            word,
            None if colour is None else float(colour[at]),
            text.dropped is None or not bool(text.dropped[at]),
            not bool(text.unknown[at]),
            (span.begin, span.end),
        )
        for at, (word, span) in enumerate(zip(text.words, spans, strict=True))
    )
