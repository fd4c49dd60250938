"""Benchmark of latency: milliseconds that a trained agent takes for one picture, and a skimmer for one text."""

from collections.abc import Callable
from typing import Any, cast

import torch

import glimpse
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.config.files import load_experiment
from glimpse.envs.text.given_texts import given_texts
from glimpse.envs.text.options import SkimOptions, WholeTextOptions
from glimpse.envs.text.skimming import Skimming
from glimpse.envs.text.whole_text import TextsAndVectors, WholeText
from glimpse.runs.build import make_agent, make_split_env
from glimpse.runs.rollout import play
from glimpse.runs.threads import set_threads

WORDS = 400
"""Length of the text that is skimmed: that to which IMDB's texts are cut."""


def bench_latency(watch: Stopwatch) -> None:
    """Measure the latency of a prediction of RAM, with its parts, and of skimming against reading everything."""
    set_threads(1)
    _add_picture(watch)
    _add_text(watch)


def _add_picture(watch: Stopwatch) -> None:
    """Measure how long the zoo's RAM takes for one picture, how much of it is its network, and what drawing adds."""
    loaded = glimpse.load("mnist-ram", device=str(watch.device))
    picture = torch.randint(256, (28, 28), generator=torch.manual_seed(0)).to(torch.uint8).numpy()
    predict = _once(lambda: loaded.predict(picture))
    drawn = _once(lambda: loaded.predict(picture).drawing)
    whole, network, drawing = watch.rates(predict, _once(_steps_of(loaded, watch.device)), drawn)
    watch.add("latency", "RAM, one picture, predict", 1000 / whole, "ms")
    watch.add("latency, share of predict", "RAM, one picture, its network", 100 * whole / network, "%")
    watch.add("latency, predict and drawing", "RAM, one picture", whole / drawing, "times predict")


def _steps_of(loaded: Any, device: torch.device) -> Callable[[], object]:
    """Return a function that takes the steps of an agent's network for one episode, without an environment."""
    agent, space = loaded.module, loaded.env.observation_space
    # An episode begins at time 0; after the last step there is nothing to decide.
    first = {**space.sample(), "time": 0}
    observation = {name: torch.as_tensor(part, device=device)[None] for name, part in first.items()}

    @torch.no_grad()
    def steps() -> None:
        memory = agent.initial_memory(observation)
        for _ in range(agent.steps):
            _, memory = agent(observation, memory)

    return steps


def _add_text(watch: Stopwatch) -> None:
    """Measure how long the skimmer of imdb-jump takes for one text beside the reader of imdb-gru, both untrained."""
    skim = _text_episode(watch.device, "imdb-jump", Skimming)
    read = _text_episode(watch.device, "imdb-gru", WholeText)
    skimming, reading = watch.rates(_once(skim), _once(read))
    setting = f"one text of {WORDS} words"
    watch.add("latency", f"skimmer, {setting}", 1000 / skimming, "ms")
    watch.add("latency", f"reader of everything, {setting}", 1000 / reading, "ms")
    watch.add("latency, skimming against reading everything", setting, skimming / reading, "times as fast")


def _text_episode(device: torch.device, config: str, environment: Any) -> Callable[[], object]:
    """Return a function that plays an episode of a config's agent on a text; its weights and words are arbitrary."""
    experiment = load_experiment(config, ["task.data=planted", "task.vectors=none"])
    meaning = make_split_env(experiment, "validation", torch.device("cpu")).meaning()
    text = " ".join(meaning.words[-20:] * (WORDS // 20))
    texts = given_texts(cast(WholeTextOptions | SkimOptions, experiment.task), meaning, [[text]])
    env = environment(experiment.task, TextsAndVectors(texts, None, meaning.shapes), device=device)
    agent = make_agent(experiment, env).requires_grad_(False)
    example = torch.zeros(1, dtype=torch.int64, device=device)
    return lambda: play(env, agent, example, example, greedy=True)


def _once(work: Callable[[], object]) -> Callable[[], int]:
    """Return a function that does something and counts it."""

    def counted() -> int:
        work()
        return 1

    return counted
