"""Graphs of agents for images: one step of an agent that looks, or all steps of one that sees the whole picture.

Axes: B episodes, T steps, C channels, H x W pixels, N classes, D memory.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn

from glimpse.agents.agent import Agent
from glimpse.agents.answer_kinds import belief_of
from glimpse.agents.vision.full_view import FullViewAgent
from glimpse.agents.vision.hard_grid import HardGrid
from glimpse.agents.vision.locator_agent import LocatorAgent
from glimpse.agents.vision.locators import Locator
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.digit_pair import DigitPair
from glimpse.envs.images.picture_env import PictureEnv
from glimpse.errors import UserError
from glimpse.inference.onnx_graph import OnnxGraph, Port
from glimpse.runs.trained_run import TrainedRun


class LookingStep(nn.Module):
    """One greedy step of B episodes: the glimpse is cut out of the picture, and the agent answers and looks on."""

    def __init__(self, agent: Agent, env: PictureEnv) -> None:
        """Wrap an agent and its environment, whose retina is made part of the graph."""
        super().__init__()
        self.agent, self.env = agent, env

    def forward(
        self, picture: Tensor, location: Tensor, time: Tensor, memory: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Take a step.

        Args:
            picture: (B, C, H, W) uint8.
            location: (B, 2), clamped to [-1, 1].
            time: (B,) int64 in [0, T).
            memory: (B, D), ignored at time 0.
            noise: (B, 2) standard normal, for a locator that always samples.

        Returns:
            Probabilities (B, N) of classes or labels, or a score (B,); next location (B, 2), memory (B, D); and (B,),
            the probability of stopping, if the agent decides that.
        """
        observation = self.env.observation_of(picture, location.clamp(-1, 1), time)
        empty = self.agent.initial_memory(observation)
        begins = (time == 0).unsqueeze(1)
        if isinstance(self.agent, HardGrid):
            memory = empty._replace(core=torch.where(begins, empty.core, memory))
        else:
            memory = torch.where(begins, empty, memory)
        decision, after = self.agent(observation, memory)
        drawn = torch.zeros(picture.shape[0], 3) if noise is None else torch.cat([noise, noise[:, :1]], 1)
        action = self.agent.act(decision, drawn, True)
        core = after.core if isinstance(self.agent, HardGrid) else after
        stop = () if decision.stop is None else (decision.stop.sigmoid(),)
        return _answer(action, decision.answer), action["look"].clamp(-1, 1), core, *stop


def _answer(action: dict[str, Tensor], logits: Tensor) -> Tensor:
    """Return the score of an action, (B,), or the probabilities of classes or labels, (B, N)."""
    return action["score"].float() if "score" in action else belief_of(action, logits)


def _answer_port(env: Classification | DigitPair, before: tuple[str | int, ...], when: str) -> Port:
    """Return the output of the answers, with these axes before that of the classes."""
    if env.scores is not None:
        return Port("score", before, "score {}, from {:g} to {:g}".format(when, *env.scores))
    what = "probability of each label" if env.many else "class probabilities"
    return Port("probabilities", (*before, len(env.classes)), f"{what} {when}")


