"""Recurrent attention for games: it chooses locations and moves, both learned from reward alone.

Mnih et al. (2014), section 4.2, "Dynamic environments". Axes: B episodes, T steps, D memory width.
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.choices import choose
from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.step_cores import make_recurrent_core
from glimpse.agents.vision.glimpse_network import GlimpseActivations, GlimpseNetwork
from glimpse.agents.vision.locator_agent import LocatorAgent
from glimpse.agents.vision.locators import (
    FixedLocator,
    LearnedLocator,
    Locator,
    PathLocator,
    RandomLocator,
    path_bias,
    raster,
)
from glimpse.agents.vision.options import PlayerOptions


class ReplayedPolicy(NamedTuple):
    """Policy and value of recorded episodes.

    log_prob: (T, B), of the location and the move that were chosen.
    entropy: (T, B), of the moves.
    value: (T, B), of the state before each step.
    """

    log_prob: Tensor
    entropy: Tensor
    value: Tensor


class Player(LocatorAgent):
    """RAM for games: glimpse network, recurrent core, locator, policy of moves and value.

    There is no label to learn from: all networks are trained by the policy gradient of locations and moves, with
    advantages that bootstrap from the learned value.
    """

    gain: Tensor

    def __init__(
        self, options: PlayerOptions, locator: Locator, observation_space: spaces.Dict, action_space: spaces.Dict
    ) -> None:
        """Make the networks.

        Args:
            options: widths, losses and the kind of update.
            locator: proposes locations, see `locators.py`.
            observation_space: has `glimpse` (K, C, P, P), `location` and `time`.
            action_space: has `look` and `move`.
        """
        super().__init__()
        self.options, self.locator_lr_scale = options, options.locator_lr_scale
        glimpse, time = cast(spaces.Box, observation_space["glimpse"]), cast(spaces.Discrete, observation_space["time"])
        self.steps = int(time.n) - 1
        gain = options.scale_gain ** torch.arange(glimpse.shape[0], dtype=torch.float32)
        self.register_buffer("gain", gain.view(-1, 1, 1, 1), persistent=False)
        self.glimpse_network = GlimpseNetwork(int(torch.Size(glimpse.shape).numel()), options)
        self.core = make_recurrent_core(options)
        self.locator = locator
        self.mover = nn.Linear(options.memory_width, int(cast(spaces.Discrete, action_space["move"]).n))
        self.value = nn.Linear(options.memory_width, 1)

    def initial_memory(self, observation: dict[str, Tensor]) -> Tensor:
        """Return an empty memory for each of B episodes, (B, D) or (B, 2 D) zeros."""
        return self.value.weight.new_zeros(len(observation["location"]), self.core.memory_width)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """Encode the glimpse, update the memory, and compute the mean location and the moves' logits.

        Args and Returns are those of `RecurrentAttention.forward`; the decision has no answer.
        """
        seen = self.glimpse_network(observation["glimpse"] * self.gain, observation["location"])
        memory = self.core(seen.feature, memory)
        hidden = self.core.output(memory)
        location, locator_hidden = self.locator(hidden, observation["time"])
        activations = {**seen._asdict(), "hidden": hidden, **self.core.activations()}
        if locator_hidden is not None:
            activations["locator_hidden"] = locator_hidden
        return Decision(hidden.new_empty(len(hidden), 0), activations, location, move=self.mover(hidden)), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Sample a location and a move, or take the mean location and the likeliest move.

        Args:
            decision: for B episodes.
            noise: (B, 3) standard normal; two numbers for the location, one for the move.
            greedy: whether not to sample; a bool, or (B,) bool.

        Returns:
            `look` (B, 2) float32, not clamped, and `move` (B,) int64.
        """
        move = choose(decision.move_logits, noise[:, 2], greedy)
        return {"look": self.look(decision.mean_location, noise, greedy), "move": move}

    def loss(self, episode: Episode) -> Loss:
        """Compute the loss of REINFORCE with a learned value (Williams, 1992).

        Args:
            episode: T steps of B episodes.

        Returns:
            The sum, and its terms policy_loss, value_loss and entropy, each a mean over the steps taken; and return.
        """
        policy = self._policy(episode)
        advantage = self._advantage(policy.value, episode)
        policy_loss = policy_gradient.reinforce(policy.log_prob, advantage, episode.step_mask)
        # `reinforce` averages over episodes; rescale to a mean over steps.
        policy_loss = policy_loss * episode.step_mask.shape[1] / episode.step_mask.sum()
        return self._sum(policy_loss, policy, advantage + policy.value, episode)

    def updates(self, episode: Episode) -> Iterator[Loss]:
        """Yield the loss of one update by REINFORCE, or of several by PPO (Schulman et al., 2017).

        Args:
            episode: T steps of B episodes, played by the present weights.
        """
        if self.options.update == "reinforce":
            yield self.loss(episode)
            return
        # PPO: log-probabilities, values and advantages of the policy that played stay fixed for all epochs.
        with torch.no_grad():
            played = self._policy(episode)
        advantage = self._advantage(played.value, episode)
        # Each epoch replays the episodes with the current weights, for which no recorded activations are valid.
        for _ in range(self.options.epochs):
            policy = self._policy(episode, recall=False)
            policy_loss = policy_gradient.clipped_surrogate(
                policy.log_prob, played.log_prob, advantage, self.options.clip_ratio, episode.step_mask
            )
            yield self._sum(policy_loss, policy, advantage + played.value, episode)

    def _policy(self, episode: Episode, recall: bool = True) -> ReplayedPolicy:
        """Replay recorded episodes.

        Args:
            episode: T steps of B episodes.
            recall: whether to use recorded activations, which are valid only for the weights that played.
        """
        # Glimpse network and recurrent core over all steps.
        seen, known, step_mask = episode.observation, episode.activations if recall else {}, episode.step_mask
        recorded = GlimpseActivations(known["what"], known["where"], known["feature"]) if known else None
        features = self.glimpse_network(seen["glimpse"] * self.gain, seen["location"], recorded).feature
        hidden = self.core.replay(features, known)[0]
        # Log-probability of the moves, and of the locations if they are sampled from a Gaussian.
        moves = self.mover(hidden).float().log_softmax(-1)
        log_prob = moves.gather(-1, episode.action["move"][..., None]).squeeze(-1) * step_mask
        if self.locator.gaussian is not None:
            remembered = hidden if self.options.policy_gradient_into == "core" else hidden.detach()
            mean = self.locator(remembered, seen["time"], known.get("locator_hidden"))[0].float()
            looked = policy_gradient.gaussian_log_prob(episode.action["look"], mean, self.locator.gaussian.current())
            # No glimpse is taken at the last location of an episode: it is not reinforced.
            log_prob = torch.cat([log_prob[:-1] + looked[:-1] * step_mask[1:], log_prob[-1:]])
        return ReplayedPolicy(log_prob, -(moves.exp() * moves).sum(-1), self.value(hidden).squeeze(-1).float())

    def _advantage(self, value: Tensor, episode: Episode) -> Tensor:
        """Return the generalised advantage estimate (T, B) for values (T, B)."""
        options = self.options
        return policy_gradient.generalised_advantage(
            episode.reward, value, episode.step_mask, options.discount, options.gae_lambda
        )

    def _sum(self, policy_loss: Tensor, policy: ReplayedPolicy, target: Tensor, episode: Episode) -> Loss:
        """Return the weighted sum of policy loss, value loss and entropy, and its terms.

        Args:
            policy_loss: a scalar.
            policy: its values are trained towards `target`.
            target: (T, B), returns.
            episode: T steps of B episodes.
        """
        count = over_all_ranks(episode.step_mask.sum())
        value_loss = ((policy.value - target.detach()).square() * episode.step_mask).sum() / count
        entropy = (policy.entropy * episode.step_mask).sum() / count
        total = policy_loss + self.options.value_weight * value_loss - self.options.entropy * entropy
        terms = {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "return": episode.reward.sum(0).mean(),
        }
        return Loss(total, {name: term.detach() for name, term in terms.items()})


def make_player(options: PlayerOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> Player:
    """Make a player, or one of its controls, for an environment with these spaces."""
    steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
    bias = path_bias(None, steps)
    locators: dict[str, Locator] = {
        "learned": LearnedLocator(options.memory_width, options.locator_width, bias, options.sigma),
        "path": PathLocator(bias, options.sigma),
        "random": RandomLocator(),
        "centre": FixedLocator(torch.zeros(steps, 2)),
        "raster": FixedLocator(raster(steps).roll(-1, 0)),
    }
    return Player(options, locators[options.locator], observation_space, action_space)
