"""Agent that only selects words, trained by REINFORCE (Shen et al., 2018, "ReSAN", section 3).

Axes: B texts, L words, E width of a word's vector.
"""

from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.agent import EpisodeAgent
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.returns import subtract_baseline
from glimpse.agents.selection.bernoulli import log_prob, sample_mask
from glimpse.agents.selection.sampler import SequenceSampler
from glimpse.agents.text.options import TokenSelectorOptions
from glimpse.agents.text.reader import GivenVectors


class TokenSelector(EpisodeAgent):
    """Word vectors and two samplers, of heads and of dependents; the environment rewards their selection."""

    steps = 1
    selection_noise = 2
    average_return: Tensor

    def __init__(
        self,
        options: TokenSelectorOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
    ) -> None:
        """Make the networks.

        Args:
            options: sizes, and the baseline.
            observation_space: has `text` (L,), and `text2` where there are two.
            action_space: has `head` and `dependent`, bits (L,), and the same for a second text with the suffix 2.
            vectors: pre-trained word vectors, if the task has any.
        """
        super().__init__()
        self.options, self.greedy_copy = options, options.baseline == "self_critical"
        boxes = {name: cast(spaces.Box, space) for name, space in observation_space.items()}
        width = options.embedding_width if vectors is None else vectors.vectors.shape[-1]
        self.embedding = Embedding(int(boxes["text"].high.max()) + 1, width)
        if vectors is not None:
            self.embedding.load_vectors(vectors.vectors, vectors.given, frozen=False)
        self.samplers = nn.ModuleDict({kind: SequenceSampler(width, options.hidden) for kind in ("head", "dependent")})
        self.baseline = nn.Linear(width, 1)
        self.register_buffer("average_return", torch.zeros(1))

    def initial_memory(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return an empty selection."""
        return {}

    def select(
        self, observation: dict[str, Tensor], memory: dict[str, Tensor], noise: Tensor, greedy: Tensor | bool
    ) -> dict[str, Tensor]:
        """Sample heads and dependents: (B, L) bool by the action's names."""
        logits = self._logits(observation)
        own = noise.split([each.shape[1] for each in logits.values()], 1)
        real = {name: text != PADDING for name, text in observation.items()}
        return {
            part: sample_mask(each, real[self._text(part)], chance, greedy)
            for (part, each), chance in zip(logits.items(), own, strict=True)
        }

    def forward(self, observation: dict[str, Tensor], memory: dict[str, Tensor]) -> tuple[Decision, dict[str, Tensor]]:
        """Return the selection as activations; there is no answer."""
        no_answer = torch.zeros(len(observation["text"]), 0, device=observation["text"].device)
        return Decision(no_answer, memory), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the selection as int8 bits, (B, L) by the action's names."""
        return {part: chosen.to(torch.int8) for part, chosen in decision.activations.items()}

    def loss(self, episode: Episode) -> Loss:
        """Compute the loss of REINFORCE on the environment's reward; terms policy_loss, value_loss and return."""
        seen = {name: text[0] for name, text in episode.observation.items()}
        # The log-probability of a selection is a sum over texts and samplers.
        log_probs = [
            log_prob(logits, episode.action[part][0] > 0, seen[self._text(part)] != PADDING)
            for part, logits in self._logits(seen).items()
        ]
        pooled = self.embedding(seen["text"]).mean(1).detach()[None]
        advantage, value_loss = subtract_baseline(
            self.options.baseline,
            episode.reward,
            episode.step_mask,
            episode.copies,
            pooled,
            self.baseline,
            self.average_return,
        )
        policy_loss = policy_gradient.reinforce(torch.stack(log_probs).sum(0)[None], advantage)
        terms = {"policy_loss": policy_loss, "value_loss": value_loss, "return": episode.reward.sum(0).mean()}
        return Loss(policy_loss + value_loss, {name: term.detach() for name, term in terms.items()})

    def _logits(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the logits of selecting each word, (B, L), by the action's names."""
        found = {}
        for name, text in observation.items():
            vectors, real = self.embedding(text), text != PADDING
            for kind, sampler in self.samplers.items():
                found[f"{kind}{name.removeprefix('text')}"] = sampler(vectors, real).squeeze(-1)
        return found

    def _text(self, part: str) -> str:
        """Return the name of the text whose words a part of the action selects."""
        return "text2" if part.endswith("2") else "text"
