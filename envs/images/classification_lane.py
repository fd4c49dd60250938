"""One lane of classification in NumPy."""

from typing import Any, Self

import torch
from numpy.typing import NDArray

from glimpse.envs.images.classification import Classification
from glimpse.envs.images.display import DrawnDisplay, PreparedDisplay
from glimpse.envs.images.one_look import OneLook
from glimpse.envs.images.picture_lane import Floats, PictureLane, clamped
from glimpse.envs.single_lane import Arrays, LaneStep


class ClassificationLane(PictureLane):
    """One lane of `Classification`; see `SingleLane`. The picture of an episode is the environment's own."""

    env: Classification

    def __init__(self, env: Classification, display: PreparedDisplay | DrawnDisplay) -> None:
        """Take the environment's pictures, labels and options."""
        super().__init__(env)
        self._glimpses, self._stops = env.options.glimpses, env.options.stop
        self._answer, self._moves = env.label_kind.action, not env.retina.shows_all
        self._prepared = display.prepared.numpy() if isinstance(display, PreparedDisplay) else None
        self._labels: NDArray[Any] = env._labels.numpy()
        self._sensor = OneLook(env.retina)
        # A class is right or wrong, so its rewards are computed once: in the middle and at the end of an episode.
        self._rewards = _class_rewards(env) if env.label_kind.name == "classes" else None

    @classmethod
    def of(cls, env: Classification) -> Self | None:
        """Return a lane; None if the environment shows or asks for something that this lane does not know."""
        known, observed = {"look", "stop", env.label_kind.action}, {"glimpse", "location", "time"}
        fits = env.action_space.keys() <= known and env.observation_space.keys() == observed
        display = env._display
        if not fits or env.zoom_retina is not None or not isinstance(display, PreparedDisplay | DrawnDisplay):
            return None
        return cls(env, display)

    @property
    def label(self) -> int | float | NDArray[Any]:
        """Right answer of the episode, as `info` has it."""
        label = self._label
        found: int | float | NDArray[Any] = label.copy() if label.ndim else label.item()
        return found

    def reset(self, example: int, key: int) -> Arrays:
        """Begin an episode; see `SingleLane`."""
        self._label = self._labels[example]
        if self._prepared is not None:
            self._number, self._shown = example, self._prepared[example]
        else:
            self.env._show(torch.tensor([example]), torch.tensor([key]), 1)
            self._number, self._shown = 0, self.env._pictures[0].numpy()
        return self._begin(self._initial_location.draw_one(key))

    def step(self, action: Arrays) -> LaneStep:
        """Answer and take the next glimpse; see `Classification.step`."""
        self._time += 1
        self._terminated = self._time >= self._glimpses or (self._stops and bool(action["stop"]))
        reward = self._reward(action[self._answer])
        if not self._terminated:
            self._location = clamped(action["look"])
            if self._moves:
                self._glimpse = self._look()
        return LaneStep(self._observe(), reward, self._terminated)

    def _reward(self, answer: NDArray[Any]) -> float:
        if self._rewards is not None:
            return self._rewards[self._terminated][bool(answer == self._label)]
        right = self.env.label_kind.worth(torch.as_tensor(answer)[None], torch.as_tensor(self._label)[None])
        return float(self.env.reward_of(right, torch.tensor([self._terminated])))

    def _look(self) -> Floats:
        return self._sensor.look(self._shown, self._location)

    def store(self) -> None:
        """Write the episode into the environment; see `SingleLane`."""
        env = self.env
        env._picture, env._label = torch.tensor([self._number]), torch.as_tensor(self._label)[None]
        if self._prepared is not None:
            env._pictures = torch.empty(0, dtype=torch.uint8)
        self._store()

    def load(self) -> None:
        """Continue the environment's episode; see `SingleLane`."""
        self._number, self._label = int(self.env._picture), self.env._label[0].numpy()[()]
        shown = self.env._pictures.numpy() if self._prepared is None else self._prepared
        self._shown = shown[self._number]
        self._load()


def _class_rewards(env: Classification) -> list[list[float]]:
    """Return the rewards of a wrong and of a right answer, before the end of an episode and at it."""
    right = torch.tensor([0.0, 1.0])
    return [env.reward_of(right, torch.tensor([ends] * 2)).tolist() for ends in (False, True)]
