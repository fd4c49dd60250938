"""What an answer costs: parameters, pixels, and multiply-adds of one episode."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.backends import cudnn
from torch.utils.flop_counter import FlopCounterMode

from glimpse.agents.agent import Agent
from glimpse.envs.images.whole_view import WholeView
from glimpse.envs.lanes import JudgedCore, shows_pictures


@dataclass(frozen=True)
class Cost:
    """Of one episode of T steps.

    parameters: numbers that are learned.
    pixels: distinct pixels that the agent's input is made of. Through a retina that is T * K * C * P * P, of a whole
        picture C * H * W, however often it is looked at; an agent that leaves some unread counts those it reads.
    multiply_adds: of products of matrices and convolutions. What is done number by number is left out, as are the
        making of the picture and the retina's sums.
    """

    parameters: int
    pixels: int
    multiply_adds: int

    def describe(self) -> str:
        """In a line."""
        seen = f"{self.pixels:,} pixels, " if self.pixels else ""
        return f"{self.parameters:,} parameters; an episode: {seen}{self.multiply_adds:,} multiply-adds"


@torch.no_grad()
def measure_cost(agent: Agent, world: JudgedCore) -> Cost:
    """The cost of an agent in a world, of an episode that is not stopped early; it follows from shapes alone."""
    example = torch.zeros(1, dtype=torch.int64, device=world.device)
    observation = world.begin(example, example)
    # Without cuDNN a GPU's LSTM is made of products that the counter knows.
    with cudnn.flags(enabled=False), FlopCounterMode(display=False, custom_mapping=_FUSED) as counter:
        memory = agent.begin(observation)
        for _ in range(agent.steps):
            _, memory = agent(observation, memory)
    parameters = sum(parameter.numel() for parameter in agent.parameters())
    return Cost(parameters, agent.pixels(_shown(world, agent.steps)), counter.get_total_flops() // 2)


def _shown(world: JudgedCore, steps: int) -> int:
    """Pixels that the world shows in so many steps."""
    if not shows_pictures(world):
        return 0
    shape = world.observation_space["glimpse"].shape or ()
    once = int(torch.Size(shape).numel())
    return once if isinstance(world.retina, WholeView) else once * steps


def _lstm_operations(features: Any, input_weight: Any, memory_weight: Any, *_: Any, **__: Any) -> int:
    """Twice the multiply-adds of an LSTM's two products, from the shapes (T, B, G), (4 D, G) and (4 D, D)."""
    steps, lanes, _width = features
    return 2 * int(steps * lanes) * sum(int(torch.Size(weight).numel()) for weight in (input_weight, memory_weight))


_FUSED = {torch.ops.aten.mkldnn_rnn_layer: _lstm_operations}
"""What torch's counter does not know: the CPU's LSTM is one operation."""
