"""Learner of agents that Stable-Baselines3 trains, by its algorithm instead of our losses."""

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glimpse.agents.vision.stable_baselines3_agent import Sb3Agent, make_algorithm
from glimpse.config.experiment import Experiment, TrainOptions
from glimpse.envs.core import BatchedEnv
from glimpse.envs.faces.stable_baselines3_face import Sb3VecEnv
from glimpse.envs.lane_random import mix
from glimpse.training.example_order import TrainingOrder
from glimpse.training.learner import Learner

_SB3 = 71
_WATCHED = (
    "loss",
    "policy_loss",
    "policy_gradient_loss",
    "value_loss",
    "entropy_loss",
    "approx_kl",
    "clip_fraction",
    "explained_variance",
)
"""SB3's training metrics that change from step to step; not all algorithms have all of them."""


class Sb3Learner(Learner):
    """Learner whose step is one SB3 rollout in all lanes, and SB3's updates from it.

    SB3 draws from the global generators of torch and NumPy. They are seeded before each step from (seed, step), and
    what SB3 and the lanes carry from one rollout to the next is kept in the checkpoint, so that a resumed run is the
    run that was never stopped, to the bit.
    """

    agent: Sb3Agent

    def __init__(self, agent: Sb3Agent, options: TrainOptions, env: BatchedEnv, seed: int) -> None:
        """Prepare to train an `Sb3Agent` in an environment that was not reset: `batch` episodes side by side."""
        super().__init__(agent, agent.policy.optimizer, options, env.device)
        self.bfloat16, self.seed = False, seed
        self.env = Sb3VecEnv(lambda: copy.copy(env), options.batch, grid=agent.options.grid)
        self.env.seed(seed)
        self.model = make_algorithm(agent, self.env, lambda _: self._learning_rate(), options.max_grad_norm or math.inf)

    def advance(self, env: BatchedEnv, order: TrainingOrder) -> dict[str, Tensor]:
        """Make one step; the lanes draw their own examples, so `order` is not used.

        Returns:
            SB3's metrics by its names; `reward`, the mean of an episode, where any began; and `timesteps` so far.

        Raises:
            UserError: if a number or a weight is not finite.
        """
        key = int(mix(mix(torch.tensor(self.seed), _SB3), self.step)) % 2**32
        torch.manual_seed(key)
        np.random.seed(key)
        try:
            self.model.learn(self.model.n_steps * self.env.num_envs, reset_num_timesteps=False)
        except ValueError:  # torch's distributions refuse logits that are not finite.
            self.refuse_bad_weights()
            raise
        terms = self._terms()
        # The share of variance explained divides by the returns' variance, which is 0 before the first success.
        self._refuse_nan({name: value for name, value in terms.items() if name != "explained_variance"})
        self._finish_step()
        return terms

    def _terms(self) -> dict[str, Tensor]:
        """Return the metrics of the last rollout and its updates."""
        known, buffer = self.model.logger.name_to_value, self.model.rollout_buffer
        terms = {name: torch.tensor(float(known[f"train/{name}"])) for name in _WATCHED if f"train/{name}" in known}
        terms["timesteps"] = torch.tensor(self.model.num_timesteps)
        if begun := buffer.episode_starts.sum():
            terms["reward"] = torch.tensor(buffer.rewards.sum() / begun)
        return terms

    def state(self) -> dict[str, Any]:
        """Return a learner's state, with what SB3 carries from one rollout to the next; None before the first."""
        model: Any = self.model
        if model._last_obs is None:
            return {**super().state(), "sb3": None}
        memory = getattr(model, "_last_lstm_states", ())
        carried = {
            "timesteps": model.num_timesteps,
            "observation": {name: torch.from_numpy(array) for name, array in model._last_obs.items()},
            "begins": torch.from_numpy(model._last_episode_starts),
            "memory": [list(pair) for pair in memory],
            "lanes": self.env.lanes.state(),
        }
        return {**super().state(), "sb3": carried}

    def restore(self, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Go on from a checkpoint, exactly."""
        super().restore(weights, state)
        model: Any = self.model
        carried = state["sb3"]
        if carried is None and self.step == 0:
            return
        expected = {name: (self.env.num_envs, *space.shape) for name, space in model.observation_space.items()}
        found = {name: tuple(tensor.shape) for name, tensor in carried["observation"].items()}
        if found != expected or type(carried["timesteps"]) is not int:
            raise ValueError(f"the observation of {self.env.num_envs} lanes should have the shapes {expected}")
        model.num_timesteps = carried["timesteps"]
        model._last_obs = {name: tensor.numpy() for name, tensor in carried["observation"].items()}
        model._last_episode_starts = carried["begins"].numpy()
        if carried["memory"]:
            states = (tuple(part.to(self.device) for part in pair) for pair in carried["memory"])
            model._last_lstm_states = type(model._last_lstm_states)(*states)
        self.env.lanes.restore(carried["lanes"])


def make_sb3_learner(agent: Sb3Agent, experiment: Experiment, env: BatchedEnv) -> Sb3Learner:
    """Make the learner of a config."""
    return Sb3Learner(agent, experiment.train, env, experiment.seed)
