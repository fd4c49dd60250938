"""Two digits to be read in order, as a batched core: where to look is also when to go on to the second.

Ba, Mnih and Kavukcuoglu (2015), "Multiple object recognition with visual attention", section 5.1.
Axes: B lanes, N classes, S glimpses for each target, T = 2 S, K scales, C channels, P patch side, D context side.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.augment import warp
from glimpse.envs.images.canvas import check_pair, make_pair
from glimpse.envs.images.classification import Action, Observation, Step
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.initial_location import FirstPlace, draw_example
from glimpse.envs.images.render import draw_glimpses
from glimpse.envs.images.retina import Retina
from glimpse.envs.lane_random import integers, mix
from glimpse.envs.options import AugmentOptions, DigitPairOptions

_SECOND, _SECOND_WARP = 71, 72


class DigitPair:
    """Read two images from left to right, with S glimpses for each.

    An example stands on the left, and on its right another one of the split that the episode's key draws; no column
    of the canvas shows both.

    Observation: `glimpse` (K, C, P, P) in [0, 1]; `location` (2,), the place (x, y) in [-1, 1] that it was taken at;
    `time`, the number of glimpses answered so far, 0 to T; `context` (C, D, D) in [0, 1], the whole canvas in coarse
    pixels.
    Action: `look` (2,), the next place (clamped to [-1, 1]); `answer`, a class. The answer given at step S is for the
    left image, the one given at step 2 S for the right image; others count for nothing.
    Reward: 1/2 for each right answer, when it counts.
    Start: the first glimpse falls where `first_place` says. End: after T = 2 S answers.
    The last `look` of an episode is followed by no glimpse: the final observation repeats the last one.

    The label is N * (class on the left) + (class on the right).

    Version 0.
    """

    answers = 2

    def __init__(
        self,
        options: DigitPairOptions,
        data: ImageData,
        *,
        device: torch.device | str = "cpu",
        augment: AugmentOptions | None = None,
    ) -> None:
        """Put the data on the device.

        Args:
            options: the task.
            data: one split of a data set.
            device: where all tensors live.
            augment: random warps of the images (for training), each alone.

        Raises:
            ValueError: if two images do not fit the canvas, or there are not two.
        """
        check_pair(options.size, data.images)
        if len(data.labels) < 2:
            raise ValueError("a pair takes two different examples, and the split has one")
        self.options, self.augment, self.device = options, augment, torch.device(device)
        self.classes = data.classes
        self._images, self._labels = data.images.to(self.device), data.labels.to(self.device)
        self.retina = Retina(options.retina, options.size, options.size, device=self.device)
        self._first_place = FirstPlace(options.first_place, device=self.device)
        channels = data.images.shape[1]
        self.observation_space = spaces.Dict(
            {
                "glimpse": spaces.Box(0.0, 1.0, self.retina.shape(channels), np.float32),
                "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
                "time": spaces.Discrete(2 * options.glimpses + 1),
                "context": spaces.Box(0.0, 1.0, (channels, options.context, options.context), np.float32),
            }
        )
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
    ) -> ImageData:
        """One split of the data that the options name; see `load_images`, whose errors it raises."""
        return load_images(options.data, split, root=root, download=download, image_size=options.image_size)

    @property
    def examples(self) -> int:
        """Number of examples in the split; each can stand on the left."""
        return len(self._labels)

    @property
    def label(self) -> Tensor:
        """Both true classes in each lane: (B,) int64 in [0, N * N)."""
        return self._label

    def draw_example(self, key: Tensor) -> Tensor:
        """A uniformly drawn example for each episode's key: (B,) int64 -> (B,) int64."""
        return draw_example(key, self.examples)

    def begin(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes.

        Args:
            example: (E,) int64, what stands on the left.
            key: (E,) int64; it decides all else of the picture, and with the copy's number the first place.
            copies: episodes M played on each picture; lane e * M + m is the m-th copy of example e.

        Returns:
            The first observation, with a leading axis B.
        """
        lane = torch.arange(len(example) * copies, device=self.device)
        pictures, label = self._draw_pairs(example, key)
        self._pictures, self._picture = self.retina.prepare(pictures), lane // copies
        self._context = self._reduce(pictures).repeat_interleave(copies, 0)
        self._label = label.repeat_interleave(copies)
        self._location = self._first_place.draw(key.repeat_interleave(copies), lane % copies)
        self._time = torch.zeros_like(lane)
        self._steps = 0  # since the last (re)start of any lane
        self._glimpse = self.retina.look(self._pictures, self._picture, self._location)
        return self._observe()

    def restart(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes (after `begin` with one copy), leaving the others as they are.

        Args:
            lanes: (R,) int64, which lanes.
            example: (R,) int64.
            key: (R,) int64.

        Returns:
            The observation of all B lanes.
        """
        pictures, label = self._draw_pairs(example, key)
        self._pictures[lanes] = self.retina.prepare(pictures)
        self._context = self._context.index_copy(0, lanes, self._reduce(pictures))
        self._label = self._label.index_copy(0, lanes, label)
        place = self._first_place.draw(key, 0)
        self._location = self._location.index_copy(0, lanes, place)
        self._time = self._time.index_fill(0, lanes, 0)
        self._steps = 0
        self._glimpse = self._glimpse.index_copy(0, lanes, self.retina.look(self._pictures, lanes, place))
        return self._observe()

    def step(self, action: Action) -> Step:
        """Answer, and look again.

        Args:
            action: `look` (B, 2) float, `answer` (B,) int64.

        Returns:
            The step. In lanes whose episode is over nothing changes and the reward is 0.
        """
        half, classes = self.options.glimpses, len(self.classes)
        playing = self._time < 2 * half
        self._time = self._time + playing
        over = self._time == 2 * half
        wanted = torch.where(over, self._label % classes, self._label // classes)
        counts = playing & (over | (self._time == half))
        reward = ((action["answer"] == wanted) & counts).float() / 2
        self._steps += 1
        if self._steps < 2 * half:  # Else each lane began at least T steps ago, so none goes on.
            self._location = torch.where(over[:, None], self._location, action["look"].float().clamp(-1, 1))
            self._glimpse = self.retina.look(self._pictures, self._picture, self._location)
        return Step(self._observe(), reward, over, self._label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Whether one of the answers that have counted so far was wrong, if the likeliest class is answered.

        Before the first one counts, what would be answered is judged in its place; the last row judges both.

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
        """What is shown in each lane, whole: (B, C, H, W) uint8. For drawing; no agent sees it."""
        return self.retina.restore(self._pictures[self._picture])

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane as an RGB picture: the whole canvas, the path so far, and what the last glimpse showed.

        Args:
            lane: which one.
            seen: the observations of its episode so far, without the lane's axis.

        Returns:
            (height, width, 3) uint8, of the same size at each step.
        """
        if len(seen) > 2 * self.options.glimpses:
            seen = seen[:-1]  # The final observation repeats the one before it.
        picture = self.retina.restore(self._pictures[self._picture[lane]][None])[0].numpy(force=True)
        places = np.stack([observation["location"] for observation in seen])
        return np.asarray(draw_glimpses(picture, places, self.options.retina, seen[-1]["glimpse"]))

    def _draw_pairs(self, example: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """The canvases (R, C, H, W) uint8 of new episodes, and their labels (R,)."""
        # An offset in [1, examples) from the left one: never the same one.
        other = (example + 1 + integers(mix(key, _SECOND), 1, self.examples - 1)[:, 0]) % self.examples
        left, right = self._images[example], self._images[other]
        if self.augment is not None and self.augment.active:
            left, right = warp(self.augment, left, key), warp(self.augment, right, mix(key, _SECOND_WARP))
        label = self._labels[example] * len(self.classes) + self._labels[other]
        return make_pair(self.options.size, left, right, key), label

    def _reduce(self, pictures: Tensor) -> Tensor:
        """The mean over each coarse pixel: (R, C, H, W) uint8 -> (R, C, D, D) in [0, 1]."""
        return F.adaptive_avg_pool2d(pictures.float() / 255, self.options.context)

    def _observe(self) -> Observation:
        return {
            "glimpse": self._glimpse,
            "location": self._location,
            "time": self._time,
            "context": self._context,
        }
