"""The deep recurrent attention model (Ba, Mnih and Kavukcuoglu, 2015).

"Multiple object recognition with visual attention", ICLR 2015.

There are two LSTM layers. The lower one reads the glimpses and classifies the targets, one after the other. The upper
one reads the lower one's output and chooses locations. A coarse picture of the whole image is the upper layer's initial
memory and reaches nothing else, so that classes are read from glimpses alone (section 3, "Context network").

Departures: the glimpse network has linear layers with ReLU instead of convolutions; the environment gives the initial
location; the policy gradient stops at the upper layer, unless `policy_gradient_into: core`.

Axes: B episodes, T steps, K scales, C channels, P patch side, G feature width, D memory, N classes, R targets.
"""

from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.returns import subtract_baseline
from glimpse.agents.step_cores import LstmCore
from glimpse.agents.vision.locator_agent import LocatorAgent
from glimpse.agents.vision.locators import Gaussian, LearnedLocator, path_bias
from glimpse.agents.vision.options import DramOptions

TARGETS = 2
"""Number R of targets to classify in order in an environment of the kind "pairs"."""


class ProductGlimpse(nn.Module):
    """Glimpse network that multiplies the features of patches and location.

    g = ReLU(Linear(ReLU(Linear(patches)))) * ReLU(Linear(l)): section 3, equation 1.
    """

    def __init__(self, pixels: int, options: DramOptions) -> None:
        """Make the network for glimpses of `pixels` = K * C * P * P numbers."""
        super().__init__()
        hidden, width = options.glimpse_width, options.feature_width
        self.what = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, width), nn.ReLU())
        self.where = nn.Sequential(nn.Linear(2, width), nn.ReLU())

    def forward(self, glimpse: Tensor, location: Tensor) -> Tensor:
        """Return features (..., G) of glimpses (..., K, C, P, P) in [0, 1] at locations (..., 2) in [-1, 1]."""
        return cast(Tensor, self.what(glimpse.flatten(-4)) * self.where(location))


class ContextNetwork(nn.Module):
    """Network from a coarse picture to the initial memory of the upper LSTM."""

    def __init__(self, shape: tuple[int, ...], options: DramOptions) -> None:
        """Make the network for pictures of `shape` (C, side, side)."""
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
        """Return memories (B, 2 D) for pictures (B, C, side, side) in [0, 1]."""
        return cast(Tensor, self.layers(context))


