"""Predictions of translations."""

from collections.abc import Sequence
from typing import Any

from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.errors import UserError
from glimpse.evaluation.generation import Translation, translate_simultaneously, translate_texts
from glimpse.inference.predict_options import PredictOptions
from glimpse.inference.predictions import TranslationPrediction
from glimpse.reporting.translation.alignment import align
from glimpse.runs.trained_run import TrainedRun


def predict_translations(
    trained: TrainedRun, inputs: Sequence[Any], options: PredictOptions
) -> list[TranslationPrediction]:
    """Translate sentences.

    Raises:
        UserError: if an input is no text, or several translations are asked of a simultaneous translator.
    """
    agent, env = trained.agent, trained.env
    for one in inputs:
        if not isinstance(one, str) or not one.strip():
            raise UserError(f"expected a text of one word or more, got {one!r}")
    texts = [one.strip() for one in inputs]
    if isinstance(agent, SimultaneousTranslator):
        if options.n_best > 1:
            raise UserError("a simultaneous translator has one translation of a sentence: leave n_best out")
        found = translate_simultaneously(agent, env, texts, options.batch)
    else:
        found = translate_texts(agent, env, texts, agent.options.search, options.batch, n_best=options.n_best)
    return [_prediction(trained, one) for one in found]


def _prediction(trained: TrainedRun, one: Translation) -> TranslationPrediction:
    """Return the prediction of a translation, with its alignment."""
    aligned = align(trained.agent, trained.env, one)
    return TranslationPrediction(
        text=one.text,
        translation=one.target,
        log_prob=one.log_prob,
        source_tokens=tuple(aligned.source),
        target_tokens=tuple(aligned.target),
        alignment=aligned.mean,
        alternatives=tuple((each.target, each.log_prob) for each in one.alternatives),
    )
