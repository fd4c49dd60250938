"""Wait-k by the same weights as a learned policy: what each lag is worth without one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from glimpse.agents.translation.simultaneous_translator import Interpreter
from glimpse.envs.translation.lagging import differentiable_lagging
from glimpse.envs.translation.simultaneous import Interpreting
from glimpse.evaluation.bleu import measure_quality
from glimpse.evaluation.generation import interpret_texts
from glimpse.evaluation.lags import mean_lag

WAITS = (1, 3, 5, 7, 9)
"""Pieces that are heard before the first one is written."""


class Waited(NamedTuple):
    """BLEU of waiting for `wait` pieces, and in words its mean average lagging, and the differentiable one."""

    wait: int
    bleu: float
    lag_words: float
    dal_words: float


def measure_waits(agent: Interpreter, world: Interpreting, batch: int) -> list[Waited]:
    """Interpret all sentences of the world's split once for each of `WAITS`."""
    found = []
    for wait in WAITS:
        with agent.waiting(wait):
            made = interpret_texts(agent, world, world.texts.source, batch)
        given = [one.target for one in made]
        bleu = measure_quality(given, world.texts.target, world.options.lower).bleu
        found.append(Waited(wait, bleu, mean_lag(world, made), mean_lag(world, made, differentiable_lagging)))
    return found


def bleu_at(dal_words: float, waits: Sequence[Waited]) -> float:
    """BLEU of wait-k at a differentiable lag, on straight lines between those measured, and level beyond them."""
    ordered = sorted(waits, key=lambda one: one.dal_words)
    return float(np.interp(dal_words, [one.dal_words for one in ordered], [one.bleu for one in ordered]))
