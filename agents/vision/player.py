"""Recurrent attention that plays: it looks and it moves, and both are learned from reward alone.

Mnih et al. (2014), section 4.2, "Dynamic environments". Axes: B episodes, T steps, D memory width.
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.choices import choose
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.options import PlayerOptions
from glimpse.agents.vision.glimpse_network import GlimpseNetwork, Seen, make_core
from glimpse.agents.vision.locators import (
    FixedLocator,
    LearnedLocator,
    Locator,
    PathLocator,
    RandomLocator,
    path_bias,
    raster,
)
from glimpse.agents.vision.looking import LookingAgent


class Policy(NamedTuple):
    """What the networks make of recorded episodes.

    log_prob: (T, B), of the look and the move that were chosen.
    entropy: (T, B), of the moves.
    value: (T, B), of what was seen before each step.
    """

    log_prob: Tensor
    entropy: Tensor
    value: Tensor


class Player(LookingAgent):
    """Glimpse network, core, locator, mover and value; the policy gradient moves all of them.

    There is no label to learn from: the reward reaches the networks through the score function of looks and moves,
    with advantages that bootstrap from the learned value.
    """

    gain: Tensor

    def __init__(
        self, options: PlayerOptions, locator: Locator, observation_space: spaces.Dict, action_space: spaces.Dict
    ) -> None:
        """Make the networks.

        Args:
            options: widths, losses and the kind of update.
            locator: proposes places, see `locators.py`.
            observation_space: has `glimpse` (K, C, P, P), `location` and `time`.
            action_space: has `look` and `move`.
        """
        super().__init__()
        self.options, self.locator_rate = options, options.locator_rate
        glimpse, time = cast(spaces.Box, observation_space["glimpse"]), cast(spaces.Discrete, observation_space["time"])
        self.steps = int(time.n) - 1
        gain = options.scale_gain ** torch.arange(glimpse.shape[0], dtype=torch.float32)
        self.register_buffer("gain", gain.view(-1, 1, 1, 1), persistent=False)
        self.glimpse_network = GlimpseNetwork(int(torch.Size(glimpse.shape).numel()), options)
        self.core = make_core(options)
        self.locator = locator
        self.mover = nn.Linear(options.memory_width, int(cast(spaces.Discrete, action_space["move"]).n))
        self.value = nn.Linear(options.memory_width, 1)

    def begin(self, observation: dict[str, Tensor]) -> Tensor:
        """An empty memory for each of B episodes, (B, D) or (B, 2 D) zeros."""
        return self.value.weight.new_zeros(len(observation["location"]), self.core.memory_width)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """See, remember, decide; as `RecurrentAttention.forward`, with moves and no answer."""
        seen = self.glimpse_network(observation["glimpse"] * self.gain, observation["location"])
        memory = self.core(seen.feature, memory)
        hidden = self.core.output(memory)
        place, eyes = self.locator(hidden, observation["time"])
        activations = {**seen._asdict(), "hidden": hidden} | ({} if eyes is None else {"eyes": eyes})
        return Decision(place, hidden.new_empty(len(hidden), 0), None, activations, self.mover(hidden)), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Draw a place and a move, or take the mean and the likeliest.

        Returns:
            `look` (B, 2) float32, not clamped, and `move` (B,) int64.
        """
        move = choose(cast(Tensor, decision.move), noise[:, 2], greedy)
        return {"look": self.look(decision.place, noise, greedy), "move": move}

    def loss(self, episode: Episode) -> Loss:
        """REINFORCE with a learned value (Williams, 1992): policy, value and entropy, each a mean over steps taken."""
        policy = self._policy(episode)
        advantage = self._advantage(policy.value, episode)
        gain = policy_gradient.reinforce(policy.log_prob, advantage, episode.taken)
        return self._sum(gain * episode.taken.shape[1] / episode.taken.sum(), policy, advantage + policy.value, episode)

    def updates(self, episode: Episode) -> Iterator[Loss]:
        """One update by REINFORCE; or several by PPO, whose advantages are those of the policy that played."""
        if self.options.update == "reinforce":
            yield self.loss(episode)
            return
        with torch.no_grad():
            played = self._policy(episode)
        advantage = self._advantage(played.value, episode)
        for _ in range(self.options.epochs):
            policy = self._policy(episode, recall=False)
            gain = policy_gradient.clipped_surrogate(
                policy.log_prob, played.log_prob, advantage, self.options.clip_ratio, episode.taken
            )
            yield self._sum(gain, policy, advantage + played.value, episode)

    def _policy(self, episode: Episode, recall: bool = True) -> Policy:
        """Replay recorded episodes; activations are recalled only by the weights that played."""
        seen, known, taken = episode.observation, episode.activations if recall else {}, episode.taken
        recorded = Seen(known["what"], known["where"], known["feature"]) if known else None
        features = self.glimpse_network(seen["glimpse"] * self.gain, seen["location"], recorded).feature
        hidden = self.core.unroll(features, known.get("hidden"))[0]
        moves = self.mover(hidden).float().log_softmax(-1)
        log_prob = moves.gather(-1, episode.action["move"][..., None]).squeeze(-1) * taken
        if self.locator.gaussian is not None:
            remembered = hidden if self.options.policy_gradient == "core" else hidden.detach()
            mean = self.locator(remembered, seen["time"], known.get("eyes"))[0].float()
            looked = policy_gradient.gaussian_log_prob(episode.action["look"], mean, self.locator.gaussian.current())
            # The last look of an episode is followed by no glimpse: it is not reinforced.
            log_prob = torch.cat([log_prob[:-1] + looked[:-1] * taken[1:], log_prob[-1:]])
        return Policy(log_prob, -(moves.exp() * moves).sum(-1), self.value(hidden).squeeze(-1).float())

    def _advantage(self, value: Tensor, episode: Episode) -> Tensor:
        options = self.options
        return policy_gradient.generalised_advantage(
            episode.reward, value, episode.taken, options.discount, options.trace
        )

    def _sum(self, gain: Tensor, policy: Policy, target: Tensor, episode: Episode) -> Loss:
        """The terms and their weighed sum."""
        count = episode.taken.sum()
        value_error = ((policy.value - target.detach()).square() * episode.taken).sum() / count
        entropy = (policy.entropy * episode.taken).sum() / count
        total = gain + self.options.value_weight * value_error - self.options.entropy * entropy
        terms = {"policy": gain, "value": value_error, "entropy": entropy, "return": episode.reward.sum(0).mean()}
        return Loss(total, {name: term.detach() for name, term in terms.items()})


def make_player(options: PlayerOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> Player:
    """A player, or one of its controls, for a world with these spaces."""
    steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
    bias = path_bias(None, steps)
    locators: dict[str, Locator] = {
        "learned": LearnedLocator(options.memory_width, options.locator_width, bias, options.sigma),
        "path": PathLocator(bias, options.sigma),
        "random": RandomLocator(),
        "centre": FixedLocator(torch.zeros(steps, 2)),
        "raster": FixedLocator(raster(steps).roll(-1, 0)),
    }
    return Player(options, locators[options.eyes], observation_space, action_space)
