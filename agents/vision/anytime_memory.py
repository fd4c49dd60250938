"""Memory of the anytime agent, what its networks compute of recorded episodes, and where its looks are.

Axes: B episodes, T steps, M memory of the core, D memory, A cells of the policy, N classes, levels or labels.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class AnytimeMemory(NamedTuple):
    """Memory of the anytime agent.

    core: (B, M), of the recurrent core.
    keys: (B, A, width), of the policy's cells.
    visited: (B, A), 1 where a cell was looked at.
    glance: (B, F, h, w), the glance's map by a frozen encoder, for which training need not see it again; else (B, 0).
    found: (B, 3), score and location of the best place seen, where the answer is a point; else (B, 0).
    """

    core: Tensor
    keys: Tensor
    visited: Tensor
    glance: Tensor
    found: Tensor


class ReplayedLooks(NamedTuple):
    """What the networks compute of recorded episodes, with gradients.

    hidden: (T, B, D).
    logits: (T, B, N), float32; None where nothing is answered.
    point: (T, B, 2), the mean points; None where none are sampled.
    point_error: (T, B), of points that are the answer; None where they are not.
    log_prob: (T', B), of the looks that count: T - 1, or T where the last one is the answer.
    entropy: (T', B).
    imitation: the loss of imitating a teacher, a scalar; None where none is imitated.
    """

    hidden: Tensor
    logits: Tensor | None
    point: Tensor | None
    point_error: Tensor | None
    log_prob: Tensor
    entropy: Tensor
    imitation: Tensor | None = None


def sides_of(observation: dict[str, Tensor]) -> Tensor:
    """Return width and height over the longer side, (..., 2); ones where pictures are square or not zoomed."""
    return observation["sides"] if "sides" in observation else torch.ones_like(observation["location"])


def place_of(observation: dict[str, Tensor]) -> Tensor:
    """Return the location in the glance, and the zoom if there is one: (..., 2) or (..., 3)."""
    place = observation["location"] * sides_of(observation)
    return torch.cat([place, observation["zoom"]], -1) if "zoom" in observation else place
