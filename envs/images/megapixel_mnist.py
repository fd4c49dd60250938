"""Megapixel MNIST as a batched environment: a question about a few digits in a picture of millions of pixels.

Katharopoulos and Fleuret (2019), "Processing megapixel images with deep attention-sampling models", section 4.2.
Axes: B lanes, E examples, R lanes that are reset, K scales, C channels, P patch side, G glance side, N classes,
D digits, T glimpses.
"""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from glimpse.envs.core import named_labels
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.noise_strokes import noise_strokes
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.images.scene_data import SceneData
from glimpse.envs.images.search_env import SearchEnv
from glimpse.envs.images.search_options import MegapixelOptions
from glimpse.envs.images.sparse_scenes import cell_side, draw_places, scene_pyramids
from glimpse.envs.images.zoom_retina import ZoomRetina
from glimpse.envs.label_kinds import ClassKind
from glimpse.envs.lane_random import integers, mix
from glimpse.envs.meaning import Meaning

_CLASS, _IMAGE, _STROKE = 91, 92, 93


class MegapixelMnist(SearchEnv):
    """Megapixel MNIST: look at a picture of 1500 x 1500 pixels with five digits and 50 strokes, and name the majority.

    Three of the digits are alike; other questions are options. The rule by which a scene is made has a version; see the
    options. Digits of validation and test scenes are in no training scene. A scene is a function of the split, the
    example's number and the episode's key; it takes C bytes for each pixel and a third more (3 MB for each example that
    is shown at a time), as it is held as a pyramid.

    Observation: `glimpse` (K, C, P, P) in [0, 1]; `location` (2,), where it was taken, (x, y) in [-1, 1]; `time`, the
    number of answers so far, 0 to T; `glance` (C, G, G), the whole picture in coarse pixels, the same at each step;
    with `zoom` also `zoom` (1,) of this look, from 0, a window of P x P pixels, to 1, the whole picture, and `sides`
    (2,), which are 1.
    Action: `look` (2,), the next location (clamped to [-1, 1]); with `zoom` also `zoom`, a level from the finest, 0, to
    the coarsest, or with `zoom.continuous` (1,) in [0, 1]; `answer`; with `stop` also `stop`, which ends the episode.
    Reward: 1 for a right answer at the end (or 1/T for each right answer), minus `glimpse_cost` at each step.
    Start: the first glimpse is at `initial_location`. End: after the T-th answer, or at `stop`.
    No glimpse follows the last `look` of an episode: the final observation repeats the last one.

    Version 0.
    """

    answers = 1
    derived = frozenset({"_pictures", "_glance"})
    meaning_kind: ClassVar[type[Meaning]] = PictureMeaning
    options: MegapixelOptions

    def __init__(self, options: MegapixelOptions, data: SceneData, *, device: torch.device | str = "cpu") -> None:
        """Copy the images to the device.

        Args:
            options: the task.
            data: the images of one split.
            device: device of all tensors.

        Raises:
            ValueError: if there is no room for so many digits and strokes, or the images have one class.
        """
        self.options, self.device = options, torch.device(device)
        self.classes, self.label_kind = data.classes, ClassKind(len(data.classes))
        self._scenes, self._names = data.scenes, data.images.classes
        self._images = data.images.images.to(self.device)
        channels, height, width = self._images.shape[1:]
        self._side = cell_side(height, width)
        self._count = options.digits + options.strokes
        self._cells = (options.size // self._side) ** 2
        if self._cells < self._count:
            raise ValueError(
                f"size {options.size} has {self._cells} cells of {self._side} x {self._side} pixels, too few for "
                f"{options.digits} digits and {options.strokes} strokes"
            )
        self._labels = torch.zeros(self._scenes, dtype=torch.int64)  # Their number counts: labels come with scenes.
        self._sort_classes(data.images.labels)
        self._strokes = noise_strokes(height, width, data.split, options.version).to(self.device)
        self.zoom, self.glance_side = options.zoom, options.glance
        self.zoom_retina = ZoomRetina(
            options.retina, options.size, options.size, least=options.glance, device=self.device
        )
        self.retina = self.zoom_retina
        self._initial_location = InitialLocation(
            options.initial_location, options.initial_location_std, glimpses=options.glimpses, device=self.device
        )
        self.observation_space = self._seen_spaces(channels, options.glimpses)
        self.action_space = self._make_action_space()

    def _sort_classes(self, labels: Tensor) -> None:
        """Remember which images belong to each class that occurs."""
        labels = labels.to(self.device)
        counts = torch.bincount(labels, minlength=len(self._names))
        self._order, self._of_class = labels.argsort(stable=True), counts
        self._first = counts.cumsum(0) - counts
        self._there = counts.nonzero()[:, 0]
        if self._scenes and len(self._there) < 2:
            raise ValueError("digits need at least two classes, and the split has one")

    @staticmethod
    def load_data(
        options: MegapixelOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: PictureMeaning | None = None,
    ) -> SceneData:
        """Load the images of one split; see `load_images`, whose errors it raises."""
        known = meaning if options.question in ("majority", "largest") else None
        size = options.image_size
        images = load_images(options.data, split, root=root, download=download, image_size=size, meaning=known)
        return SceneData(images, split, answers_to(options, images.classes))

    @staticmethod
    def data_without_examples(options: MegapixelOptions, meaning: PictureMeaning) -> SceneData:
        """Return data of a run without pictures."""
        pictures = torch.zeros(0, *meaning.shape, dtype=torch.uint8)
        images = ImageData(pictures, meaning.kind.no_labels(0), meaning.classes)
        return SceneData(images, "test", meaning.classes)

    @property
    def examples(self) -> int:
        """Number of scenes N of the split."""
        return self._scenes

    def meaning(self) -> PictureMeaning:
        """Return the answers, and the shape of the data set's pictures."""
        channels, height, width = self._images.shape[1:]
        return PictureMeaning(classes=self.classes, shape=(channels, height, width))

    def shown_examples(self) -> Any:
        """Return the images of the data set, their labels, and the options by which scenes are made."""
        rule = ("size", "digits", "alike", "strokes", "question", "version")
        labels = torch.zeros_like(self._order).index_copy(0, self._order, self._class_of_rank())
        return self._images, named_labels(labels, self._names), {name: getattr(self.options, name) for name in rule}

    def _class_of_rank(self) -> Tensor:
        """Return the class of each image in the order of classes, (n,) int64."""
        return torch.arange(len(self._names), device=self.device).repeat_interleave(self._of_class)

    def picture(self) -> Tensor:
        """Return the whole picture of each lane, (B, C, H, W) uint8, reduced for drawing; no agent sees it."""
        return self.zoom_retina.drawn(self._prepared(), self._picture)

    def _lane_picture(self, lane: int) -> Tensor:
        return self.zoom_retina.drawn(self._prepared(), self._picture[lane : lane + 1])[0]

    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        self._picture = torch.arange(len(example) * copies, device=self.device) // copies
        self._shown = torch.stack([example, key])
        self._pictures, label = self._draw_scenes(example, key)
        self._label = label.repeat_interleave(copies)

    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        pictures = self._prepared()
        self._shown = self._shown.index_copy(1, lanes, torch.stack([example, key]))
        pictures[lanes], label = self._draw_scenes(example, key)
        self._label = self._label.index_copy(0, lanes, label)

    def _prepared(self) -> Tensor:
        """Return the scenes (E, S, C), which are made again after a pickle or a checkpoint."""
        if "_pictures" not in vars(self):
            self._pictures, _ = self._draw_scenes(*self._shown)
        return self._pictures

    def targets(self) -> Tensor:
        """Return the squares of the digits of each lane, (B, D, 4); see `SearchEnv.targets`."""
        example, key = self._shown
        cell, place = self._draw_places(mix(key, example))
        columns, digits = self.options.size // self._side, self.options.digits
        corner = torch.stack([cell % columns, cell // columns], -1) * self._side + place
        height, width = self._images.shape[2:]
        beyond = corner + torch.tensor([width, height], device=self.device)
        return (torch.cat([corner, beyond], -1)[:, :digits] / self.options.size * 2 - 1)[self._picture]

    def _draw_places(self, key: Tensor) -> tuple[Tensor, Tensor]:
        """Draw the cells (R, I) of digits and strokes, the digits first, and their places in them (R, I, 2)."""
        height, width = self._images.shape[2:]
        return draw_places(key, self._cells, self._count, (self._side - height, self._side - width))

    def _draw_scenes(self, example: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Make the pyramids (R, S, C) of new episodes, and their labels (R,) int64."""
        key, count = mix(key, example), self.options.digits
        digit = self._draw_classes(example, key)
        image = self._order[self._first[digit] + integers(mix(key, _IMAGE), count, self._of_class[digit])]
        stroke = integers(mix(key, _STROKE), self.options.strokes, len(self._strokes))
        channels = self._images.shape[1]
        lines = self._strokes[stroke][:, :, None].expand(-1, -1, channels, -1, -1)
        images = torch.cat([self._images[image], lines], 1)
        cell, place = self._draw_places(key)
        levels = self.zoom_retina.levels
        return scene_pyramids(images, cell, place, self._side, self.options.size, levels), self._ask(digit)

    def _draw_classes(self, example: Tensor, key: Tensor) -> Tensor:
        """Draw the classes of the digits, (R, D) int64 in [0, number of the data's classes)."""
        known, digits = len(self._there), self.options.digits
        if self.options.question != "majority":
            return self._there[integers(mix(key, _CLASS), digits, known)]
        # The offset in [1, known) excludes the class of the majority.
        main, alike = example[:, None] % known, self.options.alike
        other = (main + 1 + integers(mix(key, _CLASS), digits - alike, known - 1)) % known
        return self._there[torch.cat([main.expand(-1, alike), other], 1)]

    def _ask(self, digit: Tensor) -> Tensor:
        """Return the right answers (R,) int64 for digits (R, D)."""
        if self.options.question == "majority":
            return digit[:, 0]
        if self.options.question == "largest":
            return digit.amax(1)
        if self.options.question == "sum":
            return digit.sum(1)
        in_order = digit.sort(1).values
        return (in_order[:, 1:] != in_order[:, :-1]).sum(1)  # One less than their number, which begins with 1.


def answers_to(options: MegapixelOptions, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the answers to the question."""
    if options.question == "sum":
        return tuple(map(str, range(options.digits * (len(classes) - 1) + 1)))
    if options.question == "distinct":
        return tuple(map(str, range(1, min(options.digits, len(classes)) + 1)))
    return classes
