"""Tests of the action masks for sb3-contrib's MaskablePPO."""

from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from glimpse.envs.faces.stable_baselines3_face import FlatView, Sb3VecEnv, make_sb3_env

OPINIONS = Path(__file__).parents[1] / "text" / "opinions.tsv"
TASK: dict[str, Any] = {"data": f"file:{OPINIONS}", "vectors": "none", "window": 1, "longest_jump": 3, "jumps": 4}


def test_masks_equal_the_observed_legal_jumps() -> None:
    """Every answer is legal; columns are in the order of the flat action."""
    env = make_sb3_env("skim", 5, seed=0, **TASK)
    observation = cast(dict[str, np.ndarray[Any, Any]], env.reset())
    for _ in range(6):
        masks = np.stack(env.env_method("action_masks"))
        sizes = cast(spaces.MultiDiscrete, env.action_space).nvec.tolist()
        assert masks.shape == (5, sum(sizes))
        at = sizes.index(4)
        start = sum(sizes[:at])
        np.testing.assert_array_equal(masks[:, start : start + 4], observation["legal"].astype(bool))
        assert np.delete(masks, range(start, start + 4), 1).all()
        result = env.step(np.array([[1 if size == 4 else 0 for size in sizes]] * 5))
        observation = cast(dict[str, np.ndarray[Any, Any]], result[0])
    single = FlatView(gym.make("glimpse/Skim-v0", **TASK))
    first, _ = single.reset(seed=0)
    assert single.get_wrapper_attr("action_masks")().sum() == first["legal"].sum() + sizes[1 - at]


def test_environments_without_illegal_actions_have_no_masks() -> None:
    """sb3-contrib tests for the attribute `action_masks`."""
    env = make_sb3_env("digits", 2, retina={"patch": 3})
    assert not env.has_attr("action_masks") and make_sb3_env("skim", 2, **TASK).has_attr("action_masks")
    with pytest.raises(AttributeError, match="none has a method"):
        env.env_method("action_masks")


@pytest.mark.parametrize("masked", [True, False])
def test_ppo_trains_on_an_environment_of_texts(masked: bool) -> None:
    """MaskablePPO takes no illegal jump; plain PPO, for which illegal jumps end reading, trains too."""
    contrib = pytest.importorskip("sb3_contrib")
    from stable_baselines3 import PPO

    env = _CountingVecEnv(make_sb3_env("skim", 8, seed=0, **TASK))
    algorithm = contrib.MaskablePPO if masked else PPO
    algorithm("MultiInputPolicy", env, n_steps=16, batch_size=64, seed=0, device="cpu").learn(256)
    assert env.actions_taken >= 256 and (env.illegal == 0) == masked


class _CountingVecEnv(Sb3VecEnv):
    """A VecEnv that counts all actions and the illegal ones."""

    def __init__(self, env: Sb3VecEnv) -> None:
        vars(self).update(vars(env))
        self.action_masks = self._action_masks
        self.actions_taken = self.illegal = 0

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        sizes = cast(spaces.MultiDiscrete, self.action_space).nvec.tolist()
        masks = self._action_masks()
        for column, size in enumerate(sizes):
            start = sum(sizes[:column])
            legal = np.take_along_axis(masks[:, start : start + size], actions[:, column : column + 1], 1)
            self.illegal += int((~legal).sum())
        self.actions_taken += len(actions)
        super().step_async(actions)
