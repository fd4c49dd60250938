"""Base class of environments that are answered after T glimpses of a picture that stays the same.

Axes: B lanes, R lanes that are looked at, T glimpses, N classes.
"""

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.envs.core import Action, StepResult
from glimpse.envs.images.options import LookingOptions
from glimpse.envs.images.picture_env import PictureEnv
from glimpse.envs.label_kinds import LabelKind


class AnsweringEnv(PictureEnv):
    """Base class: an answer after each glimpse, of which the last one counts, or all.

    options: number of glimpses, costs and rewards.
    label_kind: what is asked for.
    """

    options: LookingOptions
    label_kind: LabelKind

    def _make_action_space(self) -> spaces.Dict:
        parts = {**self._look_spaces(), self.label_kind.action: self.label_kind.space()}
        if self.options.stop:
            parts["stop"] = spaces.Discrete(2)
        return spaces.Dict(parts)

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
        reward = self.reward_of(self._worth(action), ends) * playing
        # Take the next glimpse.
        self._terminated = self._terminated | ends
        self._move(action)
        return StepResult(self._observe(), reward, self._terminated, self._label)

    def reward_of(self, right: Tensor, ends: Tensor) -> Tensor:
        """Return the rewards of running episodes: (B,) float32.

        Args:
            right: (B,) float32, what the answers are worth.
            ends: (B,) bool, which episodes end with them.
        """
        worth = right / self.options.glimpses if self.options.reward == "each_step" else right * ends
        return worth - self.options.glimpse_cost

    def _worth(self, action: Action) -> Tensor:
        """Return what each answer is worth, (B,) in [0, 1]."""
        return self.label_kind.worth(action[self.label_kind.action], self._label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likeliest answer after each glimpse is wrong, as `LabelKind.wrong`."""
        return self.label_kind.wrong(belief, label)

    def _move(self, action: Action) -> None:
        """Take the next glimpse in the lanes whose episodes continue."""
        self._steps += 1
        if self._steps >= self.options.glimpses:
            return  # Each lane began at least T steps ago, so all have terminated; the device need not be asked.
        over = self._terminated[:, None]
        self._location = torch.where(over, self._location, action["look"].float().clamp(-1, 1))
        self._zoom = torch.where(over, self._zoom, self._chosen_zoom(action))
        if not self.retina.shows_all:  # Otherwise the glimpse does not change.
            self._glimpse = self._look(None, self._location)

    def _look(self, lanes: Tensor | None, location: Tensor) -> Tensor:
        picture = self._picture if lanes is None else self._picture[lanes]
        if self.zoom_retina is None:
            return self.retina.look(self._prepared(), picture, location)
        return self.zoom_retina.look(
            self._prepared(), picture, location, self._zoom if lanes is None else self._zoom[lanes]
        )
