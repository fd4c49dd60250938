"""Matrices between hidden layers, which optimisers such as Muon are made for."""

from collections.abc import Collection

import numpy as np
from gymnasium import spaces
from torch import nn

from glimpse.agents.embedding import Embedding


def output_sizes(action_space: spaces.Dict) -> frozenset[int]:
    """Return the numbers of units of output layers: of classes, labels, moves, levels or coordinates, and 1."""
    found = {1}
    for name, space in action_space.spaces.items():
        if isinstance(space, spaces.Discrete):
            found.add(int(space.n))
        elif name == "labels":
            found.add(int(np.prod(space.shape or ())))
        elif isinstance(space, spaces.MultiDiscrete):
            found |= {int(size) for size in np.unique(space.nvec)}
        elif isinstance(space, spaces.Box):
            found.add(int(np.prod(space.shape)))
            if space.is_bounded():
                found |= {round(float(level)) + 1 for level in np.unique(space.high - space.low)}
    return frozenset(found)


def hidden_matrices(agent: nn.Module, outputs: Collection[int]) -> list[nn.Parameter]:
    """Return the matrices of an agent that map one hidden layer to another, in the order of its parameters.

    These are parameters (outputs, inputs) whose own name begins with `weight` or ends with it, but not tables of
    vectors, nor output layers.

    Args:
        agent: the agent.
        outputs: numbers of units of its output layers; see `output_sizes`.
    """
    tables = {
        id(table) for part in agent.modules() if isinstance(part, Embedding | nn.Embedding) for table in [part.weight]
    }
    return [
        value
        for name, value in agent.named_parameters()
        if "weight" in name.rpartition(".")[2] and value.dim() == 2 and value.shape[0] not in outputs
        if id(value) not in tables
    ]
