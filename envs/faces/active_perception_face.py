"""ap_gym interface of a single environment: the answer is a prediction with a loss, apart from the action.

ap_gym (the package ap-gym) divides an action into `action`, which moves the agent, and `prediction`, whose
differentiable loss is part of the reward. Its `ensure_active_perception_env` would give a Gymnasium environment of ours
no prediction; `ActivePerceptionView` gives it one. Nothing of ap_gym is imported unless its user has:
import ap_gym before the view is made, so that the view is one of its environments.
"""

import sys
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Floats = NDArray[np.float32]


class PredictionLoss:
    """Cross-entropy of logits divided by log N, so that a uniform prediction of N classes has a loss of 1."""

    def __init__(self, classes: int) -> None:
        """Remember the number of classes N."""
        self.classes = classes

    def torch(self, prediction: Tensor, target: Tensor, batch_shape: tuple[int, ...] = (), rng: Any = None) -> Tensor:
        """Return the loss of logits (*batch_shape, N) for classes (*batch_shape): (*batch_shape,)."""
        flat = functional.cross_entropy(
            prediction.reshape(-1, self.classes), target.reshape(-1).long(), reduction="none"
        )
        return flat.reshape(batch_shape) / float(np.log(self.classes))

    def numpy(self, prediction: Any, target: Any, batch_shape: tuple[int, ...] = (), rng: Any = None) -> Floats:
        """Return the loss as `torch` does, of NumPy arrays."""
        logits, label = torch.as_tensor(np.asarray(prediction)), torch.as_tensor(np.asarray(target))
        loss: Floats = self.torch(logits.double(), label, batch_shape).numpy().astype(np.float32)
        return loss

    def numpy_loss_and_metrics(
        self, prediction: Any, target: Any, batch_shape: tuple[int, ...] = (), rng: Any = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Return the loss, and no metrics."""
        return self.numpy(prediction, target, batch_shape, rng), {}

    __call__ = numpy


class ActivePerceptionView(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Wrapper for ap_gym: `ActivePerceptionView(gym.make("glimpse/MNIST-v0"))`.

    Action: `action`, the parts of the environment's action other than the answer, and `prediction`, logits (N,).
    Reward: that of the environment for the likeliest class (`info["base_reward"]`), less the loss of the prediction.
    Info: `prediction` has the `target`, the true class, and after a step the `loss`.

    prediction_space, prediction_target_space, inner_action_space: spaces of the parts.
    loss_fn: the loss of a prediction.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        """Wrap an environment whose action has an `answer`.

        Raises:
            ValueError: if it has none: nothing is predicted there. With several answers `reset` raises it.
        """
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        parts = dict(env.action_space.items()) if isinstance(env.action_space, spaces.Dict) else {}
        answer = parts.pop("answer", None)
        if not isinstance(answer, spaces.Discrete):
            raise ValueError(f"expected an action with a Discrete `answer` to be predicted, got {env.action_space}")
        self._first = int(answer.start)
        self.loss_fn = PredictionLoss(int(answer.n))
        self.prediction_space = spaces.Box(-np.inf, np.inf, (int(answer.n),), np.float32)
        self.prediction_target_space = spaces.Discrete(int(answer.n))
        self.inner_action_space = spaces.Dict(parts)
        self.action_space = _action_space(self.inner_action_space, self.prediction_space)
        _register()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment; `info["prediction"]["target"]` is the true class."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, "prediction": {"target": self._target(info)}}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one step, with the likeliest class as the answer.

        Raises:
            ValueError: if the action does not fit the action space.
        """
        logits = np.asarray(action["prediction"], np.float32) if "prediction" in action else np.zeros(0)
        if logits.shape != self.prediction_space.shape or not np.isfinite(logits).all():
            raise ValueError(f"action['prediction'] should be {self.loss_fn.classes} finite logits, got {logits}")
        given = {**action["action"], "answer": self._first + int(logits.argmax())}
        observation, reward, terminated, truncated, info = self.env.step(given)
        target = self._target(info)
        loss = self.loss_fn.numpy(logits, target)
        more = {"base_reward": float(reward), "prediction": {"target": target, "loss": loss, "metrics": {}}}
        return observation, float(reward) - float(loss), terminated, truncated, {**info, **more}

    def _target(self, info: dict[str, Any]) -> np.int64:
        target = np.asarray(info["label"]) - self._first
        if target.ndim or not 0 <= target < self.loss_fn.classes:
            raise ValueError(f"expected one answer in an episode, got the label {info['label']} for several")
        return np.int64(target)


def _action_space(inner: spaces.Dict, prediction: spaces.Box) -> spaces.Dict:
    """Return the space of both parts: ap_gym's own class where ap_gym was imported."""
    ap_gym = sys.modules.get("ap_gym")
    if ap_gym is None:
        return spaces.Dict({"action": inner, "prediction": prediction})
    space: spaces.Dict = ap_gym.ActivePerceptionActionSpace(inner, prediction)
    return space


def _register() -> None:
    """Let ap_gym, where it was imported, take the view for one of its environments."""
    ap_gym = sys.modules.get("ap_gym")
    if ap_gym is not None:
        ap_gym.BaseActivePerceptionEnv.register(ActivePerceptionView)
