"""Stable-Baselines3's policies as agents, and the algorithms that train them.

SB3 sees an environment through its flat view (`glimpse.envs.faces.stable_baselines3_face.FlatSpaces`). An action is
MultiDiscrete: a column and a row of a grid of locations, then each Discrete choice. Observed arrays are vectors.
Axes: B episodes, T steps, G cells along each side of the grid, N classes, D memory.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy, MultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor
from torch.nn.functional import one_hot

from glimpse.agents.agent import Agent
from glimpse.agents.choices import choose
from glimpse.agents.episode import Decision
from glimpse.agents.options import RecurrentOptions
from glimpse.agents.vision.glimpse_network import GlimpseNetwork
from glimpse.agents.vision.locators import Locator
from glimpse.agents.vision.stable_baselines3_options import (
    A2cOptions,
    ClippedOptions,
    RecurrentPpoOptions,
    Sb3Options,
)

Algorithm = OnPolicyAlgorithm
"""Base class of A2C, PPO and RecurrentPPO."""


class Sb3Agent(Agent):
    """SB3 policy as an agent, which rollout, evaluation and report use as any other agent.

    It always computes in float32, as SB3 does. It has no loss, since SB3 trains it (see `make_algorithm`).
    """

    centres: Tensor
    locator: Locator | None

    def __init__(self, options: Sb3Options, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the policy.

        Args:
            options: of the algorithm, and widths of the networks.
            observation_space: has `glimpse` (K, C, P, P), `location` and `time`.
            action_space: has `look`, and at most one choice besides `answer`.

        Raises:
            ValueError: if the action space is another.
            ModuleNotFoundError: if the options are RecurrentPPO's and sb3-contrib is not installed.
        """
        super().__init__()
        self.options, self.recurrent = options, isinstance(options, RecurrentPpoOptions)
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        look = cast(spaces.Box, action_space["look"])
        self.choices = [name for name, part in action_space.items() if isinstance(part, spaces.Discrete)]
        self.other_choices = [name for name in self.choices if name != "answer"]
        if look.shape != (2,) or len(self.other_choices) > 1:
            raise ValueError(f"expected `look` (2,) and one choice besides `answer`, got {action_space}")
        sizes = [int(cast(spaces.Discrete, action_space[name]).n) for name in self.choices]
        share = (np.arange(options.grid) + 0.5)[:, None] / options.grid
        centres = (look.low + share * (look.high - look.low)).astype(np.float32)  # (G, 2): x of columns, y of rows
        self.register_buffer("centres", torch.from_numpy(centres), persistent=False)
        self.observed = dict(observation_space.items())
        self.flat = spaces.Dict(
            {
                name: spaces.flatten_space(part)
                if isinstance(part, spaces.Box)
                else spaces.Box(0, 1, (spaces.flatdim(part),), np.float32)
                for name, part in observation_space.items()
            }
        )
        self.policy = make_policy(options, self.flat, spaces.MultiDiscrete([options.grid] * 2 + sizes))
        self.register_module("locator", None)  # None: locations come from the policy. Control locators go here.

    def initial_memory(self, observation: dict[str, Tensor]) -> Tensor:
        """Return empty memories of B episodes: the LSTM's (h, c), (B, 2 D) zeros; or (B, 0) without an LSTM."""
        width = 2 * self.options.memory_width if isinstance(self.options, RecurrentPpoOptions) else 0
        return self.centres.new_zeros(len(observation["location"]), width)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """Compute the distribution of each choice, and the new memory.

        Args:
            observation: `glimpse` (B, K, C, P, P), `location` (B, 2), `time` (B,).
            memory: (B, 2 D) or (B, 0).

        Returns:
            The decision, whose location is the centre of the likeliest column and row, and whose activations are the
            log-probabilities of each choice; and the new memory.
        """
        flat = {
            name: observation[name].flatten(1)
            if isinstance(part, spaces.Box)
            else one_hot(observation[name].long(), spaces.flatdim(part)).float()
            for name, part in self.observed.items()
        }
        with torch.autocast(memory.device.type, enabled=False):
            logits, memory = self._decide(flat, memory)
        known = dict(zip(("column", "row", *self.choices), logits, strict=True))
        if self.locator is None:
            location = self._centre(known["column"].argmax(-1), known["row"].argmax(-1))
        else:
            location = self.locator(memory, observation["time"])[0]
        stop = known["stop"][:, 1] - known["stop"][:, 0] if "stop" in known else None
        return Decision(known.get("answer", memory[:, :0]), known, location, stop), memory

    def _decide(self, flat: dict[str, Tensor], memory: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the log-probabilities of each choice, (B, n) each, and the new memory."""
        # As the policy's `get_distribution`, which would ask whether each number is finite, and wait for the answer.
        policy = cast(Any, self.policy)
        feature = policy.extract_features(flat, policy.pi_features_extractor)
        if self.recurrent:
            state = tuple(part[None].contiguous() for part in memory.chunk(2, -1))
            output, (hidden, cell) = policy.lstm_actor(feature[None], state)
            feature, memory = output[0], torch.cat([hidden[0], cell[0]], -1)
        logits = policy.action_net(policy.mlp_extractor.forward_actor(feature))
        sizes = cast(spaces.MultiDiscrete, self.policy.action_space).nvec.tolist()
        return [part.log_softmax(-1) for part in logits.split(sizes, -1)], memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Turn a decision into an action.

        Args:
            decision: for B episodes.
            noise: (B, 3) standard normal; one number each for the column, the row and the choice besides the answer.
            greedy: whether to take the likeliest choices instead of samples; a bool, or (B,) bool.

        Returns:
            `look` (B, 2), the centre of a cell; `answer` (B,) int64, always the likeliest class; and the other
            choice, if there is one, (B,) int64.
        """
        known = decision.activations
        if self.locator is None:
            column, row = (choose(known[name], noise[:, n], greedy) for n, name in enumerate(("column", "row")))
            action = {"look": self._centre(column, row)}
        else:
            action = {"look": self.locator.sample(decision.mean_location, noise[:, :2]).float()}
        if "answer" in self.choices:
            action["answer"] = decision.answer.argmax(-1)
        return action | {name: choose(known[name], noise[:, 2], greedy) for name in self.other_choices}

    def _centre(self, column: Tensor, row: Tensor) -> Tensor:
        """Return the locations (B, 2) of columns and rows, (B,) int64 both."""
        return torch.stack([self.centres[column, 0], self.centres[row, 1]], -1)


def policy_options(options: Sb3Options) -> dict[str, Any]:
    """Return SB3's `policy_kwargs` for these options, also for use in plain SB3 code."""
    widths = {name: getattr(options, name) for name in ("glimpse_width", "location_width", "feature_width")}
    given: dict[str, Any] = {"features_extractor_class": GlimpseExtractor, "features_extractor_kwargs": widths}
    given["net_arch"] = list(options.net_arch)
    if isinstance(options, A2cOptions):  # The defaults of SB3's A2C.
        given |= {"optimizer_class": torch.optim.RMSprop, "optimizer_kwargs": {"alpha": 0.99, "eps": 1e-5}}
    if isinstance(options, RecurrentPpoOptions):
        given["lstm_hidden_size"] = options.memory_width
    return given


def make_policy(
    options: Sb3Options, observation_space: spaces.Dict, action_space: spaces.MultiDiscrete
) -> ActorCriticPolicy:
    """Make the policy of an algorithm from the options alone; the algorithm sets its learning rate later.

    Raises:
        ModuleNotFoundError: if the options are RecurrentPPO's and sb3-contrib is not installed.
    """
    policy: type[ActorCriticPolicy] = MultiInputActorCriticPolicy
    if isinstance(options, RecurrentPpoOptions):
        policy = _contrib().ppo_recurrent.policies.MultiInputLstmPolicy
    return policy(observation_space, action_space, lambda _: 1e-3, **policy_options(options))


def make_algorithm(
    agent: Sb3Agent, env: VecEnv, learning_rate: Callable[[float], float], max_grad_norm: float
) -> Algorithm:
    """Make the algorithm that trains an agent's policy in the flat view of its environment.

    Args:
        agent: its policy is trained in place.
        env: the flat view, with `num_envs` lanes.
        learning_rate: a function of the remaining progress, called before each rollout's updates.
        max_grad_norm: norm to which the gradient is clipped; may be infinite.

    Raises:
        ValueError: if the spaces of the view are not those of the agent.
    """
    options, policy = agent.options, agent.policy
    if (env.observation_space, env.action_space) != (policy.observation_space, policy.action_space):
        raise ValueError(f"the agent acts on {policy.action_space}, not on {env.action_space}")
    n_steps = options.n_steps or agent.steps
    given: dict[str, Any] = options.model_dump(include={"gamma", "gae_lambda", "ent_coef", "vf_coef"})
    given |= {"n_steps": n_steps, "learning_rate": learning_rate, "max_grad_norm": max_grad_norm}
    given |= {"normalize_advantage": options.normalize_advantage, "policy_kwargs": policy_options(options)}
    given |= {"device": agent.centres.device}
    algorithm: type[Algorithm] = A2C
    if isinstance(options, ClippedOptions):
        algorithm = _contrib().RecurrentPPO if isinstance(options, RecurrentPpoOptions) else PPO
        given |= {"n_epochs": options.n_epochs, "clip_range": options.clip_range}
        given |= {"batch_size": n_steps * env.num_envs // options.minibatches}
    model = algorithm(type(policy), env, **given)
    model.policy = policy
    model.set_logger(Logger(None, []))  # It keeps the last metrics and has no output.
    return model


def _contrib() -> Any:
    """Import the package sb3_contrib, an extra, or say how to install it."""
    try:
        import sb3_contrib
    except ModuleNotFoundError as problem:
        raise ModuleNotFoundError(
            f"agent sb3-recurrent-ppo needs the package sb3-contrib ({problem}); "
            "install it with: pip install 'glimpse-rl[recurrent]'"
        ) from None
    return sb3_contrib


class GlimpseExtractor(BaseFeaturesExtractor):
    """RAM's glimpse network for SB3: `policy_kwargs={"features_extractor_class": GlimpseExtractor}`.

    Patches and location become one feature (Mnih et al., 2014, section 4, "Glimpse network"). All other parts of the
    observation, such as the time as one-hot, are concatenated to it.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        glimpse_width: int = 128,
        location_width: int = 128,
        feature_width: int = 256,
    ) -> None:
        """Make the extractor for the flat observations of an environment.

        Args:
            observation_space: has `glimpse`, a vector, and `location` (2,).
            glimpse_width: units of the layer that sees the patches.
            location_width: units of the layer that sees the location.
            feature_width: units of the feature of both.

        Raises:
            ValueError: if the space does not have these parts.
        """
        parts = observation_space.spaces if isinstance(observation_space, spaces.Dict) else {}
        shapes = {name: parts[name].shape for name in ("glimpse", "location") if name in parts}
        if len(shapes.get("glimpse") or ()) != 1 or shapes.get("location") != (2,):
            raise ValueError(
                f"expected a flat observation with glimpse (n,) and location (2,), got {observation_space}"
            )
        self.others = [name for name in parts if name not in shapes]
        beside = sum(spaces.flatdim(parts[name]) for name in self.others)
        super().__init__(observation_space, feature_width + beside)
        widths = RecurrentOptions(
            name="sb3", glimpse_width=glimpse_width, location_width=location_width, feature_width=feature_width
        )
        self.network = GlimpseNetwork(spaces.flatdim(parts["glimpse"]), widths)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Return features (B, `features_dim`) of SB3's observation: `glimpse` (B, n), `location` (B, 2), others."""
        glimpse = observation["glimpse"][..., None, None, None]  # As one scale, one channel and a patch of n x 1.
        feature = self.network(glimpse, observation["location"]).feature
        return torch.cat([feature, *(observation[name].flatten(1) for name in self.others)], 1)
