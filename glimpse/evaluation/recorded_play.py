"""Greedy episodes that record what a drawing needs: the pictures of the environment and the readouts of the agent."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.ability_questions import as_reading_partially
from glimpse.agents.agent import Agent, Memory
from glimpse.agents.episode import Decision, Episode
from glimpse.agents.readout import Readout
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.core import BatchedEnv, StepResult
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.scores import evaluation_keys
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import play

Result = TypeVar("Result")


class RecordedEnv(BatchedEnv):
    """Environment that records its pictures.

    frames: a picture of all lanes, (E, C, H, W), from the reset and from each step.
    boxes: windows of the looks of all lanes, (E, K, 4), likewise; none where the retina's own are theirs.
    """

    def __init__(self, env: VisualEnv) -> None:
        """Wrap a picture environment."""
        self.env, self.frames, self.boxes = env, list[Tensor](), list[Tensor]()
        self.device, self.lengths = env.device, env.lengths
        self.observation_space, self.action_space = env.observation_space, env.action_space

    @property
    def examples(self) -> int:
        """Number of examples of the split."""
        return self.env.examples

    @property
    def label(self) -> Tensor:
        """The right answer of each lane."""
        return self.env.label

    def draw_example(self, key: Tensor) -> Tensor:
        """Draw an example for each episode's key."""
        return self.env.draw_example(key)

    def reset(self, example: Tensor, key: Tensor, copies: int = 1) -> dict[str, Tensor]:
        """Reset the environment and record its picture."""
        return self._recorded(self.env.reset(example, key, copies))

    def reset_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Reset some lanes and record the picture."""
        return self._recorded(self.env.reset_lanes(lanes, example, key))

    def step(self, action: dict[str, Tensor]) -> StepResult:
        """Act in the environment and record its picture."""
        return self._recorded(self.env.step(action))

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane."""
        return self.env.frame(lane, seen)

    def _recorded(self, result: Result) -> Result:
        """Record the picture and return the result."""
        self.frames.append(self.env.picture())
        boxes = self.env.window_boxes()
        if boxes is not None:
            self.boxes.append(boxes)
        return result


class RecordedAgent(Agent):
    """Agent that records its readout at each step, if it has one.

    readouts: the readouts so far.
    """

    def __init__(self, agent: Agent) -> None:
        """Wrap an agent."""
        super().__init__()
        self.agent, self.steps, self.readouts = agent, agent.steps, list[Readout]()
        self._reading, self.noise_width = as_reading_partially(agent), agent.noise_width

    def initial_memory(self, observation: dict[str, Tensor]) -> Memory:
        """Return the agent's memory before the first step."""
        return self.agent.initial_memory(observation)

    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """Record the agent's readout and make its step."""
        if self._reading is not None:
            self.readouts.append(self._reading.readout(observation, memory))
        result: tuple[Decision, Memory] = self.agent(observation, memory)
        return result

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the agent's action."""
        return self.agent.act(decision, noise, greedy)

    def stacked(self) -> dict[str, Tensor]:
        """Return each part of the readouts, (T, E, ...), by name; nothing for an agent that is shown glimpses."""
        if not self.readouts:
            return {}
        return dict(zip(Readout._fields, map(torch.stack, zip(*self.readouts, strict=True)), strict=True))


def play_greedily(
    agent: Agent,
    env: VisualEnv,
    example: Tensor,
    options: EvaluateOptions,
    recorded: RecordedEnv | None = None,
    most: int | None = None,
) -> Episode:
    """Play greedy episodes on the pictures of the evaluation, in its precision.

    Args:
        agent: the agent that plays.
        env: shows the split.
        example: (E,) int64.
        options: seed and precision of the evaluation.
        recorded: the environment's recorder; without it nothing is recorded.
        most: steps that are played at most; by default all.
    """
    keys, kind = evaluation_keys(env, options)[example], env.device.type
    with torch.autocast(kind, torch.bfloat16, enabled=use_bfloat16(options.precision, env.device)):
        return play(recorded or env, agent, example, keys, greedy=True, most=most)