class WholeViewEpisode(nn.Module):
    """All T steps of B episodes of an agent that sees the whole picture, wherever it looks."""

    def __init__(self, agent: FullViewAgent, env: PictureEnv) -> None:
        """Wrap an agent and its environment."""
        super().__init__()
        self.agent, self.env = agent, env

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities (B, T, N) or scores (B, T) after each step, and the next locations (B, T, 2)."""
        location, time = torch.zeros(picture.shape[0], 2), torch.zeros(picture.shape[0], dtype=torch.int64)
        observation = self.env.observation_of(picture, location, time)
        memory, answers, looks = self.agent.initial_memory(observation), [], []
        for _ in range(self.agent.steps):
            decision, memory = self.agent(observation, memory)
            action = self.agent.act(decision, torch.zeros(picture.shape[0], 3), True)
            answers.append(_answer(action, decision.answer))
            looks.append(decision.mean_location.float())
        return torch.stack(answers, 1), torch.stack(looks, 1)


def image_graph(trained: TrainedRun) -> OnnxGraph:
    """Return the graph of a run's agent for images.

    Raises:
        UserError: if it cannot be exported.
    """
    agent, env = trained.agent, trained.env
    if isinstance(env, Classification | DigitPair):
        if env.zoom is not None:
            raise UserError(f"{trained.folder.path} has task.zoom, and agents that zoom cannot be exported")
        if isinstance(agent, FullViewAgent):
            return _whole_view(agent, env)
        if isinstance(agent, LocatorAgent | HardGrid):
            return _looking(agent, env)
    raise UserError(
        f"{trained.experiment.agent.name} cannot be exported: of the agents for images those can that look by a "
        "locator (ram and its controls, dram), by grid attention, or see the whole picture (draw, mlp, conv, cnn)"
    )


def _looking(agent: LocatorAgent | HardGrid, env: Classification | DigitPair) -> OnnxGraph:
    """Return the graph of a step."""
    picture, random = _picture(env), torch.Generator().manual_seed(0)
    sample = _pictures(env, 2, random)
    start = agent.initial_memory(env.observation_of(sample, torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64)))
    width = cast(Tensor, start.core if isinstance(agent, HardGrid) else start).shape[1]
    inputs = [
        picture,
        Port("location", ("batch", 2), "where the glimpse is taken, (x, y) in [-1, 1]: x to the right, y down"),
        Port("time", ("batch",), f"number of the step, int64 from 0 to {agent.steps - 1}"),
        Port("memory", ("batch", width), "memory of the step before; at time 0 it is ignored"),
    ]
    outputs = [
        _answer_port(env, ("batch",), "after this glimpse"),
        Port("next_location", ("batch", 2), "where the agent looks next, the mean of its policy"),
        Port("next_memory", ("batch", width), "memory for the next step"),
    ]
    draws = _draws(agent.locator)
    if draws:
        inputs.append(Port("noise", ("batch", 2), "standard normal numbers, which make the random location"))
        outputs[1] = Port("next_location", ("batch", 2), "where the agent looks next, drawn with the noise")
    if getattr(agent, "stop_policy", None) is not None:
        outputs.append(Port("stop", ("batch",), "probability of stopping with this answer; above 0.5 it stops"))
    samples = []
    for batch in (2, 1, 5):
        sample = _pictures(env, batch, random)
        location = torch.rand(batch, 2, generator=random) * 2.2 - 1.1
        for time in sorted({0, agent.steps // 2, agent.steps - 1}):
            memory = torch.rand(batch, width, generator=random)
            noise = (torch.randn(batch, 2, generator=random),) if draws else ()
            samples.append((sample, location, torch.full((batch,), time), memory, *noise))
    start_at, asked = env.initial_location, env.answers or 1  # A score is asked for once.
    facts = {
        "steps": agent.steps,
        "answer_times": [agent.steps * (number + 1) // asked - 1 for number in range(asked)],
        "initial_location": "random" if start_at.start is None else start_at.start.tolist(),
        "initial_location_std": start_at.std,
        "sigma": _sigma(agent.locator),
    }
    return OnnxGraph(LookingStep(agent, env), tuple(inputs), tuple(outputs), tuple(samples), facts)


def _whole_view(agent: FullViewAgent, env: Classification | DigitPair) -> OnnxGraph:
    """Return the graph of an episode."""
    random = torch.Generator().manual_seed(0)
    outputs = (
        _answer_port(env, ("batch", agent.steps), "after each step"),
        Port("locations", ("batch", agent.steps, 2), "mean location of what is read next, after each step"),
    )
    samples = tuple((_pictures(env, batch, random),) for batch in (2, 1, 5))
    return OnnxGraph(WholeViewEpisode(agent, env), (_picture(env),), outputs, samples, {"steps": agent.steps})


def _picture(env: Classification | DigitPair) -> Port:
    """Return the input of pictures."""
    shape = (env.meaning().shape[0], env.retina.height, env.retina.width)
    return Port("picture", ("batch", *shape), "the whole picture, uint8 from 0 (black) to 255: channels, rows, columns")


def _pictures(env: Classification | DigitPair, batch: int, random: torch.Generator) -> Tensor:
    """Return random pictures, (B, C, H, W) uint8."""
    shape = _picture(env).shape[1:]
    return torch.randint(0, 256, (batch, *cast("tuple[int, ...]", shape)), dtype=torch.uint8, generator=random)


def _draws(locator: Locator | None) -> bool:
    """Return whether a locator always samples, also where others take their mean."""
    return locator is not None and type(locator).sample is not Locator.sample


def _sigma(locator: Any) -> float | None:
    """Return the standard deviation of sampled locations; None where none is sampled from a Gaussian."""
    return None if locator is None or locator.gaussian is None else float(locator.gaussian.current())
