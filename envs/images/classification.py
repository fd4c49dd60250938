"""Sequential classification as a batched environment; no step waits for the device.

Axes: B lanes, E examples, R lanes that are reset, K scales, C channels, P patch side, N classes, T glimpses.
"""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from glimpse.envs.core import count_labels, named_labels
from glimpse.envs.data.fingerprints import fingerprints_of_rows
from glimpse.envs.images.answering_env import AnsweringEnv
from glimpse.envs.images.augment import check_warps
from glimpse.envs.images.canvas import check_canvas
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.decoded_pictures import RESIDENT_MB
from glimpse.envs.images.display import Display, PreparedDisplay, make_display
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.options import AugmentOptions, RetinaOptions
from glimpse.envs.images.own_sizes import load_own_sizes, no_pictures
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.images.picture_store import PictureStore, StoredImageData
from glimpse.envs.images.picture_table import load_picture_table
from glimpse.envs.images.retina import Retina
from glimpse.envs.images.shown_digits import without_shown_digits
from glimpse.envs.images.whole_view import WholeView
from glimpse.envs.images.zoom_retina import ZoomRetina
from glimpse.envs.label_kinds import label_kind
from glimpse.envs.meaning import Meaning


class Classification(AnsweringEnv):
    """Classification: look at an image through T glimpses, then name its class.

    With `labels: scores` a number is asked for, with `labels: many` any number of labels.

    Observation: `glimpse` (K, C, P, P) in [0, 1], or with `view: whole` the whole picture (1, C, H, W) at every
    step; `location` (2,), where it was taken, (x, y) in [-1, 1]; `time`, the number of answers so far, 0 to T; with
    `glance: G` also `glance` (C, G, G), the whole picture in coarse pixels, the same at each step; with `zoom` also
    `zoom` (1,) of this look, from 0, a window of P x P pixels, to 1, the whole picture, and `sides` (2,), width and
    height of the picture as parts of the longer one.
    Action: `look` (2,), the next location (clamped to [-1, 1]); with `zoom` also `zoom`, a level from the finest, 0, to
    the coarsest, or with `zoom.continuous` (1,) in [0, 1]; `answer`, the predicted class, or `score`, a number,
    or `labels` (N,), a bit for each label; with the option `stop` also `stop`, which ends the episode with this answer.
    Reward: 1 for a right answer at the end (or 1/T for each right answer), minus `glimpse_cost` at each step. A score
    earns 1 less its error divided by the range of scores; several labels the share that is rightly given or left out.
    Start: the first glimpse is at `initial_location`. End: after the T-th answer, or at `stop`.
    No glimpse follows the last `look` of an episode: the final observation repeats the last one.

    Version 0.
    """

    answers = 1
    augments = True
    single_lane = "glimpse.envs.images.classification_lane:ClassificationLane"
    meaning_kind: ClassVar[type[Meaning]] = PictureMeaning
    options: ClassificationOptions

    def __init__(
        self,
        options: ClassificationOptions,
        data: ImageData,
        *,
        device: torch.device | str = "cpu",
        augment: AugmentOptions | None = None,
    ) -> None:
        """Copy the data to the device.

        Args:
            options: the task.
            data: one split of a data set.
            device: device of all tensors.
            augment: random warps of the images, for training.

        Raises:
            ValueError: if examples or clutter do not fit the canvas, or images are too large for the retina.
        """
        # Whether images are warped is decided here, once: a step that asks options cannot be compiled whole.
        self.options, self.augment = options, check_warps(augment)
        self.device = torch.device(device)
        self.classes, self.scores, self.many = data.classes, data.scores, data.labels.dim() > 1
        self.label_kind = label_kind(data.classes, data.scores, self.many)
        self.answers = self.label_kind.answers
        self._images, self._labels = data.images.to(self.device), data.labels.to(self.device)
        self.zoom, self.glance_side = options.zoom, options.glance
        if options.canvas.kind != "plain":
            check_canvas(options.canvas, data.images)
        self._store = self._own_sizes(data)
        self.retina = self._make_retina(*data.images.shape[2:])
        self._display = self._make_display()
        self._initial_location = InitialLocation(
            options.initial_location,
            options.initial_location_std,
            glimpses=options.glimpses,
            device=self.device,
        )
        self.observation_space = self._seen_spaces(data.images.shape[1], options.glimpses)
        self.action_space = self._make_action_space()

    @staticmethod
    def load_data(
        options: ClassificationOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: PictureMeaning | None = None,
        resident_mb: int = RESIDENT_MB,
    ) -> ImageData:
        """Load one split of the data; see `load_images` and `load_picture_table`, whose errors it raises."""
        if options.is_table:
            return load_picture_table(options, split, meaning, resident_mb)
        if options.keeps_sizes:
            return load_own_sizes(options.data, options.validation, split, meaning)
        data = load_images(
            options.data,
            split,
            root=root,
            download=download,
            image_size=options.image_size,
            meaning=meaning,
            validation=options.validation,
            resident_mb=resident_mb,
        )
        return data if options.exclude is None or split == "test" else without_shown_digits(data, root, download)

    @staticmethod
    def data_without_examples(options: ClassificationOptions, meaning: PictureMeaning) -> ImageData:
        """Return data of a run without pictures."""
        if options.keeps_sizes:
            return no_pictures(meaning)
        pictures = torch.zeros(0, *meaning.shape, dtype=torch.uint8)
        return ImageData(pictures, meaning.kind.no_labels(0), meaning.classes, meaning.scores)

    def class_counts(self) -> dict[str, int]:
        """Return the number of examples by the name of their class, or of each label; none where labels are scores."""
        return count_labels(self._labels, self.classes)

    def fingerprints(self) -> tuple[Tensor, Tensor]:
        """Return a number for each picture of the data set, equal for equal ones, and the labels."""
        images = self._images
        found = fingerprints_of_rows(images) if isinstance(images, Tensor) else images.fingerprints()
        return found, self._labels.cpu()

    def shown_examples(self) -> Any:
        """Return the pictures of the data set, their labels, and the options of the canvas that matter."""
        canvas = self.options.canvas
        used = {"plain": ["kind"], "translated": ["kind", "size"]}.get(canvas.kind, list(type(canvas).model_fields))
        return self._images, named_labels(self._labels, self.classes), {name: getattr(canvas, name) for name in used}

    def meaning(self) -> PictureMeaning:
        """Return what labels are, and the shape of the data set's pictures."""
        channels, height, width = (*self._images.shape[1:2], 0, 0) if self._store else self._images.shape[1:]
        labels: Literal["one", "many"] = "many" if self.many else "one"
        return PictureMeaning(classes=self.classes, scores=self.scores, labels=labels, shape=(channels, height, width))

    def _own_sizes(self, data: ImageData) -> PictureStore | None:
        """Return the pictures where they keep their own sizes.

        Raises:
            ValueError: if they should be warped.
        """
        store = data.store if isinstance(data, StoredImageData) else None
        if store is not None and self.augment is not None:
            raise ValueError("pictures of a folder that keep their own sizes cannot be warped: leave train.augment out")
        return None if store is None else store.to(self.device)

    def _make_retina(self, height: int, width: int) -> Retina:
        """Return the retina for data of `height` x `width` pixels, or of sizes of their own."""
        options = self.options
        if options.canvas.kind != "plain":
            height = width = options.canvas.size
        if options.view == "whole":
            return WholeView(height, width)
        if options.zoom is None:
            return self.retina_class(options.retina, height, width, device=self.device)
        table = None if self._store is None else self._store.table
        height, width = (height, width) if self._store is None else self._store.drawn_size
        least = options.glance
        self.zoom_retina = ZoomRetina(options.retina, height, width, table=table, least=least, device=self.device)
        return self.zoom_retina

    def _make_display(self) -> Display:
        """Return the way in which pictures are shown."""
        if self._store is not None:
            return PreparedDisplay(self._store.pixels[None], self.retina)
        return make_display(self._images, self.retina, self.options.canvas, self.augment, self.options.glimpses)

    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        self._picture = torch.arange(len(example) * copies, device=self.device) // copies
        self._pictures = self._draw_pictures(example, key)
        if self._display.by_example:
            self._picture = example[self._picture]
        self._label = self._labels[example].repeat_interleave(copies, 0)

    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        if self._display.by_example:
            self._picture[lanes] = example
        else:
            self._pictures[lanes] = self._draw_pictures(example, key)
        self._label = self._label.index_copy(0, lanes, self._labels[example])

    def picture(self) -> Tensor:
        """Return the whole picture of each lane, (B, C, H, W) uint8, for drawing; no agent sees it."""
        return self._lane_pictures(torch.arange(len(self._picture), device=self.device))

    def _lane_picture(self, lane: int) -> Tensor:
        return self._lane_pictures(torch.tensor([lane], device=self.device))[0]

    def _lane_pictures(self, lanes: Tensor) -> Tensor:
        if self.zoom_retina is not None:
            return self.zoom_retina.drawn(self._prepared(), self._picture[lanes])
        return self._display.pictures(self._pictures, self._picture[lanes])

    def _drawn_retina(self) -> RetinaOptions | None:
        return None if self.options.view == "whole" else self.options.retina

    def _prepared(self) -> Tensor:
        """Return the prepared pictures that `_picture` indexes, where they are prepared as a whole."""
        return self._display.prepared if isinstance(self._display, PreparedDisplay) else self._pictures

    def _look(self, lanes: Tensor | None, location: Tensor) -> Tensor:
        if self.zoom_retina is not None:
            return super()._look(lanes, location)
        return self._display.look(self._pictures, self._picture if lanes is None else self._picture[lanes], location)

    def _draw_pictures(self, example: Tensor, key: Tensor) -> Tensor:
        """Return what is kept of the pictures of new episodes; see `Display.draw`."""
        return self._display.draw(example, key)
