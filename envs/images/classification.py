"""Sequential classification as a batched environment; no step waits for the device.

Axes: B lanes, E examples, R lanes that are reset, K scales, C channels, P patch side, N classes, T glimpses.
"""

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.envs.core import Action, StepResult, count_labels, named_labels
from glimpse.envs.data.fingerprints import fingerprints_of_rows
from glimpse.envs.images.augment import warp
from glimpse.envs.images.canvas import check_canvas, make_canvas
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.options import AugmentOptions, ClassificationOptions, RetinaOptions
from glimpse.envs.images.picture_env import PictureEnv
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.images.picture_table import load_picture_table
from glimpse.envs.images.whole_view import WholeView
from glimpse.envs.label_kinds import label_kind
from glimpse.envs.meaning import Meaning


class Classification(PictureEnv):
    """Classification: look at an image through T glimpses, then name its class.

    With `labels: scores` a number is asked for, with `labels: many` any number of labels.

    Observation: `glimpse` (K, C, P, P) in [0, 1], or with `view: whole` the whole picture (1, C, H, W) at every
    step; `location` (2,), where it was taken, (x, y) in [-1, 1]; `time`, the number of answers so far, 0 to T.
    Action: `look` (2,), the next location (clamped to [-1, 1]); `answer`, the predicted class, or `score`, a number,
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
        self.options, self.augment = options, augment
        self.device = torch.device(device)
        self.classes, self.scores, self.many = data.classes, data.scores, data.labels.dim() > 1
        self.label_kind = label_kind(data.classes, data.scores, self.many)
        self.answers = self.label_kind.answers
        self._images, self._labels = data.images.to(self.device), data.labels.to(self.device)
        channels, height, width = data.images.shape[1:]
        # Images that are shown unchanged are prepared once, here; pictures made for an episode are prepared at resets.
        self._fresh = options.canvas.kind != "plain" or (augment is not None and augment.active)
        if options.canvas.kind != "plain":
            check_canvas(options.canvas, data.images)
            height = width = options.canvas.size
        self.retina = (
            WholeView(height, width)
            if options.view == "whole"
            else self.retina_class(options.retina, height, width, device=self.device)
        )
        self._resident = None if self._fresh else self.retina.prepare(self._images)
        self._initial_location = InitialLocation(
            options.initial_location,
            options.initial_location_std,
            glimpses=options.glimpses,
            device=self.device,
        )
        self.observation_space = self._make_observation_space(channels)
        self.action_space = self._make_action_space()

    @staticmethod
    def load_data(
        options: ClassificationOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: PictureMeaning | None = None,
    ) -> ImageData:
        """Load one split of the data; see `load_images` and `load_picture_table`, whose errors it raises."""
        if options.is_table:
            return load_picture_table(options, split, meaning)
        return load_images(
            options.data,
            split,
            root=root,
            download=download,
            image_size=options.image_size,
            meaning=meaning,
            validation=options.validation,
        )

    @staticmethod
    def data_without_examples(options: ClassificationOptions, meaning: PictureMeaning) -> ImageData:
        """Return data of a run without pictures."""
        pictures = torch.zeros(0, *meaning.shape, dtype=torch.uint8)
        return ImageData(pictures, meaning.kind.no_labels(0), meaning.classes, meaning.scores)

    def class_counts(self) -> dict[str, int]:
        """Return the number of examples by the name of their class, or of each label; none where labels are scores."""
        return count_labels(self._labels, self.classes)

    def fingerprints(self) -> tuple[Tensor, Tensor]:
        """Return a number for each picture of the data set, equal for equal ones, and the labels."""
        return fingerprints_of_rows(self._images), self._labels.cpu()

    def shown_examples(self) -> Any:
        """Return the pictures of the data set, their labels, and the options of the canvas that matter."""
        canvas = self.options.canvas
        used = {"plain": ["kind"], "translated": ["kind", "size"]}.get(canvas.kind, list(type(canvas).model_fields))
        return self._images, named_labels(self._labels, self.classes), {name: getattr(canvas, name) for name in used}

    def meaning(self) -> PictureMeaning:
        """Return what labels are, and the shape of the data set's pictures."""
        channels, height, width = self._images.shape[1:]
        labels: Literal["one", "many"] = "many" if self.many else "one"
        return PictureMeaning(classes=self.classes, scores=self.scores, labels=labels, shape=(channels, height, width))

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
            self.label_kind.action: self.label_kind.space(),
        }
        if self.options.stop:
            parts["stop"] = spaces.Discrete(2)
        return spaces.Dict(parts)

    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        self._picture = torch.arange(len(example) * copies, device=self.device) // copies
        self._pictures = self._draw_pictures(example, key)
        if self._resident is not None:
            self._picture = example[self._picture]
        self._label = self._labels[example].repeat_interleave(copies, 0)

    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        if self._resident is not None:
            self._picture[lanes] = example
        else:
            self._pictures[lanes] = self._draw_pictures(example, key)
        self._label = self._label.index_copy(0, lanes, self._labels[example])

    def step(self, action: Action) -> StepResult:
        """Answer and take the next glimpse.

        Args:
            action: `look` (B, 2) float, the answer (`answer` (B,) int64, `score` (B,) float or `labels` (B, N) int64),
                and `stop` (B,) int64 where the task has it.

        Returns:
            The result. In terminated lanes nothing changes and the reward is 0.
        """
        playing = ~self._terminated
        self._time = self._time + playing
        # Find the episodes that end with this answer.
        ends = self._time >= self.options.glimpses
        if self.options.stop:
            ends = ends | action["stop"].bool()
        # Reward the answers of the running episodes.
        reward = self.reward_of(action[self.label_kind.action], self._label, ends) * playing
        # Take the next glimpse.
        self._terminated = self._terminated | ends
        self._move(action["look"])
        return StepResult(self._observe(), reward, self._terminated, self._label)

    def reward_of(self, answer: Tensor, label: Tensor, ends: Tensor) -> Tensor:
        """Return the rewards of answers in running episodes: (B,) float32; `ends` (B,) tells those that end now."""
        right = self.label_kind.worth(answer, label)
        worth = right / self.options.glimpses if self.options.reward == "each_step" else right * ends
        return worth - self.options.glimpse_cost

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likeliest answer after each glimpse is wrong, as `LabelKind.wrong`."""
        return self.label_kind.wrong(belief, label)

    def picture(self) -> Tensor:
        """Return the whole picture of each lane, (B, C, H, W) uint8, for drawing; no agent sees it."""
        return self.retina.restore(self._prepared()[self._picture])

    def _lane_picture(self, lane: int) -> Tensor:
        return self.retina.restore(self._prepared()[self._picture[lane]][None])[0]

    def _drawn_retina(self) -> RetinaOptions | None:
        return None if self.options.view == "whole" else self.options.retina

    def _move(self, look: Tensor) -> None:
        """Take the next glimpse in the lanes whose episodes continue."""
        self._steps += 1
        if self._steps >= self.options.glimpses:
            return  # Each lane began at least T steps ago, so all have terminated; the device need not be asked.
        self._location = torch.where(self._terminated[:, None], self._location, look.float().clamp(-1, 1))
        if self.options.view == "glimpse":  # With `view: whole` the glimpse does not change.
            self._glimpse = self._look(None, self._location)

    def _prepared(self) -> Tensor:
        """Return the prepared pictures that `_picture` indexes."""
        return self._pictures if self._resident is None else self._resident

    def _look(self, lanes: Tensor | None, location: Tensor) -> Tensor:
        picture = self._picture if lanes is None else self._picture[lanes]
        return self.retina.look(self._prepared(), picture, location)

    def _draw_pictures(self, example: Tensor, key: Tensor) -> Tensor:
        """Make and prepare the pictures of new episodes; an empty tensor if the resident images are shown unchanged."""
        if not self._fresh:
            return self._images.new_empty(0)
        pictures = self._images[example]
        if self.augment is not None and self.augment.active:
            pictures = warp(self.augment, pictures, key)
        if self.options.canvas.kind != "plain":
            pictures = make_canvas(self.options.canvas, pictures, example, key, self._images)
        return self.retina.prepare(pictures)
