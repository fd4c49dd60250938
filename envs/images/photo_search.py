"""Search in photographs as a batched environment: find the one digit among letters and shapes, and name it.

Axes: B lanes, E examples, R lanes that are reset, K scales, C channels, P patch side, G glance side, N classes,
T glimpses, I stamps in a scene, S pixels of all pyramids.
"""

from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.envs.core import Action, named_labels
from glimpse.envs.images.augment import draw_mirrors
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.images.photographs import load_photographs, no_photographs
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.images.picture_store import PictureStore
from glimpse.envs.images.pyramids import read_windows
from glimpse.envs.images.scene_data import SceneData
from glimpse.envs.images.search_env import SearchEnv
from glimpse.envs.images.search_options import PhotoSearchOptions
from glimpse.envs.images.stamps import Placed, blend_stamps, decoy_masks, make_stamps
from glimpse.envs.images.zoom_retina import ZoomRetina
from glimpse.envs.label_kinds import ClassKind
from glimpse.envs.lane_random import integers, mix, uniform
from glimpse.envs.meaning import Meaning

_IMAGE, _DECOY, _CELL, _PLACE, _SIZE, _OPACITY, _CONTRAST, _TINT, _COLOURS = range(101, 110)
_CELLS = 12
"""Cells along the longer side of a photograph."""
_ORDERS = list(permutations(range(3)))
"""Orders of the colour channels."""


@dataclass(frozen=True)
class PhotoSearchData(SceneData):
    """One split: the digits, and the photographs.

    Attributes:
        photographs: The photographs; those of different splits have none in common.
    """

    photographs: PictureStore


