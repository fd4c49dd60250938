"""The deep recurrent attention model (Ba, Mnih and Kavukcuoglu, 2015).

"Multiple object recognition with visual attention", ICLR 2015.

Two LSTM layers: the lower one gathers what glimpses show and names the targets, one after the other; the upper one
reads the lower one and chooses places. A coarse picture of the whole begins the upper layer's memory and reaches
nothing else, so that classes are read from glimpses alone (section 3, "Context network").

Departures: the glimpse network sees patches through rectified linear layers instead of convolutions; the world gives
the first place; the policy gradient stops at the upper layer, unless `policy_gradient: core`.

Axes: B episodes, T steps, K scales, C channels, P patch side, G feature width, D memory, N classes, R targets.
"""

from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.dram_options import DramOptions
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.returns import subtract_baseline
from glimpse.agents.vision.glimpse_network import LstmCore
from glimpse.agents.vision.locators import Gaussian, LearnedLocator, path_bias
from glimpse.agents.vision.looking import LookingAgent

TARGETS = 2
"""What a world of the kind "pairs" has to be read, in order."""


class ProductGlimpse(nn.Module):
    """What was seen times where: g = Rect(Linear(Rect(Linear(patches)))) * Rect(Linear(l)). Section 3, equation 1."""

    def __init__(self, pixels: int, options: DramOptions) -> None:
        """Make it for glimpses of `pixels` = K * C * P * P numbers."""
        super().__init__()
        hidden, width = options.glimpse_width, options.feature_width
        self.what = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, width), nn.ReLU())
        self.where = nn.Sequential(nn.Linear(2, width), nn.ReLU())

    def forward(self, glimpse: Tensor, location: Tensor) -> Tensor:
        """(..., K, C, P, P) in [0, 1] and (..., 2) in [-1, 1] -> (..., G)."""
        return cast(Tensor, self.what(glimpse.flatten(-4)) * self.where(location))


