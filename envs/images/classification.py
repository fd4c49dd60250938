"""Sequential classification as a batched core: B episodes at once, tensors in and out, no host sync."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.augment import warp
from glimpse.envs.images.canvas import check_canvas, make_canvas
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.initial_location import FirstPlace, draw_example
from glimpse.envs.images.render import draw_glimpses
from glimpse.envs.images.retina import Retina
from glimpse.envs.images.whole_view import WholeView
from glimpse.envs.options import AugmentOptions, ClassificationOptions

Observation = dict[str, Tensor]
Action = dict[str, Tensor]


class Step(NamedTuple):
    """What a step gives back.

    observation: as the observation space, with a leading axis B.
    reward: (B,) float32.
    terminated: (B,) bool: the episode is over, now or before.
    label: (B,) int64: the true class, for supervised losses; never part of an observation.
    """

    observation: Observation
    reward: Tensor
    terminated: Tensor
    label: Tensor


class Classification:
    """Look at an image through T glimpses, then name its class.

    Observation: `glimpse` (K, C, P, P) in [0, 1], or with `view: whole` the whole picture (1, C, H, W) at every
    step; `location` (2,), the place (x, y) in [-1, 1] that it was taken at; `time`, the number of glimpses
    answered so far, 0 to T.
    Action: `look` (2,), the next place (clamped to [-1, 1]); `answer`, the guessed class; with the option
    `stop` also `stop`, which ends the episode with this answer.
    Reward: 1 for a right answer at the end (or 1/T for each right answer), less `glimpse_cost` at each step.
    Start: the first glimpse falls where `first_place` says. End: after the T-th answer, or at `stop`.
    The last `look` of an episode is followed by no glimpse: the final observation repeats the last one.

    Version 0.
    """

    answers = 1

    def __init__(
        self,
        options: ClassificationOptions,
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
            augment: random warps of the images (for training).

        Raises:
            ValueError: if examples or clutter do not fit the canvas, or pictures are too large for the retina.
        """
        self.options, self.augment = options, augment
        self.device = torch.device(device)
        self.classes = data.classes
        self._images, self._labels = data.images.to(self.device), data.labels.to(self.device)
        channels, height, width = data.images.shape[1:]
        # Pictures that are made for each episode are prepared there; images shown as they are, once and here.
        self._fresh = options.canvas.kind != "plain" or (augment is not None and augment.active)
        if options.canvas.kind != "plain":
            check_canvas(options.canvas, data.images)
            height = width = options.canvas.size
        self.retina = (
            WholeView(height, width)
            if options.view == "whole"
            else Retina(options.retina, height, width, device=self.device)
        )
        self._resident = None if self._fresh else self.retina.prepare(self._images)
        self._first_place = FirstPlace(options.first_place, options.first_spread, device=self.device)
        self.observation_space = self._make_observation_space(channels)
        self.action_space = self._make_action_space()

    @staticmethod
    def load_data(
        options: ClassificationOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
    ) -> ImageData:
        """One split of the data that the options name; see `load_images`, whose errors it raises."""
        return load_images(options.data, split, root=root, download=download, image_size=options.image_size)

    def _make_observation_space(self, channels: int) -> spaces.Dict:
        return spaces.Dict(
            {
                "glimpse": spaces.Box(0.0, 1.0, self.retina.shape(channels), np.float32),
                "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
                "time": spaces.Discrete(self.options.glimpses + 1),
            }
        )

    def _make_action_space(self) -> spaces.Dict:
        parts: dict[str, spaces.Space[object]] = {
            "look": spaces.Box(-1.0, 1.0, (2,), np.float32),
            "answer": spaces.Discrete(len(self.classes)),
        }
        if self.options.stop:
            parts["stop"] = spaces.Discrete(2)
        return spaces.Dict(parts)

    @property
    def examples(self) -> int:
        """Number of examples N in the split."""
        return len(self._labels)

    @property
    def label(self) -> Tensor:
        """The true class in each lane: (B,) int64."""
        return self._label

    def draw_example(self, key: Tensor) -> Tensor:
        """A uniformly drawn example for each episode's key: (B,) int64 -> (B,) int64 in [0, N)."""
        return draw_example(key, self.examples)

    def begin(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes.

        Args:
            example: (E,) int64 in [0, N).
            key: (E,) int64; with the example it decides the picture, with the copy's number the first place.
            copies: episodes M played on each picture; lane e * M + m is the m-th copy of example e.

        Returns:
            The first observation, with a leading axis B.
        """
        lane = torch.arange(len(example) * copies, device=self.device)
        self._picture = lane // copies
        self._pictures = self._draw_pictures(example, key)
        if self._resident is not None:
            self._picture = example[self._picture]
        self._label = self._labels[example].repeat_interleave(copies)
        self._location = self._first_place.draw(key.repeat_interleave(copies), lane % copies)
        self._time = torch.zeros_like(lane)
        self._over = torch.zeros_like(lane, dtype=torch.bool)
        self._steps = 0  # since the last (re)start of any lane
        self._glimpse = self._look(self._picture, self._location)
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
        if self._resident is not None:
            self._picture[lanes] = example
        else:
            self._pictures[lanes] = self._draw_pictures(example, key)
        self._label = self._label.index_copy(0, lanes, self._labels[example])
        place = self._first_place.draw(key, 0)
        self._location = self._location.index_copy(0, lanes, place)
        self._time = self._time.index_fill(0, lanes, 0)
        self._over = self._over.index_fill(0, lanes, False)
        self._steps = 0
        self._glimpse = self._glimpse.index_copy(0, lanes, self._look(self._picture[lanes], place))
        return self._observe()

    def step(self, action: Action) -> Step:
        """Answer, and look again.

        Args:
            action: `look` (B, 2) float, `answer` (B,) int64, and `stop` (B,) int64 where the task has it.

        Returns:
            The step. In lanes whose episode is over nothing changes and the reward is 0.
        """
        playing = ~self._over
        self._time = self._time + playing
        ends = self._time >= self.options.glimpses
        if self.options.stop:
            ends = ends | action["stop"].bool()
        right = (action["answer"] == self._label).float()
        worth = right / self.options.glimpses if self.options.reward == "each_step" else right * ends
        reward = (worth - self.options.glimpse_cost) * playing
        self._over = self._over | ends
        self._move(action["look"])
        return Step(self._observe(), reward, self._over, self._label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Whether the likeliest class after each glimpse is not the label: (T, ..., N), (...,) -> (T, ...) bool."""
        return belief.argmax(-1) != label

    def picture(self) -> Tensor:
        """What is shown in each lane, whole: (B, C, H, W) uint8. For drawing; no agent sees it."""
        return self.retina.restore(self._prepared()[self._picture])

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane as an RGB picture: the whole image, the path so far, and what the last glimpse showed.

        Args:
            lane: which one.
            seen: the observations of its episode so far, without the lane's axis.

        Returns:
            (height, width, 3) uint8, of the same size at each step.
        """
        if self._over[lane]:
            seen = seen[:-1]  # The final observation repeats the one before it.
        picture = self.retina.restore(self._prepared()[self._picture[lane]][None])[0].numpy(force=True)
        places = np.stack([observation["location"] for observation in seen])
        covered = None if self.options.view == "whole" else self.options.retina
        return np.asarray(draw_glimpses(picture, places, covered, seen[-1]["glimpse"]))

    def _move(self, look: Tensor) -> None:
        """Look at the next place, in the lanes that go on."""
        self._steps += 1
        if self._steps >= self.options.glimpses:
            return  # Each lane began at least T steps ago, so none goes on: known without asking the device.
        self._location = torch.where(self._over[:, None], self._location, look.float().clamp(-1, 1))
        if self.options.view == "glimpse":  # The whole picture is the same from everywhere.
            self._glimpse = self._look(self._picture, self._location)

    def _prepared(self) -> Tensor:
        """The pictures that `_picture` counts."""
        return self._pictures if self._resident is None else self._resident

    def _look(self, picture: Tensor, location: Tensor) -> Tensor:
        return self.retina.look(self._prepared(), picture, location)

    def _observe(self) -> Observation:
        return {"glimpse": self._glimpse, "location": self._location, "time": self._time}

    def _draw_pictures(self, example: Tensor, key: Tensor) -> Tensor:
        """The prepared pictures of new episodes; nothing where the resident images are shown as they are."""
        if not self._fresh:
            return self._images.new_empty(0)
        pictures = self._images[example]
        if self.augment is not None and self.augment.active:
            pictures = warp(self.augment, pictures, key)
        if self.options.canvas.kind != "plain":
            pictures = make_canvas(self.options.canvas, pictures, example, key, self._images)
        return self.retina.prepare(pictures)
