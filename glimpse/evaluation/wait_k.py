"""Wait-k with the weights of a learned policy: a control that shows which BLEU each lag reaches without the policy."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.envs.translation.lagging import differentiable_lagging
from glimpse.envs.translation.simultaneous import SimultaneousTranslation
from glimpse.evaluation.bleu import measure_quality
from glimpse.evaluation.generation import translate_simultaneously
from glimpse.evaluation.lags import mean_lag, mean_reference_lag

WAITS = (1, 3, 5, 7, 9)
"""Values of k, the number of source tokens that are read before the first target token is written."""


class WaitKResult(NamedTuple):
    """Result of wait-k for one k.

    wait: k, in tokens.
    bleu: BLEU, in percent.
    lag_words: mean average lagging, in words.
    reference_lag_words: the same with the length of the reference, in words; see `mean_reference_lag`.
    dal_words: mean differentiable average lagging, in words.
    """

    wait: int
    bleu: float
    lag_words: float
    reference_lag_words: float
    dal_words: float


def measure_wait_k(agent: SimultaneousTranslator, env: SimultaneousTranslation, batch: int) -> list[WaitKResult]:
    """Translate all sentences of the environment's split once for each k of `WAITS`, and measure BLEU and lags."""
    results = []
    for wait in WAITS:
        with agent.using_wait_k(wait):
            translations = translate_simultaneously(agent, env, env.texts.source, batch)
        targets = [one.target for one in translations]
        bleu = measure_quality(targets, env.texts.target, env.options.lower, env.options.target).bleu
        behind_reference = mean_reference_lag(env, translations, env.texts.target)
        lag, dal = mean_lag(env, translations), mean_lag(env, translations, differentiable_lagging)
        results.append(WaitKResult(wait, bleu, lag, behind_reference, dal))
    return results


def wait_k_bleu_at(dal_words: float, results: Sequence[WaitKResult]) -> float:
    """Interpolate the BLEU of wait-k linearly at a differentiable lag; it is constant beyond the measured lags."""
    ordered = sorted(results, key=lambda one: one.dal_words)
    return float(np.interp(dal_words, [one.dal_words for one in ordered], [one.bleu for one in ordered]))