class ContextNetwork(nn.Module):
    """From a coarse picture to the memory with which the upper LSTM begins."""

    def __init__(self, shape: tuple[int, ...], options: DramOptions) -> None:
        """Make it for pictures of `shape` (C, side, side)."""
        super().__init__()
        filters, side = options.context_filters, (shape[-1] + 1) // 2
        self.layers = nn.Sequential(
            nn.Conv2d(shape[0], filters, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(filters * side * side, 2 * options.memory_width),
            nn.Tanh(),
        )

    def forward(self, context: Tensor) -> Tensor:
        """(B, C, side, side) in [0, 1] -> (B, 2 D)."""
        return cast(Tensor, self.layers(context))


class DeepRecurrentAttention(LookingAgent):
    """DRAM: places by REINFORCE, answers by cross-entropy, each target's at the last glimpse that is for it."""

    average_return: Tensor

    def __init__(self, options: DramOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks.

        Args:
            options: widths and losses.
            observation_space: has `glimpse` (K, C, P, P), `location`, `time` and `context` (C, side, side).
            action_space: has `look` and `answer`.

        Raises:
            ValueError: if `first_path` is not of the episode's length.
        """
        super().__init__()
        glimpse, context = (cast(spaces.Box, observation_space[name]).shape for name in ("glimpse", "context"))
        self.options, self.locator_rate = options, options.locator_rate
        self.greedy_copy = options.baseline == "self_critical"
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        self.classes = int(cast(spaces.Discrete, action_space["answer"]).n)
        width = options.memory_width
        self.glimpse_network = ProductGlimpse(int(torch.Size(glimpse).numel()), options)
        self.context_network = ContextNetwork(context, options)
        self.reading = LstmCore(options.feature_width, width)
        self.looking = LstmCore(width, width)
        self.classifier = nn.Linear(width, self.classes)
        bias = path_bias(options.first_path, self.steps)
        self.locator = LearnedLocator(width, options.locator_width, bias, options.sigma)
        self.baseline = nn.Linear(width, 1)
        self.register_buffer("average_return", torch.zeros(self.steps))

    def begin(self, observation: dict[str, Tensor]) -> Tensor:
        """The memories of B episodes, (B, 4 D): of the lower LSTM, empty, and of the upper one, from the context."""
        looking = self.context_network(observation["context"])
        return torch.cat([torch.zeros_like(looking), looking], -1)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """See, remember, decide.

        Args:
            observation: `glimpse` (B, K, C, P, P), `location` (B, 2), `time` (B,).
            memory: (B, 4 D).

        Returns:
            The decision and the new memory.
        """
        feature = self.glimpse_network(observation["glimpse"], observation["location"])
        reading, looking = memory.chunk(2, -1)
        reading = self.reading(feature, reading)
        read = self.reading.output(reading)
        looking = self.looking(read, looking)
        place, _ = self.locator(self.looking.output(looking), observation["time"])
        return Decision(place, self.classifier(read), None, {}), torch.cat([reading, looking], -1)

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Turn a decision into an action.

        Args:
            decision: for B episodes.
            noise: (B, 3) standard normal, two of which are for the place.
            greedy: whether the mean place is taken; a bool, or (B,) bool.

        Returns:
            `look` (B, 2) float32, not clamped; `answer` (B,) int64, the likeliest class.
        """
        return {"look": self.look(decision.place, noise, greedy), "answer": decision.answer.argmax(-1)}

    def loss(self, episode: Episode) -> Loss:
        """Classification by cross-entropy, places by policy gradient, baseline by squared error; section 3.1.

        The cross-entropy is a mean over targets and episodes. A place is credited with what it can still change, the
        rewards after its own step; the last place is not reinforced, since nothing looks at it.

        Args:
            episode: T steps of B episodes.

        Returns:
            The sum, and its terms: cross_entropy, accuracy (of both targets), policy, baseline, return.
        """
        seen = episode.observation
        read, _ = self.reading.unroll(self.glimpse_network(seen["glimpse"], seen["location"]), None)
        hidden = self._unroll_looking(read if self.options.policy_gradient == "core" else read.detach(), seen)
        logits = self.classifier(read[self._ends()]).float()  # (R, B, N)
        target = self._targets(episode.label)
        cross_entropy = F.cross_entropy(logits.flatten(0, 1), target.flatten())
        reward = self._credit(logits.detach(), target, episode)
        later = policy_gradient.returns_to_go(reward)[1:]
        returns = torch.cat([later, torch.zeros_like(later[:1])])
        advantage, baseline_error = subtract_baseline(
            self.options.baseline, returns, episode, hidden.detach(), self.baseline, self.average_return
        )
        policy = policy_gradient.reinforce(self._log_prob(hidden[:-1], episode), advantage[:-1])
        right = (logits.argmax(-1) == target).all(0).float().mean()
        terms = {"cross_entropy": cross_entropy, "accuracy": right, "policy": policy, "baseline": baseline_error}
        terms["return"] = reward.sum(0).mean()
        total = cross_entropy + self.options.policy_weight * policy + baseline_error
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def _ends(self) -> list[int]:
        """The step of the answer that counts for each target."""
        return [self.steps * number // TARGETS - 1 for number in range(1, TARGETS + 1)]

    def _targets(self, label: Tensor) -> Tensor:
        """The class of each target: labels (B,), with N classes the digits of a number to the base N -> (R, B)."""
        return torch.stack([label // self.classes, label % self.classes])

    def _unroll_looking(self, read: Tensor, seen: dict[str, Tensor]) -> Tensor:
        """All steps of the upper LSTM, from the context: (T, B, D) -> (T, B, D)."""
        begun = self.context_network(seen["context"][0]).to(read.dtype)
        hidden, cell = (part[None].contiguous() for part in begun.chunk(2, -1))
        return cast(Tensor, self.looking.lstm(read, (hidden, cell))[0])

    def _credit(self, logits: Tensor, target: Tensor, episode: Episode) -> Tensor:
        """The reward (T, B) that is reinforced; `probability` puts p(class) where the world says right or wrong."""
        if self.options.credit == "reward":
            return episode.reward
        chance = logits.softmax(-1).gather(-1, target[..., None]).squeeze(-1)
        reward = episode.reward.clone()
        right = (episode.action["answer"][self._ends()] == target).float()
        reward[self._ends()] += (chance - right) / TARGETS
        return reward

    def _log_prob(self, hidden: Tensor, episode: Episode) -> Tensor:
        """Log-probability (T - 1, B) of the places that were looked at."""
        mean = self.locator(hidden, episode.observation["time"][:-1])[0].float()
        sigma = cast(Gaussian, self.locator.gaussian).current()
        return policy_gradient.gaussian_log_prob(episode.action["look"][:-1], mean, sigma)


def make_dram(
    options: DramOptions, observation_space: spaces.Dict, action_space: spaces.Dict
) -> DeepRecurrentAttention:
    """DRAM for a world with these spaces."""
    return DeepRecurrentAttention(options, observation_space, action_space)
