"""The recurrent attention model (Mnih, Heess, Graves and Kavukcuoglu, 2014, "Recurrent models of visual attention").

Axes: B episodes, T steps, K scales, C channels, P patch side, D memory, N classes.
"""

from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.choices import choose
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.options import PolicyOptions, RamOptions, RecurrentOptions
from glimpse.agents.returns import answer_worth, credit, subtract_baseline
from glimpse.agents.vision.answering import answer_error, at_the_end
from glimpse.agents.vision.glimpse_network import GlimpseNetwork, Seen, make_core
from glimpse.agents.vision.locators import Gaussian, LearnedLocator, Locator, path_bias
from glimpse.agents.vision.looking import LookingAgent
from glimpse.agents.vision.stop_policy import Stopper


class RecurrentAttention(LookingAgent):
    """Glimpse network, core, locator, classifier and baseline. RAM and its controls differ in the locator alone.

    Acting is one step at a time without gradients; learning replays the recorded episodes with all steps of a
    network in one product. What was sampled is data in the replay, so no gradient can cross a sampled place.
    """

    average_return: Tensor

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
            locator: proposes places, see `locators.py`.
            observation_space: has `glimpse` (K, C, P, P), `location` and `time`.
            action_space: has `look`, `answer`, and `stop` where the task has it.
            policy_gradient_into_core: whether the locator's gradient flows on into core and glimpse network.
        """
        super().__init__()
        self.options, self.into_core = options, policy_gradient_into_core
        if isinstance(options, PolicyOptions):
            self.greedy_copy, self.locator_rate = options.baseline == "self_critical", options.locator_rate
        glimpse, time = cast(spaces.Box, observation_space["glimpse"]), cast(spaces.Discrete, observation_space["time"])
        answer = cast(spaces.Discrete, action_space["answer"])
        self.steps = int(time.n) - 1
        pixels = int(torch.Size(glimpse.shape).numel())
        self.glimpse_network = GlimpseNetwork(pixels, options)
        self.core = make_core(options)
        self.locator = locator
        self.classifier = nn.Linear(options.memory_width, int(answer.n))
        self.baseline = nn.Linear(options.memory_width, 1)
        self.may_stop = "stop" in action_space.spaces
        self.stopper = None
        if self.may_stop and isinstance(options, PolicyOptions):
            self.stopper = Stopper(options.memory_width, options.stopper)
        self.register_buffer("average_return", torch.zeros(self.steps))

    def begin(self, observation: dict[str, Tensor]) -> Tensor:
        """An empty memory for each of B episodes, (B, D) or (B, 2 D) zeros."""
        return self.classifier.weight.new_zeros(len(observation["location"]), self.core.memory_width)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """See, remember, decide.

        Args:
            observation: `glimpse` (B, K, C, P, P), `location` (B, 2), `time` (B,).
            memory: (B, D) or (B, 2 D), zeros where an episode begins.

        Returns:
            The decision and the new memory.
        """
        seen = self.glimpse_network(observation["glimpse"], observation["location"])
        memory = self.core(seen.feature, memory)
        hidden = self.core.output(memory)
        place, eyes = self.locator(hidden, observation["time"])
        stop = None if self.stopper is None else self.stopper(hidden)
        activations = {**seen._asdict(), "hidden": hidden} | ({} if eyes is None else {"eyes": eyes})
        return Decision(place, self.classifier(hidden), stop, activations), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Turn a decision into an action.

        Args:
            decision: for B episodes.
            noise: (B, 3) standard normal; two for the place, one for stopping.
            greedy: whether the mean place and the likelier of going on and stopping are taken; a bool, or (B,) bool.

        Returns:
            `look` (B, 2) float32, not clamped; `answer` (B,) int64, the likeliest class; `stop` (B,) int64 where the
            task has it, 0 throughout for agents that do not learn it.
        """
        action = {"look": self.look(decision.place, noise, greedy), "answer": decision.answer.argmax(-1)}
        if decision.stop is not None:
            stop = decision.stop
            action["stop"] = choose(torch.stack([torch.zeros_like(stop), stop], -1), noise[:, 2], greedy)
        elif self.may_stop:
            action["stop"] = torch.zeros_like(action["answer"])
        return action

    def set_progress(self, progress: float) -> None:
        """Move sigma and the stopper's bound along their schedules."""
        super().set_progress(progress)
        if self.stopper is not None:
            self.stopper.set_progress(progress)

    def loss(self, episode: Episode) -> Loss:
        """Classification by cross-entropy, places by policy gradient, baseline by squared error.

        Mnih et al. (2014), section 3.2. The last place is not reinforced: nothing looks at it. The policy's term is a
        sum over steps and a mean over episodes, as in equation 3, times `policy_weight`; the baseline's is a mean
        over both, with weight 1, and moves the baseline alone. A moving-average baseline is updated after its use.

        Args:
            episode: T steps of B episodes.

        Returns:
            The sum, and its terms: cross_entropy, accuracy, and for a learned policy also policy, baseline, return.
        """
        seen = episode.observation
        known = episode.activations
        recorded = Seen(known["what"], known["where"], known["feature"]) if known else None
        features = self.glimpse_network(seen["glimpse"], seen["location"], recorded).feature
        hidden, last = self.core.unroll(features, known.get("hidden"))
        logits = self.classifier(self._at_the_end(hidden, last, episode)).float()
        every, smoothing = self.options.classification == "every_step", self.options.label_smoothing
        cross_entropy = answer_error(logits, hidden, self.classifier, episode, every_step=every, smoothing=smoothing)
        terms = {"cross_entropy": cross_entropy, "accuracy": (logits.argmax(-1) == episode.label).float().mean()}
        if not isinstance(self.options, PolicyOptions):
            return Loss(cross_entropy, {name: term.detach() for name, term in terms.items()})
        returns = policy_gradient.returns_to_go(credit(self.options.credit, logits, episode))
        advantage, baseline_error = subtract_baseline(
            self.options.baseline, returns, episode, hidden.detach(), self.baseline, self.average_return
        )
        remembered = hidden if self.into_core else hidden.detach()
        policy = policy_gradient.reinforce(self._log_prob(remembered, episode), advantage[: self.steps - 1])
        if self.stopper is not None:
            policy = policy + self._stop_loss(self.stopper(remembered[:-1]), hidden.detach(), returns, episode)
        terms |= {"policy": policy, "baseline": baseline_error, "return": returns[0].mean()}
        total = cross_entropy + self.options.policy_weight * policy + baseline_error
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def _at_the_end(self, hidden: Tensor, last: Tensor, episode: Episode) -> Tensor:
        """What is behind each episode's last answer, (B, D), of the outputs (T, B, D) and the last of them (B, D)."""
        if self.stopper is None:
            return last
        return at_the_end(hidden, episode)

    def _log_prob(self, hidden: Tensor, episode: Episode) -> Tensor:
        """Log-probability (T - 1, B) of the places chosen before the last step; zero where nothing came of them."""
        hidden, time = hidden[:-1], episode.observation["time"][:-1]
        eyes = episode.activations.get("eyes")
        mean = self.locator(hidden, time, None if eyes is None else eyes[:-1])[0].float()
        sigma = cast(Gaussian, self.locator.gaussian).current()
        log_prob = policy_gradient.gaussian_log_prob(episode.action["look"][:-1], mean, sigma)
        return log_prob if self.stopper is None else log_prob * episode.taken[1:]

    def _stop_loss(self, stop: Tensor, hidden: Tensor, returns: Tensor, episode: Episode) -> Tensor:
        """Stopping by policy gradient, whatever `baseline` is for places less what the answer at hand is worth.

        That depends on what was seen and on the label, not on the choice, and is nearly all of what stopping earns:
        what is left is how much more going on has earned. A baseline that does not know the label leaves noise many
        times the cost of a glimpse.
        """
        chose = -F.binary_cross_entropy_with_logits(stop, episode.action["stop"][:-1].float(), reduction="none")
        options = cast(PolicyOptions, self.options)
        worth = answer_worth(options.credit, self.classifier(hidden[:-1]).float(), episode.label)
        return policy_gradient.reinforce(chose, returns[:-1] - worth, episode.taken[:-1])


def make_ram(options: RamOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> RecurrentAttention:
    """RAM for a world with these spaces."""
    steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
    bias = path_bias(options.first_path, steps)
    locator = LearnedLocator(options.memory_width, options.locator_width, bias, options.sigma)
    into_core = options.policy_gradient == "core"
    return RecurrentAttention(options, locator, observation_space, action_space, into_core)
