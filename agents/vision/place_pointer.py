"""Pointing by attention over the places seen: each place of the encoder's maps has a score, and the best is the answer.

Axes: T steps, B episodes, K scales, F features, h x w places of a map, N places of all scales, M boxes.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from glimpse.agents.episode import Episode

_NOWHERE = -1e4
"""Score of a place outside of the picture, and of what is not there: none in a softmax, and still finite."""
_LEAST = 1e-4
"""Chance of the object that is assumed where no place of it was seen, or all have lower ones; see `point_errors`."""


class Places(NamedTuple):
    """Scored places of glimpses, or of a glance.

    score: (..., N), float32, logits.
    location: (..., N, 2), the centres of the places, in locations.
    """

    score: Tensor
    location: Tensor

    def best(self) -> Tensor:
        """Return score and location of the best place: (..., 3)."""
        score, place = self.score.max(-1)
        location = self.location.take_along_dim(place[..., None, None], -2).squeeze(-2)
        return torch.cat([score.unsqueeze(-1), location], -1)


class PlacePointer(nn.Module):
    """Score of each place, w . ReLU(W f + v log c), of its feature f and the side c of its cell.

    c is measured in the picture's longer side, so that the same object can be known in a glance and close up. The
    answer is the centre of the best place that was seen so far. Places outside of the picture are none.
    """

    def __init__(self, features: int, width: int) -> None:
        """Make the layers for maps of F features, with `width` hidden units."""
        super().__init__()
        self.what = nn.Conv2d(features, width, 1)
        self.cell = nn.Linear(1, width, bias=False)
        self.score = nn.Conv2d(width, 1, 1)

    def forward(self, maps: Tensor, window: Tensor) -> Places:
        """Score the places of windows.

        Args:
            maps: (..., K, F, h, w), the encoder's maps.
            window: (..., K, 4), left, top, right and bottom of what each scale shows, in locations.
        """
        down, across = maps.shape[-2:]
        # A window is square. Along the picture's longer side a location's unit is half of that side.
        side = (window[..., 2:] - window[..., :2]).amin(-1, keepdim=True) / 2 / across
        cell = self.cell(side.log()).flatten(0, -2)[..., None, None]
        score: Tensor = self.score((self.what(maps.flatten(0, -4)) + cell).relu())
        location = place_locations(window, down, across).flatten(-3, -2)
        outside = (location.abs() > 1).any(-1)
        return Places(score.float().view(outside.shape).masked_fill(outside, _NOWHERE), location)

    def begin(self, observation: dict[str, Tensor], maps: Tensor | None) -> Tensor:
        """Return what is found before the first look, (B, 3): score and location of the best place of the glance.

        Args:
            observation: the first one.
            maps: (B, F, h, w), of the glance; without one the location is that of the first look.
        """
        location = observation["location"]
        found = torch.cat([torch.full_like(location[:, :1], 2 * _NOWHERE), location], -1)
        return found if maps is None else self.better(found, maps[:, None], glance_window(observation["sides"]))

    def better(self, found: Tensor, maps: Tensor, window: Tensor) -> Tensor:
        """Return score and location of the best place, of what was found (B, 3) and of further maps and windows."""
        best = self(maps, window).best()
        return torch.where(best[:, :1] > found[:, :1], best, found)

    def errors(self, episode: Episode, maps: Tensor | None, glimpse_maps: Tensor | None) -> Tensor:
        """Return the errors of the points of recorded episodes; see `point_errors`.

        Args:
            episode: T steps of B episodes, whose labels are boxes.
            maps: (B, F, h, w), of the glances, or None.
            glimpse_maps: (T, B, K, F, h, w), of the glimpses, or None where they are not read.

        Returns:
            (T, B).
        """
        seen, places = episode.observation, []
        if maps is not None:
            places.append(self(maps[None, :, None], glance_window(seen["sides"][:1])))
        if glimpse_maps is not None:
            places.append(self(glimpse_maps, seen["window"]))
        return point_errors(places, episode.label, len(episode.reward))


def place_locations(window: Tensor, down: int, across: int) -> Tensor:
    """Return the centres of h x w cells of windows (..., 4), row by row: (..., h * w, 2), in locations."""
    x, y = ((torch.arange(count, device=window.device) + 0.5) / count for count in (across, down))
    parts = torch.stack([x.repeat(down), y.repeat_interleave(across)], -1)
    corner, opposite = window[..., None, :2], window[..., None, 2:]
    return corner + (opposite - corner) * parts


def glance_window(sides: Tensor) -> Tensor:
    """Return what a glance shows, the square around the picture, in locations: sides (..., 2) -> (..., 1, 4)."""
    return torch.cat([-1 / sides, 1 / sides], -1).unsqueeze(-2)


def point_errors(seen: list[Places], label: Tensor, steps: int) -> Tensor:
    """Return the negative log-probability of the object among all places seen up to each step.

    It is -log((p + 1e-4) / (1 + 1e-4)), where p is the sum of the softmax over the places that lie in a box. So the
    error is finite where no place seen lies in one, and a look that shows the first has a gain.

    Args:
        seen: places of a glance, (1, B, N), and of glimpses, (T, B, N): either, or both in this order.
        label: (B, 4 M): left, top, right and bottom of each box, in locations.
        steps: T.

    Returns:
        (T, B).
    """
    boxes = label.float().view(len(label), 1, -1, 4)
    all_places, of_object = [], []
    for places in seen:
        at = places.location.unsqueeze(-2)
        hit = ((at >= boxes[..., :2]) & (at <= boxes[..., 2:])).all(-1).any(-1)
        all_places.append(places.score.logsumexp(-1))
        of_object.append(places.score.masked_fill(~hit, _NOWHERE).logsumexp(-1))
    chance = torch.cat(of_object).logcumsumexp(0) - torch.cat(all_places).logcumsumexp(0)
    errors = math.log1p(_LEAST) - torch.logaddexp(chance, torch.full_like(chance, math.log(_LEAST)))
    return errors[-steps:].expand(steps, -1)
