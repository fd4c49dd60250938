"""Localisation as a batched environment: look at a picture through a few glimpses, and point at an object.

Axes: B lanes, E examples, R lanes that are reset, M boxes of a picture, K scales, C channels, P patch side, G glance
side, T glimpses.
"""

from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.envs.core import Action, Observation
from glimpse.envs.images.boxed_data import FindData, load_boxed
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.search_env import SearchEnv
from glimpse.envs.images.search_options import FindOptions
from glimpse.envs.images.zoom_retina import ZoomRetina


class Find(SearchEnv):
    """Find: look at a picture through T glimpses, and point at an object, of which there may be several.

    Observation: `glimpse` (K, C, P, P) in [0, 1]; `location` (2,), where it was taken, (x, y) in [-1, 1] of the
    picture's own sides; `time`, the number of answers so far, 0 to T; `glance` (C, G, G), the whole picture in coarse
    pixels, centred on black, the same at each step; with `zoom` also `zoom` (1,) of this look, from 0, a window of
    P x P pixels, to 1, the whole picture, and `sides` (2,), width and height as parts of the longer one; with
    `answer: point` also `sides`, and `window` (K, 4), left, top, right and bottom of what each scale of the glimpse
    shows, in locations, which may lie outside of the picture.
    Action: `look` (2,), the next location (clamped to [-1, 1]); with `zoom` also `zoom`, a level from the finest, 0, to
    the coarsest, or with `zoom.continuous` (1,) in [0, 1]; with `answer: point` also `point` (2,), where the
    object is; with `stop` also `stop`, which ends the episode. The answer is the last `point`, or without it `look`.
    Reward: at the end (or a part of 1/T at each step) 1 for an answer in a box of the object; with `worth: distance` 1
    less the distance to the nearest box, in halves of the picture's longer side; minus `glimpse_cost` at each step.
    Start: the first glimpse is at `initial_location`. End: after the T-th answer, or at `stop`.
    No glimpse follows the last `look` of an episode: the final observation repeats the last one.

    The label is (4 M,): left, top, right and bottom of each box, in locations; where a picture has fewer than M boxes,
    the first is repeated. In drawings the boxes are white.

    Version 0.
    """

    classes: tuple[str, ...] = ()
    answers = 0
    derived = frozenset({"_glance"})
    options: FindOptions

    def __init__(self, options: FindOptions, data: FindData, *, device: torch.device | str = "cpu") -> None:
        """Copy the data to the device.

        Args:
            options: the task.
            data: one split.
            device: device of all tensors.
        """
        self.options, self.device = options, torch.device(device)
        store = data.store.to(self.device)
        self._thumbnails = data.store.thumbnails[data.example]
        self._pictures, self._shown = store.pixels[None], data.example.to(self.device)
        self._boxes = data.boxes.to(self.device)
        self._labels = self._boxes.flatten(1)
        self.zoom, self.glance_side = options.zoom, options.glance
        self.zoom_retina = ZoomRetina(options.retina, *data.store.drawn_size, table=store.table, device=self.device)
        self.retina = self.zoom_retina
        self._initial_location = InitialLocation(
            options.initial_location, options.initial_location_std, glimpses=options.glimpses, device=self.device
        )
        self.observation_space = self._seen_spaces(store.pixels.shape[1], options.glimpses)
        if options.asks_for_point:
            self.observation_space["sides"] = spaces.Box(0.0, 1.0, (2,), np.float32)
            self.observation_space["window"] = spaces.Box(-np.inf, np.inf, (options.retina.scales, 4), np.float32)
        self.action_space = self._make_action_space()

    @staticmethod
    def load_data(
        options: FindOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
    ) -> FindData:
        """Load one split of the data; see `load_boxed`, whose errors it raises."""
        return load_boxed(options.data, options.object, split, root, download)

    def _make_action_space(self) -> spaces.Dict:
        parts = self._look_spaces()
        if self.options.asks_for_point:
            parts["point"] = spaces.Box(-1.0, 1.0, (2,), np.float32)
        if self.options.stop:
            parts["stop"] = spaces.Discrete(2)
        return spaces.Dict(parts)

    def shown_examples(self) -> Any:
        """Return small copies of the pictures, and the boxes."""
        return self._thumbnails, self._boxes

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Raise ValueError: there are no classes."""
        raise ValueError("Find has no classes that are right or wrong: compare the reward")

    def targets(self) -> Tensor:
        """Return the boxes of each lane, (B, M, 4) in [-1, 1]; the first is repeated where there are fewer."""
        return self._label.view(len(self._label), -1, 4)

    def _observe(self) -> Observation:
        seen = super()._observe()
        if self.options.asks_for_point:
            seen["sides"] = self.zoom_retina.proportions(self._picture)
            seen["window"] = self.zoom_retina.extents(self._picture, self._location, self._zoom)
        return seen

    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        self._picture = self._shown[example].repeat_interleave(copies)
        self._label = self._labels[example].repeat_interleave(copies, 0)

    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        self._picture = self._picture.index_copy(0, lanes, self._shown[example])
        self._label = self._label.index_copy(0, lanes, self._labels[example])

    def _worth(self, action: Action) -> Tensor:
        point = action["point" if self.options.asks_for_point else "look"].float().nan_to_num(0.0).clamp(-1, 1)
        boxes = self.targets()
        outside = torch.maximum(boxes[..., :2] - point[:, None], point[:, None] - boxes[..., 2:]).clamp(min=0)
        distance: Tensor = (outside * self.zoom_retina.proportions(self._picture)[:, None]).norm(dim=-1).amin(1)
        return (distance == 0).float() if self.options.worth == "hit" else (1 - distance).clamp(min=0)

    def picture(self) -> Tensor:
        """Return the whole picture of each lane with its boxes, (B, C, H, W) uint8, for drawing; no agent sees it."""
        return self._lane_pictures(torch.arange(len(self._picture), device=self.device))

    def _lane_picture(self, lane: int) -> Tensor:
        return self._lane_pictures(torch.tensor([lane], device=self.device))[0]

    def _lane_pictures(self, lanes: Tensor) -> Tensor:
        retina = self.zoom_retina
        drawn: Tensor = retina.drawn(self._prepared(), self._picture[lanes])
        size = torch.tensor([retina.width, retina.height], device=self.device)
        ends = torch.cat([size, size]) - 1
        edges = ((self.targets()[lanes] + 1) / 2 * ends).round()  # (R, M, 4)
        x, y = (torch.arange(side, device=self.device) for side in (retina.width, retina.height))
        for left, top, right, bottom in edges.permute(1, 2, 0):
            across = (x >= left[:, None]) & (x <= right[:, None])
            down = (y >= top[:, None]) & (y <= bottom[:, None])
            upright = ((x == left[:, None]) | (x == right[:, None]))[:, None] & down[..., None]
            level = ((y == top[:, None]) | (y == bottom[:, None]))[..., None] & across[:, None]
            drawn = drawn.masked_fill((upright | level)[:, None], 255)
        return drawn