class DeepRecurrentAttention(LocatorAgent):
    """DRAM: locations learned by REINFORCE, answers by cross-entropy.

    Glimpses are divided evenly among the targets; each target is answered at its last glimpse.
    """

    average_return: Tensor

    def __init__(self, options: DramOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks.

        Args:
            options: widths and losses.
            observation_space: has `glimpse` (K, C, P, P), `location`, `time` and `glance` (C, side, side).
            action_space: has `look` and `answer`.

        Raises:
            ValueError: if `initial_path` does not have T - 1 locations.
        """
        super().__init__()
        glimpse, context = (cast(spaces.Box, observation_space[name]).shape for name in ("glimpse", "glance"))
        self.options, self.locator_lr_scale = options, options.locator_lr_scale
        self.greedy_copy = options.baseline == "self_critical"
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        self.classes = int(cast(spaces.Discrete, action_space["answer"]).n)
        width = options.memory_width
        self.glimpse_network = ProductGlimpse(int(torch.Size(glimpse).numel()), options)
        self.context_network = ContextNetwork(context, options)
        self.reading = LstmCore(options.feature_width, width)
        self.looking = LstmCore(width, width)
        self.classifier = nn.Linear(width, self.classes)
        bias = path_bias(options.initial_path, self.steps)
        self.locator = LearnedLocator(width, options.locator_width, bias, options.sigma)
        self.baseline = nn.Linear(width, 1)
        self.register_buffer("average_return", torch.zeros(self.steps))

    def initial_memory(self, observation: dict[str, Tensor]) -> Tensor:
        """Return (B, 4 D): zeros for the lower LSTM, and the upper LSTM's memory computed from the context."""
        looking = self.context_network(observation["glance"])
        return torch.cat([torch.zeros_like(looking), looking], -1)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """Encode the glimpse, update both memories, and compute the answer and the mean location.

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
        location, _ = self.locator(self.looking.output(looking), observation["time"])
        return Decision(self.classifier(read), {}, location), torch.cat([reading, looking], -1)

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Turn a decision into an action.

        Args:
            decision: for B episodes.
            noise: (B, 3) standard normal; the first two numbers are for the location.
            greedy: whether to take the mean location instead of a sample; a bool, or (B,) bool.

        Returns:
            `look` (B, 2) float32, not clamped; `answer` (B,) int64, the likeliest class.
        """
        return {"look": self.look(decision.mean_location, noise, greedy), "answer": decision.answer.argmax(-1)}

    def loss(self, episode: Episode) -> Loss:
        """Compute the cross-entropy, the policy loss of locations and the value loss of the baseline; section 3.1.

        The cross-entropy is a mean over targets and episodes. The return of a location is the sum of rewards after its
        own step, since it cannot change earlier ones. The last location is not reinforced, since no glimpse is taken
        there.

        Args:
            episode: T steps of B episodes.

        Returns:
            The sum, and its terms: cross_entropy, accuracy (of both targets), policy_loss, value_loss, return.
        """
        # Replay all steps of both LSTMs.
        seen = episode.observation
        read, _ = self.reading.unroll(self.glimpse_network(seen["glimpse"], seen["location"]), None)
        hidden = self._unroll_looking(read if self.options.policy_gradient_into == "core" else read.detach(), seen)
        # Classification loss at the last glimpse of each target.
        logits = self.classifier(torch.stack([read[end] for end in self._ends()])).float()  # (R, B, N)
        target = self._targets(episode.label)
        cross_entropy = F.cross_entropy(logits.flatten(0, 1), target.flatten())
        # Policy loss; the return of a location begins with the next step's reward.
        reward = self._policy_reward(logits.detach(), target, episode)
        later = policy_gradient.returns_to_go(reward)[1:]
        returns = torch.cat([later, torch.zeros_like(later[:1])])
        advantage, value_loss = subtract_baseline(
            self.options.baseline,
            returns,
            episode.step_mask,
            episode.copies,
            hidden.detach(),
            self.baseline,
            self.average_return,
        )
        policy = policy_gradient.reinforce(self._log_prob(hidden[:-1], episode), advantage[:-1])
        # Their weighted sum.
        right = (logits.argmax(-1) == target).all(0).float().mean()
        terms = {"cross_entropy": cross_entropy, "accuracy": right, "policy_loss": policy, "value_loss": value_loss}
        terms["return"] = reward.sum(0).mean()
        total = cross_entropy + self.options.policy_weight * policy + value_loss
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def _ends(self) -> list[int]:
        """Return the step at which each target is answered."""
        return [self.steps * number // TARGETS - 1 for number in range(1, TARGETS + 1)]

    def _targets(self, label: Tensor) -> Tensor:
        """Return the classes (R, B) of the targets: the digits to the base N of labels (B,)."""
        return torch.stack([label // self.classes, label % self.classes])

    def _unroll_looking(self, read: Tensor, seen: dict[str, Tensor]) -> Tensor:
        """Compute all steps of the upper LSTM from the context on: (T, B, D) -> (T, B, D)."""
        initial = self.context_network(seen["glance"][0]).to(read.dtype)
        hidden, cell = (part[None].contiguous() for part in initial.chunk(2, -1))
        return cast(Tensor, self.looking.lstm(read, (hidden, cell))[0])

    def _policy_reward(self, logits: Tensor, target: Tensor, episode: Episode) -> Tensor:
        """Return the policy reward (T, B); `probability` replaces 1 or 0 for each target by p(class)."""
        if self.options.policy_reward == "correct":
            return episode.reward
        probability = logits.softmax(-1).gather(-1, target[..., None]).squeeze(-1)
        reward = episode.reward.clone()
        for number, end in enumerate(self._ends()):
            right = (episode.action["answer"][end] == target[number]).float()
            reward[end] += (probability[number] - right) / TARGETS
        return reward

    def _log_prob(self, hidden: Tensor, episode: Episode) -> Tensor:
        """Return the log-probability (T - 1, B) of the sampled locations, except for the last one."""
        mean = self.locator(hidden, episode.observation["time"][:-1])[0].float()
        sigma = cast(Gaussian, self.locator.gaussian).current()
        return policy_gradient.gaussian_log_prob(episode.action["look"][:-1], mean, sigma)


def make_dram(
    options: DramOptions, observation_space: spaces.Dict, action_space: spaces.Dict
) -> DeepRecurrentAttention:
    """Make DRAM for an environment with these spaces."""
    return DeepRecurrentAttention(options, observation_space, action_space)
