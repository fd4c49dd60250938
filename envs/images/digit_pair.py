"""Digit pairs as a batched environment: two digits on one canvas are to be read from left to right.

Ba, Mnih and Kavukcuoglu (2015), "Multiple object recognition with visual attention", section 5.1.
Axes: B lanes, R lanes that are reset, N classes, S glimpses for each digit, T = 2 S, K scales, C channels,
P patch side, G glance side.
"""

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.envs.core import Action, StepResult, count_labels, named_labels
from glimpse.envs.images.augment import check_warps, warp
from glimpse.envs.images.canvas import check_pair, make_pair_canvas
from glimpse.envs.images.decoded_pictures import RESIDENT_MB
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.options import AugmentOptions, DigitPairOptions
from glimpse.envs.images.picture_env import PictureEnv
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.lane_random import integers, mix
from glimpse.envs.meaning import Meaning

_SECOND, _SECOND_WARP = 71, 72


class DigitPair(PictureEnv):
    """Digit pairs: read two images from left to right, with S glimpses for each.

    The example is on the left. On its right is another one of the split, which the episode's key draws; no column of
    the canvas shows both.

    Observation: `glimpse` (K, C, P, P) in [0, 1]; `location` (2,), where it was taken, (x, y) in [-1, 1];
    `time`, the number of answers so far, 0 to T; `glance` (C, G, G) in [0, 1], the whole canvas in coarse pixels, the
    context of Ba et al.
    Action: `look` (2,), the next location (clamped to [-1, 1]); `answer`, a class. The answer of step S is for the
    left image, that of step 2 S for the right image; others are ignored.
    Reward: 1/2 for each right answer at steps S and 2 S.
    Start: the first glimpse is at `initial_location`. End: after T = 2 S answers.
    No glimpse follows the last `look` of an episode: the final observation repeats the last one.

    The label is N * (class on the left) + (class on the right).

    Version 0.
    """

    answers = 2
    augments = True
    meaning_kind: ClassVar[type[Meaning]] = PictureMeaning

    def __init__(
        self,
        options: DigitPairOptions,
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
            augment: random warps of the images, for training; each image has its own.

        Raises:
            ValueError: if two images do not fit the canvas, or the split has fewer than two.
        """
        check_pair(options.size, data.images)
        if len(data.labels) < 2:
            raise ValueError("a pair needs two different examples, and the split has one")
        self.options, self.device = options, torch.device(device)
        self.augment = check_warps(augment)
        self.classes = data.classes
        self._images, self._labels = data.images.to(self.device), data.labels.to(self.device)
        self.retina = self.retina_class(options.retina, options.size, options.size, device=self.device)
        self._initial_location = InitialLocation(
            options.initial_location, glimpses=2 * options.glimpses, device=self.device
        )
        self.glance_side = options.glance
        self.observation_space = self._seen_spaces(data.images.shape[1], 2 * options.glimpses)
        self.action_space = spaces.Dict(
            {"look": spaces.Box(-1.0, 1.0, (2,), np.float32), "answer": spaces.Discrete(len(data.classes))}
        )

    @staticmethod
    def load_data(
        options: DigitPairOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: PictureMeaning | None = None,
        resident_mb: int = RESIDENT_MB,
    ) -> ImageData:
        """Load one split of the data; see `load_images`, whose errors it raises."""
        return load_images(
            options.data,
            split,
            root=root,
            download=download,
            image_size=options.image_size,
            meaning=meaning,
            resident_mb=resident_mb,
        )

    def class_counts(self) -> dict[str, int]:
        """Return the number of examples by the class's name."""
        return count_labels(self._labels, self.classes)

    def shown_examples(self) -> Any:
        """Return the pictures of the data set, their labels, and the side of the canvas."""
        return self._images, named_labels(self._labels, self.classes), self.options.size

    def meaning(self) -> PictureMeaning:
        """Return the classes, and the shape of the data set's pictures."""
        channels, height, width = self._images.shape[1:]
        return PictureMeaning(classes=self.classes, shape=(channels, height, width))

    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        pictures, label = self._draw_pairs(example, key)
        self._pictures = self.retina.prepare(pictures)
        self._picture = torch.arange(len(example) * copies, device=self.device) // copies
        self._label = label.repeat_interleave(copies)

    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        pictures, label = self._draw_pairs(example, key)
        self._pictures[lanes] = self.retina.prepare(pictures)
        self._label = self._label.index_copy(0, lanes, label)

    def _look(self, lanes: Tensor | None, location: Tensor) -> Tensor:
        return self.retina.look(self._pictures, self._picture if lanes is None else self._picture[lanes], location)

    def step(self, action: Action) -> StepResult:
        """Answer and take the next glimpse.

        Args:
            action: `look` (B, 2) float, `answer` (B,) int64.

        Returns:
            The result. In terminated lanes nothing changes and the reward is 0.
        """
        half, classes = self.options.glimpses, len(self.classes)
        playing = ~self._terminated
        self._time = self._time + playing
        self._terminated = self._time == 2 * half
        # Reward the answers of steps S and 2 S.
        wanted = torch.where(self._terminated, self._label % classes, self._label // classes)
        counts = playing & (self._terminated | (self._time == half))
        reward = ((action["answer"] == wanted) & counts).float() / 2
        # Take the next glimpse.
        self._steps += 1
        if self._steps < 2 * half:  # Otherwise each lane began at least T steps ago and has terminated.
            look = action["look"].float().clamp(-1, 1)
            self._location = torch.where(self._terminated[:, None], self._location, look)
            self._glimpse = self._look(None, self._location)
        return StepResult(self._observe(), reward, self._terminated, self._label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether one of the answers so far is wrong, if the likeliest class is answered.

        Before step S, the current answer is compared with the left class; from step S on, the answer of step S. The
        last row is True if either of the two answers is wrong.

        Args:
            belief: (T, ..., N), probabilities of the N classes.
            label: (...,) int64 in [0, N * N).

        Returns:
            (T, ...) bool.
        """
        half, classes = len(belief) // 2, belief.shape[-1]
        answer = belief.argmax(-1)
        wrong = answer != label // classes
        wrong[half:] = wrong[half - 1]
        wrong[-1] |= answer[-1] != label % classes
        return wrong

    def picture(self) -> Tensor:
        """Return the whole canvas of each lane, (B, C, H, W) uint8, for drawing; no agent sees it."""
        return self.retina.restore(self._pictures[self._picture])

    def _lane_picture(self, lane: int) -> Tensor:
        return self._lane_pictures(torch.tensor([lane], device=self.device))[0]

    def _lane_pictures(self, lanes: Tensor) -> Tensor:
        return self.retina.restore(self._pictures[self._picture[lanes]])

    def _draw_pairs(self, example: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Make the canvases (R, C, H, W) uint8 of new episodes, and their labels (R,) int64."""
        # The offset in [1, examples) excludes the left example.
        other = (example + 1 + integers(mix(key, _SECOND), 1, self.examples - 1)[:, 0]) % self.examples
        left, right = self._images[example], self._images[other]
        if self.augment is not None:
            left, right = warp(self.augment, left, key), warp(self.augment, right, mix(key, _SECOND_WARP))
        label = self._labels[example] * len(self.classes) + self._labels[other]
        return make_pair_canvas(self.options.size, left, right, key), label
