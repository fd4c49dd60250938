"""An agent that does nothing but choose words, by the score function (Shen et al., 2018, "ReSAN", section 3).

Axes: B texts, L words, E width of a word's vector.
"""

from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.agent import LearningAgent
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.returns import subtract_baseline
from glimpse.agents.selection.bernoulli import draw, log_prob
from glimpse.agents.selection.sampler import SequenceSampler
from glimpse.agents.text.reader import WordVectors
from glimpse.agents.text_options import WordChooserOptions


class WordChooser(LearningAgent):
    """Two samplers of its own words' vectors, of heads and of dependents; the world says what a choice is worth."""

    steps = 1
    selects = 2
    average_return: Tensor

    def __init__(
        self,
        options: WordChooserOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: WordVectors | None = None,
    ) -> None:
        """Make the networks.

        Args:
            options: widths, and the baseline.
            observation_space: has `text` (L,), and `text2` where there are two.
            action_space: has `head` and `dependent`, bits (L,), and those of a second text.
            vectors: of the words, if the task gives any.
        """
        super().__init__()
        self.options, self.greedy_copy = options, options.baseline == "self_critical"
        boxes = {name: cast(spaces.Box, space) for name, space in observation_space.items()}
        width = options.embedding_width if vectors is None else vectors.vectors.shape[-1]
        self.embedding = Embedding(int(boxes["text"].high.max()) + 1, width)
        if vectors is not None:
            self.embedding.take(vectors.vectors, vectors.given, frozen=False)
        self.samplers = nn.ModuleDict({kind: SequenceSampler(width, options.hidden) for kind in ("head", "dependent")})
        self.baseline = nn.Linear(width, 1)
        self.register_buffer("average_return", torch.zeros(1))

    def begin(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Nothing is chosen yet."""
        return {}

    def select(
        self, observation: dict[str, Tensor], memory: dict[str, Tensor], noise: Tensor, greedy: Tensor | bool
    ) -> dict[str, Tensor]:
        """A coin for each word and sampler: (B, L) bool by the action's names."""
        logits = self._logits(observation)
        own = noise.split([each.shape[1] for each in logits.values()], 1)
        real = {name: text != PADDING for name, text in observation.items()}
        return {
            part: draw(each, real[self._text(part)], chance, greedy)
            for (part, each), chance in zip(logits.items(), own, strict=True)
        }

    def forward(self, observation: dict[str, Tensor], memory: dict[str, Tensor]) -> tuple[Decision, dict[str, Tensor]]:
        """What was chosen, as activations."""
        nothing = torch.zeros(len(observation["text"]), 2, device=observation["text"].device)
        return Decision(nothing, nothing[:, :0], None, memory), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """The choice, as int8 bits."""
        return {part: chosen.to(torch.int8) for part, chosen in decision.activations.items()}

    def loss(self, episode: Episode) -> Loss:
        """REINFORCE on the world's reward; its terms are policy, baseline and return."""
        seen = {name: text[0] for name, text in episode.observation.items()}
        likely = [
            log_prob(logits, episode.action[part][0] > 0, seen[self._text(part)] != PADDING)
            for part, logits in self._logits(seen).items()
        ]
        pooled = self.embedding(seen["text"]).mean(1).detach()[None]
        advantage, baseline = subtract_baseline(
            self.options.baseline, episode.reward, episode, pooled, self.baseline, self.average_return
        )
        policy = policy_gradient.reinforce(torch.stack(likely).sum(0)[None], advantage)
        terms = {"policy": policy, "baseline": baseline, "return": episode.reward.sum(0).mean()}
        return Loss(policy + baseline, {name: term.detach() for name, term in terms.items()})

    def _logits(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of each word's coins, (B, L), by the action's names."""
        found = {}
        for name, text in observation.items():
            vectors, real = self.embedding(text), text != PADDING
            for kind, sampler in self.samplers.items():
                found[f"{kind}{name.removeprefix('text')}"] = sampler(vectors, real).squeeze(-1)
        return found

    def _text(self, part: str) -> str:
        """The observation whose words a part of the action chooses."""
        return "text2" if part.endswith("2") else "text"