class PhotoSearch(SearchEnv):
    """Search in photographs: find the one digit that is hidden among letters and shapes, and name it.

    In a glance digit and decoys look the same. The rule by which a scene is made has a version; see the options. Digits
    and photographs of validation and test scenes are in no training scene. A scene is a function of the split, the
    example's number and the episode's key. Windows are composed when they are looked at: a photograph is held once (a
    third more than its own bytes), however many lanes show it.

    Observation: `glimpse` (K, 3, P, P) in [0, 1]; `location` (2,), where it was taken, (x, y) in [-1, 1] of the
    photograph's own sides; `time`, the number of answers so far, 0 to T; `glance` (3, G, G), the whole picture in
    coarse pixels, centred on black, the same at each step; with `zoom` also `zoom` (1,) of this look, from 0, a window
    of P x P pixels, to 1, the whole picture, and `sides` (2,), width and height as parts of the longer one.
    Action: `look` (2,), the next location (clamped to [-1, 1]); with `zoom` also `zoom`, a level from the finest, 0, to
    the coarsest, or with `zoom.continuous` (1,) in [0, 1]; `answer`, the digit; with `locate` also `point` (2,), where
    it is; with `stop` also `stop`, which ends the episode.
    Reward: 1 for a right answer at the end (or 1/T for each right answer), with `locate` only where `point` lies in the
    digit's square; minus `glimpse_cost` at each step.
    Start: the first glimpse is at `initial_location`. End: after the T-th answer, or at `stop`.
    No glimpse follows the last `look` of an episode: the final observation repeats the last one.

    Version 0.
    """

    answers = 1
    augments = True
    derived = frozenset({"_glance"})
    meaning_kind: ClassVar[type[Meaning]] = PictureMeaning
    options: PhotoSearchOptions

    def __init__(
        self,
        options: PhotoSearchOptions,
        data: PhotoSearchData,
        *,
        device: torch.device | str = "cpu",
        augment: AugmentOptions | None = None,
    ) -> None:
        """Copy digits and photographs to the device.

        Args:
            options: the task.
            data: digits and photographs of one split.
            device: device of all tensors.
            augment: random changes of the photographs, for training: `flip` and `recolour`. Digits keep their shape.

        Raises:
            ValueError: if photographs are to be warped.
        """
        self.options, self.device = options, torch.device(device)
        self.augment = _check_changes(augment)
        self.classes, self.label_kind = data.classes, ClassKind(len(data.classes))
        self._images, labels = data.images.images, data.images.labels
        self._labels = torch.zeros(data.scenes, dtype=torch.int64)  # Their number counts: labels come with scenes.
        self._order = labels.argsort(stable=True).to(self.device)
        counts = torch.bincount(labels, minlength=len(self.classes))
        self._of_class, self._first = counts.to(self.device), (counts.cumsum(0) - counts).to(self.device)
        self._there = counts.nonzero()[:, 0].to(self.device)
        decoys = decoy_masks()
        self._stamps = torch.cat([make_stamps(self._images[:, 0]), make_stamps(decoys)]).to(self.device)
        self._digits, self._decoys = len(labels), len(decoys)
        self._store = data.photographs.to(self.device)
        self._pictures = self._store.pixels[None]
        sides = data.photographs.table.sides.float()
        ratio = sides.amax(1, keepdim=True) / sides  # Longer side by width and by height.
        self._longest_ratio = ratio.amax(0) if len(sides) else torch.ones(2)
        self.zoom, self.glance_side = options.zoom, options.glance
        self.zoom_retina = ZoomRetina(
            options.retina, *self._store.drawn_size, table=self._store.table, device=self.device
        )
        self.retina = self.zoom_retina
        self._initial_location = InitialLocation(
            options.initial_location, options.initial_location_std, glimpses=options.glimpses, device=self.device
        )
        self.observation_space = self._seen_spaces(3, options.glimpses)
        self.action_space = self._make_action_space()
        if options.locate:
            self.action_space["point"] = spaces.Box(-1.0, 1.0, (2,), np.float32)

    @staticmethod
    def load_data(
        options: PhotoSearchOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: PictureMeaning | None = None,
    ) -> PhotoSearchData:
        """Load digits and photographs of one split; see `load_images` and `load_photographs`."""
        images = load_images(options.data, split, root=root, download=download, meaning=meaning)
        photographs = load_photographs(options.photographs, split, root, options.longest)
        return PhotoSearchData(images, split, images.classes, photographs)

    @staticmethod
    def data_without_examples(options: PhotoSearchOptions, meaning: PictureMeaning) -> PhotoSearchData:
        """Return data of a run without pictures."""
        pictures = torch.zeros(0, *meaning.shape, dtype=torch.uint8)
        images = ImageData(pictures, meaning.kind.no_labels(0), meaning.classes)
        return PhotoSearchData(images, "test", meaning.classes, no_photographs())

    def meaning(self) -> PictureMeaning:
        """Return the classes, and the shape of the data set's digits."""
        channels, height, width = self._images.shape[1:]
        return PictureMeaning(classes=self.classes, shape=(channels, height, width))

    def shown_examples(self) -> Any:
        """Return digits, labels, photographs and the options by which scenes are made."""
        of_rank = torch.arange(len(self.classes), device=self.device).repeat_interleave(self._of_class)
        labels = torch.zeros_like(self._order).index_copy(0, self._order, of_rank)
        rule = {"decoys": self.options.decoys, "version": self.options.version}
        return self._images, named_labels(labels, self.classes), self._store.thumbnails, rule

    def targets(self) -> Tensor:
        """Return the square of the digit of each lane, (B, 1, 4); see `SearchEnv.targets`."""
        return self.candidates()[:, :1]

    def candidates(self) -> Tensor:
        """Return the squares of digit and decoys, (B, I, 4), which cannot be told apart from afar; the digit first."""
        _, sides = self.zoom_retina.place(self._picture)
        corner, side = self._placed.corner, self._placed.side[..., None]
        return torch.cat([corner, corner + side], -1) / sides.repeat(1, 2)[:, None] * 2 - 1

    def picture(self) -> Tensor:
        """Return the whole picture of each lane, (B, 3, H, W) uint8, as it is drawn; no agent sees it."""
        return self._lane_pictures(torch.arange(len(self._picture), device=self.device))

    def _lane_picture(self, lane: int) -> Tensor:
        return self._lane_pictures(torch.tensor([lane], device=self.device))[0]

    def _lane_pictures(self, lanes: Tensor) -> Tensor:
        retina = self.zoom_retina
        _, sides = retina.place(self._picture[lanes])
        step = sides / torch.tensor([retina.width, retina.height], device=self.device)
        # No stamp is wider than 1/24 of the longer side; the shapes of the photographs are known.
        across, down = (self._longest_ratio * torch.tensor([retina.width, retina.height]) / 24).ceil().long().tolist()
        seen = self._compose(lanes, torch.zeros_like(step), step, (retina.height, retina.width), (down, across))
        return (seen * 255).round().to(torch.uint8)

    def _glance_of(self, lanes: Tensor) -> Tensor:
        side = self.options.glance or 1
        corner, step = self.zoom_retina.glance_window(self._picture[lanes], side)
        most = -(-side // 24)  # No stamp is wider than 1/24 of the longer side.
        return self._compose(lanes, corner, step, (side, side), (most, most))

    def _look(self, lanes: Tensor | None, location: Tensor) -> Tensor:
        lanes = torch.arange(len(self._picture), device=self.device) if lanes is None else lanes
        _, sides = self.zoom_retina.place(self._picture[lanes])
        corner, step = self.zoom_retina.windows(sides, location, self._zoom[lanes])
        scales, patch = step.shape[1], self.options.retina.patch
        steps = step.flatten()[:, None].expand(-1, 2)
        seen = self._compose(lanes.repeat_interleave(scales), corner.flatten(0, 1), steps, (patch, patch))
        return seen.view(-1, scales, *seen.shape[1:])

    def _compose(
        self,
        lanes: Tensor,
        corner: Tensor,
        step: Tensor,
        shape: tuple[int, int],
        most: tuple[int, int] | None = None,
    ) -> Tensor:
        """Return windows (n, 3, R, Q) of the scenes of lanes (n,), at corners (n, 2) with samples of `step` (n, 2).

        `most` are rows and columns of samples that no stamp exceeds, where they are few.
        """
        seen = self._read(self._picture[lanes], self._change[lanes], corner, step, shape)
        placed = Placed(*(part[lanes] for part in self._placed))
        return blend_stamps(seen, corner, step, placed, self._stamps, most)

    def _worth(self, action: Action) -> Tensor:
        right = super()._worth(action)
        if not self.options.locate:
            return right
        target, point = self.targets()[:, 0], action["point"].float()
        hit = ((point >= target[:, :2]) & (point <= target[:, 2:])).all(1)
        return right * hit

    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        placed, self._label, self._picture, self._change = self._draw_scenes(example, key)
        if copies > 1:
            placed = Placed(*(part.repeat_interleave(copies, 0) for part in placed))
            same = (self._label, self._picture, self._change)
            self._label, self._picture, self._change = (one.repeat_interleave(copies, 0) for one in same)
        self._placed = placed

    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        placed, label, picture, change = self._draw_scenes(example, key)
        self._change = self._change.index_copy(0, lanes, change)
        self._placed = Placed(*(old.index_copy(0, lanes, new) for old, new in zip(self._placed, placed, strict=True)))
        self._label = self._label.index_copy(0, lanes, label)
        self._picture = self._picture.index_copy(0, lanes, picture)

    def _draw_scenes(self, example: Tensor, key: Tensor) -> tuple[Placed, Tensor, Tensor, Tensor]:
        """Draw the scenes of new episodes: the stamps, the digit first, labels (R,), photographs (R,) and changes."""
        key, photographs = mix(key, example), len(self._store.table.sides)
        picture, digit = example % photographs, self._there[example // photographs % len(self._there)]
        image = self._order[self._first[digit] + integers(mix(key, _IMAGE), 1, self._of_class[digit, None])[:, 0]]
        decoy = integers(mix(key, _DECOY), self.options.decoys, self._decoys) + self._digits
        corner, side = self._draw_places(key, picture)
        change = self._draw_changes(key)
        colour, opacity = self._draw_colours(key, picture, change, corner, side)
        return Placed(torch.cat([image[:, None], decoy], 1), corner, side, colour, opacity), digit, picture, change

    def _draw_changes(self, key: Tensor) -> Tensor:
        """Draw how photographs are changed, (R, 3) int64: mirrored along x and y, and the order of their channels."""
        if self.augment is None:
            return torch.zeros(len(key), 3, dtype=torch.int64, device=self.device)
        order = integers(mix(key, _COLOURS), 1, len(_ORDERS) if self.augment.recolour else 1)
        return torch.cat([draw_mirrors(self.augment, key).long(), order], 1)

    def _read(self, picture: Tensor, change: Tensor, corner: Tensor, step: Tensor, shape: tuple[int, int]) -> Tensor:
        """Return windows (n, 3, R, Q) of changed photographs (n,), without stamps; see `read_windows`."""
        first, sides = self.zoom_retina.place(picture)
        if self.augment is None:
            return read_windows(self._pictures[0], first, sides, corner, step, shape)
        mirrored = change[:, :2].bool()
        across, down = mirrored[:, :, None, None, None].unbind(1)
        beyond = corner + step * torch.tensor([shape[1], shape[0]], device=self.device)
        seen = read_windows(self._pictures[0], first, sides, torch.where(mirrored, sides - beyond, corner), step, shape)
        seen = torch.where(across, seen.flip(3), seen)
        seen = torch.where(down, seen.flip(2), seen)
        order = torch.tensor(_ORDERS, device=self.device)[change[:, 2]]
        return seen.take_along_dim(order[:, :, None, None], 1)

    def _draw_places(self, key: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Draw the corners (R, I, 2) and sides (R, I) of stamps, each in a cell of its own, in pixels."""
        _, sides = self.zoom_retina.place(picture)
        longer = sides.amax(1, keepdim=True).float()
        unit = longer / _CELLS
        columns, rows = (sides / unit).clamp(1, _CELLS).long().unbind(1)
        hashes = mix(mix(key, _CELL)[:, None], torch.arange(_CELLS**2, device=self.device))
        beyond = torch.arange(_CELLS**2, device=self.device) >= (columns * rows)[:, None]
        # The cells with the smallest hashes are a uniform choice in a uniform order.
        hashes = hashes.masked_fill(beyond, torch.iinfo(torch.int64).max)
        cell = hashes.topk(self.options.decoys + 1, largest=False, sorted=True).indices
        side = longer * (1 + uniform(mix(key, _SIZE), cell.shape[1])) / 48
        place = torch.stack([cell % columns[:, None], cell // columns[:, None]], -1) * unit[..., None]
        slack = uniform(mix(key, _PLACE), 2 * cell.shape[1]).view(*cell.shape, 2) * (unit - side)[..., None]
        return place + slack, side

    def _draw_colours(
        self, key: Tensor, picture: Tensor, change: Tensor, corner: Tensor, side: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Draw the colours (R, I, 3) and opacities (R, I) of stamps, by what they cover."""
        count = side.shape[1]
        each, changes = (part.repeat_interleave(count, 0) for part in (picture, change))
        steps = side.flatten()[:, None].expand(-1, 2)
        below = self._read(each, changes, corner.flatten(0, 1), steps, (1, 1)).view(-1, count, 3)
        brighter = 0.35 + 0.2 * uniform(mix(key, _CONTRAST), count)
        brighter = torch.where(below.mean(-1) > 0.5, -brighter, brighter)
        tint = (uniform(mix(key, _TINT), 3 * count).view_as(below) * 2 - 1) * 0.15
        opacity = 0.7 + 0.2 * uniform(mix(key, _OPACITY), count)
        return (below + brighter[..., None] + tint).clamp(0, 1), opacity


def _check_changes(augment: AugmentOptions | None) -> AugmentOptions | None:
    """Return the changes of photographs; None where there are none. Raises ValueError for warps."""
    if augment is None or not augment.active:
        return None
    if augment != AugmentOptions(flip=augment.flip, recolour=augment.recolour):
        raise ValueError(
            "train.augment: photographs can be mirrored (flip) and recoloured, not warped: leave the rest out"
        )
    return augment
