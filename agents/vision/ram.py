"""RAM: the recurrent attention model.

Mnih, Heess, Graves and Kavukcuoglu, 2014, "Recurrent models of visual attention".

Axes: B episodes, T steps, K scales, C channels, P patch side, D memory, N classes, levels or labels.
"""

from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.answer_kinds import answer_kind
from glimpse.agents.answer_loss import answer_loss, last_answer_output
from glimpse.agents.choices import choose
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.options import RecurrentOptions
from glimpse.agents.returns import policy_reward, subtract_baseline
from glimpse.agents.step_cores import make_recurrent_core
from glimpse.agents.vision.glimpse_network import GlimpseActivations, GlimpseNetwork
from glimpse.agents.vision.locator_agent import LocatorAgent
from glimpse.agents.vision.locators import Gaussian, LearnedLocator, Locator, path_bias
from glimpse.agents.vision.options import PolicyOptions, RamOptions
from glimpse.agents.vision.stop_policy import StopPolicy


class RecurrentAttention(LocatorAgent):
    """RAM: glimpse network, recurrent core, locator, classifier and baseline; its controls differ in the locator only.

    Acting computes one step at a time without gradients. Learning replays the recorded episodes, with all steps of a
    network in one product. Sampled locations are data in the replay, so that no gradient flows through them.
    """

    average_return: Tensor
    class_weights: Tensor | None = None

    def __init__(
        self,
        options: RecurrentOptions,
        locator: Locator,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        policy_gradient_into_core: bool = False,
    ) -> None:
        """Make the networks.

        Args:
            options: widths and losses.
            locator: proposes locations, see `locators.py`.
            observation_space: has `glimpse` (K, C, P, P), `location` and `time`.
            action_space: has `look`, the answer (`answer`, `score` or `labels`), and `stop` where the task has it.
            policy_gradient_into_core: whether the policy gradient flows on into recurrent core and glimpse network.
        """
        super().__init__()
        self.options, self.into_core = options, policy_gradient_into_core
        if isinstance(options, PolicyOptions):
            self.greedy_copy, self.locator_lr_scale = options.baseline == "self_critical", options.locator_lr_scale
        glimpse, time = cast(spaces.Box, observation_space["glimpse"]), cast(spaces.Discrete, observation_space["time"])
        self.kind = answer_kind(action_space)
        self.steps = int(time.n) - 1
        pixels = int(torch.Size(glimpse.shape).numel())
        self.glimpse_network = GlimpseNetwork(pixels, options)
        self.core = make_recurrent_core(options)
        self.locator = locator
        self.classifier = nn.Linear(options.memory_width, self.kind.outputs)
        self.baseline = nn.Linear(options.memory_width, 1)
        self.may_stop = "stop" in action_space.spaces
        self.stop_policy = None
        if self.may_stop and isinstance(options, PolicyOptions):
            self.stop_policy = StopPolicy(options.memory_width, options.stop_policy)
        self.register_buffer("average_return", torch.zeros(self.steps))

    def initial_memory(self, observation: dict[str, Tensor]) -> Tensor:
        """Return an empty memory for each of B episodes, (B, D) or (B, 2 D) zeros."""
        return self.classifier.weight.new_zeros(observation["location"].shape[0], self.core.memory_width)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """Encode the glimpse, update the memory, and compute answer, mean location and stop logit.

        Args:
            observation: `glimpse` (B, K, C, P, P), `location` (B, 2), `time` (B,).
            memory: (B, D) or (B, 2 D), zeros at the start of an episode.

        Returns:
            The decision and the new memory.
        """
        seen = self.glimpse_network(observation["glimpse"], observation["location"])
        memory = self.core(seen.feature, memory)
        hidden = self.core.output(memory)
        location, locator_hidden = self.locator(hidden, observation["time"])
        stop = None if self.stop_policy is None else self.stop_policy(hidden)
        activations = {**seen._asdict(), "hidden": hidden, **self.core.activations()}
        if locator_hidden is not None:
            activations["locator_hidden"] = locator_hidden
        return Decision(self.classifier(hidden), activations, location, stop), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Turn a decision into an action.

        Args:
            decision: for B episodes.
            noise: (B, 3) standard normal; two numbers for the location, one for stopping.
            greedy: whether to take the mean location, and to stop exactly if that is likelier; a bool, or (B,) bool.

        Returns:
            `look` (B, 2) float32, not clamped; `answer` (B,) int64, the likeliest class, or `score` (B,), or `labels`
            (B, N); `stop` (B,) int64 where the task has it, always 0 for agents that do not learn to stop.
        """
        action = {"look": self.look(decision.mean_location, noise, greedy), **self.kind.act(decision.answer)}
        if decision.stop is not None:
            stop = decision.stop
            action["stop"] = choose(torch.stack([torch.zeros_like(stop), stop], -1), noise[:, 2], greedy)
        elif self.may_stop:
            batch = decision.answer.shape[0]  # `len` is one number to the exporter, which would have to begin anew.
            action["stop"] = torch.zeros(batch, dtype=torch.int64, device=decision.answer.device)
        return action

    def set_progress(self, progress: float) -> None:
        """Move sigma and the stop policy's bound along their schedules; `progress` is in [0, 1]."""
        super().set_progress(progress)
        if self.stop_policy is not None:
            self.stop_policy.set_progress(progress)

    def loss(self, episode: Episode) -> Loss:
        """Compute the error of answers, the policy loss of locations and stops, and the value loss of the baseline.

        Mnih et al. (2014), section 3.2. The policy loss is a sum over steps and a mean over episodes, as in equation 3,
        times `policy_weight`; the last location is not reinforced, since no glimpse is taken there. The value loss is a
        mean over steps and episodes, with weight 1, and trains the baseline only. A moving-average baseline is updated
        after its use.

        Args:
            episode: T steps of B episodes.

        Returns:
            The sum, and its terms: those of the kind of answers, for classes cross_entropy and accuracy; with a learned
            policy also policy_loss, value_loss and return.
        """
        # Replay all steps of glimpse network and recurrent core.
        seen = episode.observation
        known = episode.activations
        recorded = GlimpseActivations(known["what"], known["where"], known["feature"]) if known else None
        features = self.glimpse_network(seen["glimpse"], seen["location"], recorded).feature
        hidden, last = self.core.replay(features, known)
        # Classification loss.
        logits = self.classifier(self._last_answer_output(hidden, last, episode)).float()
        every, smoothing = self.options.classification == "every_step", self.options.label_smoothing
        error = answer_loss(
            self.kind,
            logits,
            hidden,
            self.classifier,
            episode,
            every_step=every,
            smoothing=smoothing,
            class_weights=self.class_weights,
        )
        terms = self.kind.terms(logits, episode.label, error)
        if not isinstance(self.options, PolicyOptions):
            return Loss(error, {name: term.detach() for name, term in terms.items()})
        # Policy loss and value loss.
        returns = policy_gradient.returns_to_go(policy_reward(self.options.policy_reward, self.kind, logits, episode))
        advantage, value_loss = subtract_baseline(
            self.options.baseline,
            returns,
            episode.step_mask,
            episode.copies,
            hidden.detach(),
            self.baseline,
            self.average_return,
        )
        remembered = hidden if self.into_core else hidden.detach()
        policy = policy_gradient.reinforce(self._log_prob(remembered, episode), advantage[: self.steps - 1])
        if self.stop_policy is not None:
            policy = policy + self._stop_loss(self.stop_policy(remembered[:-1]), hidden.detach(), returns, episode)
        # Their weighted sum.
        terms |= {"policy_loss": policy, "value_loss": value_loss, "return": returns[0].mean()}
        total = error + self.options.policy_weight * policy + value_loss
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def _last_answer_output(self, hidden: Tensor, last: Tensor, episode: Episode) -> Tensor:
        """Select the output (B, D) at each episode's last step, from outputs (T, B, D) and the last of them (B, D)."""
        if self.stop_policy is None:
            return last
        return last_answer_output(hidden, episode)

    def _log_prob(self, hidden: Tensor, episode: Episode) -> Tensor:
        """Return log-probabilities (T - 1, B) of all locations but the last; zero where no glimpse was taken."""
        hidden, time = hidden[:-1], episode.observation["time"][:-1]
        locator_hidden = episode.activations.get("locator_hidden")
        mean = self.locator(hidden, time, None if locator_hidden is None else locator_hidden[:-1])[0].float()
        sigma = cast(Gaussian, self.locator.gaussian).current()
        log_prob = policy_gradient.gaussian_log_prob(episode.action["look"][:-1], mean, sigma)
        return log_prob if self.stop_policy is None else log_prob * episode.step_mask[1:]

    def _stop_loss(self, stop: Tensor, hidden: Tensor, returns: Tensor, episode: Episode) -> Tensor:
        """Compute the policy loss of stopping, whose baseline is the policy reward of the current answer.

        The option `baseline` is not used here. The reward of the current answer depends on what was seen and on the
        label, but not on the choice to stop, so that it is a valid baseline. It is nearly all of the return of
        stopping; the rest is what further glimpses gain. A baseline that does not know the label would leave noise
        many times the cost of a glimpse. With `baseline: self_critical` the first rollout of each example is greedy:
        its choices were not sampled, so that only the others are reinforced.

        Args:
            stop: (T - 1, B), logits.
            hidden: (T, B, D), detached.
            returns: (T, B).
            episode: T steps of B episodes.

        Returns:
            A scalar.
        """
        log_prob = -F.binary_cross_entropy_with_logits(stop, episode.action["stop"][:-1].float(), reduction="none")
        options = cast(PolicyOptions, self.options)
        reward = self.kind.reward(options.policy_reward, self.classifier(hidden[:-1]).float(), episode.label)
        advantage, mask = returns[:-1] - reward, episode.step_mask[:-1]
        if self.greedy_copy:
            log_prob, advantage, mask = (
                part.unflatten(1, (-1, episode.copies))[:, :, 1:].flatten(1) for part in (log_prob, advantage, mask)
            )
        return policy_gradient.reinforce(log_prob, advantage, mask)


def make_ram(options: RamOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> RecurrentAttention:
    """Make RAM for an environment with these spaces."""
    steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
    bias = path_bias(options.initial_path, steps)
    locator = LearnedLocator(options.memory_width, options.locator_width, bias, options.sigma)
    into_core = options.policy_gradient_into == "core"
    return RecurrentAttention(options, locator, observation_space, action_space, into_core)
