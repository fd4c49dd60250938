"""Wait-k by the same weights as a learned policy: what each lag is worth without one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from glimpse.agents.translation.interpreter import Interpreter
from glimpse.charts import Chart, Series
from glimpse.envs.translation.interpreting import Interpreting
from glimpse.envs.translation.lagging import differentiable_lagging
from glimpse.translation.lags import mean_lag
from glimpse.translation.measures import measure_quality
from glimpse.translation.translating import interpret_texts

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


def lag_chart(split: str, measured: dict[str, Any]) -> Chart:
    """BLEU over the differentiable lag, which no policy makes small by some early pieces: wait-k, and the run's own."""
    own = measured["interpreted"]
    waits = tuple((one["dal_words"], one["bleu"]) for one in measured["waits"])
    return Chart(
        f"{split.capitalize()} BLEU by lag",
        "words behind (differentiable average lagging)",
        (Series("own policy", ((own["dal_words"], own["bleu"]),)), Series("wait-k", waits, "control")),
    )
