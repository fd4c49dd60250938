"""Cost of an answer: parameters, pixels read, and multiply-adds of one episode."""

from dataclasses import dataclass
from inspect import unwrap
from typing import Any

import torch
from torch.backends import cudnn

from glimpse.agents.ability_questions import pixels_read
from glimpse.agents.agent import Agent
from glimpse.envs.core import EvaluatedEnv
from glimpse.envs.images.picture_env import VisualEnv


@dataclass(frozen=True)
class Cost:
    """Cost of one episode of T steps.

    parameters: number of learned parameters.
    pixels: distinct pixels that the agent's input is made of. Through a retina that is T * K * C * P * P, and C * G * G
        more with a glance. Of a whole picture it is C * H * W, however often it is looked at; an agent that reads a
        part of it counts that part.
    multiply_adds: multiply-adds of matrix products and convolutions. Elementwise operations, the drawing of the
        picture and the retina's sums are left out.
    """

    parameters: int
    pixels: int
    multiply_adds: int

    def describe(self) -> str:
        """Return the cost as a line of text."""
        seen = f"{self.pixels:,} pixels, " if self.pixels else ""
        return f"{self.parameters:,} parameters; an episode: {seen}{self.multiply_adds:,} multiply-adds"


@torch.no_grad()
def measure_cost(agent: Agent, env: EvaluatedEnv, shown: int = 0) -> Cost:
    """Measure the cost of an episode that is not stopped early; it depends on shapes alone.

    Args:
        agent: the agent to measure.
        env: the environment that it acts in.
        shown: number of pixels that the environment shows in an episode.
    """
    from torch.utils.flop_counter import FlopCounterMode  # It imports a compiler for GPUs.

    example = torch.zeros(1, dtype=torch.int64, device=env.device)
    observation = env.reset(example, example)
    # Without cuDNN a GPU's LSTM is made of products that the counter knows.
    with cudnn.flags(enabled=False), FlopCounterMode(display=False, custom_mapping=_FUSED) as counter:
        _keep_from_the_compiler(type(counter.mode))
        memory = agent.initial_memory(observation)
        for _ in range(agent.steps):
            _, memory = agent(observation, memory)
    parameters = sum(parameter.numel() for parameter in agent.parameters())
    return Cost(parameters, pixels_read(agent, shown), counter.get_total_flops() // 2)


def _keep_from_the_compiler(counting: Any) -> None:
    """Let a class that counts operations not import `torch._dynamo`, which takes as long as torch.

    torch wraps its method to keep its compiler from tracing it. Nothing is compiled where costs are measured.
    """
    counting.__torch_dispatch__ = unwrap(counting.__torch_dispatch__)


def shown_pixels(env: VisualEnv, steps: int) -> int:
    """Return the number of pixels that the environment shows in an episode of `steps` steps."""
    once = _numbers(env, "glimpse")
    glance = _numbers(env, "glance") if "glance" in env.observation_space.spaces else 0
    return glance + (once if env.retina.shows_all else once * steps)


def _numbers(env: VisualEnv, name: str) -> int:
    """Return how many numbers a part of an observation has."""
    return int(torch.Size(env.observation_space[name].shape or ()).numel())


def _lstm_operations(features: Any, input_weight: Any, memory_weight: Any, *_: Any, **__: Any) -> int:
    """Return twice the multiply-adds of an LSTM's two products.

    Args:
        features: shape (T, B, G) of the input.
        input_weight: shape (4 D, G).
        memory_weight: shape (4 D, D).
    """
    steps, lanes, _width = features
    return 2 * int(steps * lanes) * sum(int(torch.Size(weight).numel()) for weight in (input_weight, memory_weight))


_FUSED = {torch.ops.aten.mkldnn_rnn_layer: _lstm_operations}
"""Operations that torch's counter does not know: on CPUs an LSTM is one fused operation."""
