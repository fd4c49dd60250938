"""Base class of policies of looks: distributions over the next location and zoom.

Axes: B episodes, T steps, D memory width, N cells, A policy width, L zooms.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.vision.locators import Gaussian


class ZoomChoice(NamedTuple):
    """How an action chooses a zoom.

    levels: number L of zooms to choose from; 0 where there is no zoom, or any number may be chosen.
    continuous: whether it is any number in [0, 1].
    """

    levels: int = 0
    continuous: bool = False

    @classmethod
    def of(cls, action_space: spaces.Dict) -> "ZoomChoice":
        """Return the choice that an action space asks for."""
        space = action_space.spaces.get("zoom")
        if space is None:
            return cls()
        return cls(int(space.n)) if isinstance(space, spaces.Discrete) else cls(continuous=True)

    @property
    def asked(self) -> bool:
        """Whether an action has a zoom."""
        return self.continuous or self.levels > 0

    def action(self, zoom: Tensor) -> Tensor:
        """Return the action for zooms (B,) in [0, 1]: (B,) int64, or (B, 1)."""
        if self.continuous:
            return zoom.float().unsqueeze(-1)
        return (zoom * (self.levels - 1)).round().long()

    def value(self, action: Tensor) -> Tensor:
        """Return the zooms (...,) of actions, as `action` made them."""
        if self.continuous:
            return action.squeeze(-1)
        return action.float() / (self.levels - 1)


class LookPolicy(nn.Module, ABC):
    """Policy of looks. It reads the memory and, with cells, features of the glance at the cells.

    Its distribution's parameters are a dict of tensors, each (..., B, ...), which `forward` computes.

    zoom: how an action chooses a zoom.
    gaussian: noise of locations; None where they are the centres of cells.
    cells: number of cells N; 0 without.
    key_width: numbers A of a cell's key.
    learned: whether looks are learned.
    adapts: whether they can differ between pictures.
    """

    learned = True
    adapts = True

    zoom: ZoomChoice
    gaussian: Gaussian | None
    cells = 0
    key_width = 0

    def keys(self, maps: Tensor | None, sides: Tensor, glance: Tensor | None = None) -> Tensor:
        """Return keys (B, N, A) of all cells.

        Args:
            maps: (B, F, h, w), the glance's map; None without a glance.
            sides: (B, 2), the pictures' width and height as parts of the longer one.
            glance: (B, C, G, G), the glance itself.
        """
        return sides.new_zeros(len(sides), 0, 0)

    def marks(self, location: Tensor, zoom: Tensor) -> Tensor:
        """Return 1 for the cell of a look, else 0: locations (..., 2) and zooms (..., 1) -> (..., N)."""
        return location.new_zeros(*location.shape[:-1], 0)

    @abstractmethod
    def forward(self, hidden: Tensor, time: Tensor, keys: Tensor, visited: Tensor) -> dict[str, Tensor]:
        """Return the parameters.

        Args:
            hidden: (..., B, D), outputs of the recurrent core.
            time: (..., B) int64.
            keys: (B, N, A), of `keys`.
            visited: (..., B, N), 1 where a cell was looked at.
        """

    @abstractmethod
    def mean(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the locations (..., 2) that a greedy look has."""

    @abstractmethod
    def sample(self, parts: dict[str, Tensor], noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return `look` (B, 2), not clamped, and `zoom` if it is asked for, from parameters and noise (B, 3)."""

    def log_prob(self, parts: dict[str, Tensor], action: dict[str, Tensor]) -> Tensor:
        """Return the log-probability (...) of actions (..., ...) that `sample` made; zeros where nothing is learned."""
        return torch.zeros_like(action["look"][..., 0])

    def entropy(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the entropy (...) of the categorical part of the distribution; by default there is none."""
        return torch.zeros_like(self.mean(parts)[..., 0])

    def set_progress(self, progress: float) -> None:
        """Move the noise along its schedule; `progress` is the fraction of training done, in [0, 1]."""
        if self.gaussian is not None:
            self.gaussian.set_progress(progress)

    def zoomed(self, look: Tensor, zoom: float) -> dict[str, Tensor]:
        """Return looks (B, 2) at one zoom in [0, 1], as a part of the action."""
        action = {"look": look.float()}
        if self.zoom.asked:
            action["zoom"] = self.zoom.action(torch.full_like(action["look"][:, 0], zoom))
        return action

    def uniform(self, noise: Tensor) -> dict[str, Tensor]:
        """Return uniform looks for noise (B, 3), as a part of the action."""
        look = {"look": torch.erf(noise[:, :2] * 0.5**0.5).float()}
        if self.zoom.asked:
            number = torch.special.ndtr(noise[:, 2].float())
            levels = self.zoom.levels
            chosen = number if self.zoom.continuous else (number * levels).long().clamp(max=levels - 1) / (levels - 1)
            look["zoom"] = self.zoom.action(chosen)
        return look


def kept_noise(noise: Tensor, greedy: Tensor | bool) -> Tensor:
    """Return noise (B, n), with zeros in episodes that are greedy."""
    if greedy is False:
        return noise
    is_greedy = torch.as_tensor(greedy, device=noise.device).expand(len(noise))
    return noise.masked_fill(is_greedy[:, None], 0.0)


def chosen_entropy(logits: Tensor) -> Tensor:
    """Return the entropy (...) of a categorical distribution with logits (..., n)."""
    log = logits.float().log_softmax(-1)
    return -(log.exp() * log).sum(-1)


def chosen_log_prob(logits: Tensor, chosen: Tensor) -> Tensor:
    """Return the log-probability (...) of choices (...) int64 under logits (..., n)."""
    return logits.float().log_softmax(-1).gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
