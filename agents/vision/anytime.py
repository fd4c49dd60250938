"""Anytime agent: it looks at a location and a scale of its choice, and can answer after any look.

Built of what several systems have: an encoder that sees glimpses and a glance (Wang et al., 2020, "Glance and focus"),
a policy over location and scale, a reward for each look, and a value of going on (Wang et al., 2025, "Emulating
human-like adaptive vision", AdaptiveNN).

Axes: B episodes, T steps, D memory, N classes, levels or labels.
"""

from collections.abc import Iterator

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents import policy_gradient
from glimpse.agents.answer_loss import repeated_label
from glimpse.agents.classification_loss import weighed
from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.episode import Episode, Loss
from glimpse.agents.returns import policy_reward, subtract_baseline
from glimpse.agents.vision.anytime_memory import ReplayedLooks
from glimpse.agents.vision.anytime_networks import AnytimeNetworks
from glimpse.agents.vision.anytime_options import AnytimeOptions
from glimpse.agents.vision.look_rewards import discounted, gains, rewards_after


class Anytime(AnytimeNetworks):
    """Anytime agent. All of its answers are trained, and its looks by REINFORCE or PPO.

    `worth` predicts the discounted fall of the error by the looks to come, so that one threshold on it says when to
    stop.
    """

    def loss(self, episode: Episode) -> Loss:
        """Compute the loss of answers, worth and baseline, and that of the policy by REINFORCE.

        Args:
            episode: T steps of B episodes.

        Returns:
            The sum, and its terms: those of the kind of answers, or `point_error`; `policy_loss`, `value_loss`,
            `worth_loss`, `entropy`, `return`, of the first step, and `imitation` where a teacher is imitated.
        """
        looks = self._replay(episode)
        errors = self._errors(looks, episode)
        advantage, terms = self._advantage(looks, errors, episode)
        taken = self._taken(episode)
        policy = policy_gradient.reinforce(looks.log_prob, advantage[: len(taken)], taken)
        return self._sum(looks, errors, policy, terms, episode)

    def updates(self, episode: Episode) -> Iterator[Loss]:
        """Yield the loss of one update by REINFORCE, or of several by PPO (Schulman et al., 2017).

        Args:
            episode: T steps of B episodes, played by the present weights.
        """
        if self.options.update == "reinforce":
            yield self.loss(episode)
            return
        with torch.no_grad():
            played = self._replay(episode)
            advantage, _ = self._advantage(played, self._errors(played, episode), episode)
        taken = self._taken(episode)
        for _ in range(self.options.epochs):
            looks = self._replay(episode)
            errors = self._errors(looks, episode)
            _, terms = self._advantage(looks, errors, episode)
            policy = policy_gradient.clipped_surrogate(
                looks.log_prob, played.log_prob, advantage[: len(taken)], self.options.clip_ratio, taken
            )
            yield self._sum(looks, errors, policy, terms, episode)

    def _errors(self, looks: ReplayedLooks, episode: Episode) -> Tensor | None:
        """Return the errors (T, B) of the answers, or of points without an answer; None where there is no error.

        Classes have no weights here: gains are worth the same in each.
        """
        if self.kind is not None and looks.logits is not None:
            label = repeated_label(episode.label, len(looks.logits))
            flat = looks.logits.flatten(0, 1)
            return self.kind.errors(flat, label, self.options.label_smoothing).view(looks.logits.shape[:2])
        return looks.point_error

    def _advantage(
        self, looks: ReplayedLooks, errors: Tensor | None, episode: Episode
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the advantage (T, B) of looks, and losses of baseline, worth and sampled points, by name."""
        options, mask, hidden = self.options, episode.step_mask, looks.hidden.detach()
        gain = torch.zeros_like(episode.reward) if errors is None else gains(errors.detach(), mask)
        worth = discounted(gain, options.discount)
        if options.policy_reward == "gain" and errors is not None:
            returns = worth
        else:
            reward = episode.reward
            if self.kind is not None and looks.logits is not None and options.policy_reward == "probability":
                reward = policy_reward("probability", self.kind, looks.logits[-1].detach(), episode)
            returns = discounted(reward if self.look_answers else rewards_after(reward), options.discount)
        advantage, value_loss = subtract_baseline(
            options.baseline, returns, mask, episode.copies, hidden, self.baseline, self.average_return
        )
        predicted = self.worth(hidden).squeeze(-1).float()
        worth_loss = ((predicted - worth).square() * mask).sum() / over_all_ranks(mask.sum())
        terms = {"value_loss": value_loss, "worth_loss": worth_loss, "return": returns[0].mean()}
        if self.sampled_point is not None and looks.point is not None:
            terms |= self.sampled_point.losses(hidden, looks.point, episode)
        return advantage, terms

    def _sum(
        self,
        looks: ReplayedLooks,
        errors: Tensor | None,
        policy: Tensor,
        terms: dict[str, Tensor],
        episode: Episode,
    ) -> Loss:
        """Return the weighted sum of all losses, and its terms."""
        options, mask, taken = self.options, episode.step_mask, self._taken(episode)
        entropy = (looks.entropy * taken).sum() / over_all_ranks(taken.sum()).clamp(min=1)
        total = self.ramp * (options.policy_weight * policy - options.entropy * entropy)
        if looks.imitation is not None:
            total = looks.imitation
            terms = {**terms, "imitation": looks.imitation}
        total = total + terms["value_loss"] + terms["worth_loss"]
        if "point_loss" in terms:
            total = total + options.policy_weight * terms["point_loss"] + terms["point_value_loss"]
        named: dict[str, Tensor] = {}
        if errors is not None:
            if looks.logits is not None:
                label = repeated_label(episode.label, len(errors))
                errors = weighed(errors.flatten(), label, self.class_weights).view_as(errors)
            error = (errors * mask).sum() / over_all_ranks(mask.sum())
            total = total + error
            if self.kind is not None and looks.logits is not None:
                named = self.kind.terms(episode.carry_forward(looks.logits)[-1], episode.label, error)
            else:
                named = {"point_error": error}
        named |= {**terms, "policy_loss": policy, "entropy": entropy}
        return Loss(total, {name: term.detach() for name, term in named.items()})


def make_anytime(options: AnytimeOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> Anytime:
    """Make the anytime agent for an environment with these spaces."""
    return Anytime(options, observation_space, action_space)
