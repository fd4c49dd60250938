"""A reader by soft attention that answers from the words which weigh most with it, and from these alone.

What rationales are compared with: the same share of words, chosen by weights that were never learned to choose.
Axes: B texts, L words (or S sentences of L words), N classes.
"""

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.agent import Memory
from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Decision
from glimpse.agents.errors import AgentError
from glimpse.agents.text.reader import Reader, WordVectors
from glimpse.agents.text_options import TopReaderOptions


class TopReader(Reader):
    """Learns as `Reader` does, from whole texts; to answer it reads twice, the second time the top words alone."""

    options: TopReaderOptions

    def __init__(
        self,
        options: TopReaderOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: WordVectors | None = None,
    ) -> None:
        """Make the networks; see `Reader`.

        Raises:
            AgentError: if the encoder weighs no words.
        """
        super().__init__(options, observation_space, action_space, vectors)
        nothing = {
            name: torch.zeros(1, *(space.shape or ()), dtype=torch.long) for name, space in observation_space.items()
        }
        if self.salience(nothing) is None:
            raise AgentError(
                f"agent.encoder {options.encoder.kind} weighs no words, of which some could be the top ones: "
                "set agent.encoder.pooling=context_vector, or another encoder"
            )

    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """Answer; the activations are `kept`, the words that were read again, 0 or 1, by text."""
        weights = self.salience(observation) or {}
        kept = {
            name: top_words(weights[name], text != PADDING, self.options.share) for name, text in observation.items()
        }
        logits = self.read_only(observation, kept)
        seen = {f"kept{name.removeprefix('text')}": chosen.float() for name, chosen in kept.items()}
        return Decision(logits.new_empty(len(logits), 0), logits, None, seen), None


def top_words(weights: Tensor, real: Tensor, share: float) -> Tensor:
    """The share of each text's words that weighs most, at least one of a text that has any.

    Args:
        weights: (B, L) or (B, S, L).
        real: the same, bool, True for words.
        share: in (0, 1].

    Returns:
        The same, bool; of equal weights the earlier words.
    """
    flat, words = weights.flatten(1).masked_fill(~real.flatten(1), -torch.inf), real.flatten(1)
    count = (share * words.sum(1, keepdim=True)).round().clamp(min=1)
    rank = flat.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return ((rank < count) & words).view_as(real)
