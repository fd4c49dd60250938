"""Benchmark of searches in documents: milliseconds of a step, by how many sentences there are and questions at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.config.files import load_experiment
from glimpse.runs.build import make_agent, make_split_env
from glimpse.runs.rollout import play
from glimpse.runs.threads import set_threads

WORDS = (4_000, 400_000)
"""Words of generated texts; one from 100,000 words on is the whole store, here of 44,000 sentences."""
_QUICK_WORDS = 100_000


def bench_search(watch: Stopwatch) -> None:
    """Measure a step of facts-two, untrained, on one core: to rank, to read what was opened, and to open another.

    The beginning of an episode, in which the question is drawn, is part of its steps.
    """
    set_threads(1)
    alone: dict[int, float] = {}
    for words in WORDS:
        for lanes in (1, 32):
            works = _works(watch.device, min(words, _QUICK_WORDS) if watch.quick else words, lanes)
            rate, env_rate = watch.rates(works.search, works.env_steps)
            setting = f"texts of {words:,} words, a store of {works.sentences:,} sentences, {lanes} at once"
            watch.add("search", setting, 1000 * lanes / rate, "ms a step")
            watch.add("search, the environment alone", setting, 1000 * lanes / env_rate, "ms a step")
            alone |= {words: rate} if lanes == 1 else {}
    small, large = alone.values()
    watch.add("search, large against small", "1 at once", small / large, "times the time")


class _Works(NamedTuple):
    """What is measured.

    search: searches for the answers to some questions, and counts steps of all of them.
    env_steps: steps the environment alone, opens its first candidate each time, and counts these steps.
    sentences: number of sentences in the store.
    """

    search: Callable[[], int]
    env_steps: Callable[[], int]
    sentences: int


def _works(device: torch.device, words: int, lanes: int) -> _Works:
    changed = ["task.filler=generated", "task.vectors=none", "task.distractors=0", f"task.words={words}"]
    experiment = load_experiment("facts-two", changed)
    env: Any = make_split_env(experiment, "validation", device)
    agent = make_agent(experiment, env).eval().requires_grad_(False)
    example = torch.arange(lanes, device=device)
    opens: int = env.options.opens
    action = {"open": torch.ones_like(example), "answer": torch.zeros_like(example)}

    def search() -> int:
        return int(play(env, agent, example, example, greedy=True).step_mask.sum())

    def env_steps() -> int:
        env.reset(example, example)
        for _ in range(opens):
            env.step(action)
        return lanes * opens

    return _Works(search, env_steps, len(env.store))
