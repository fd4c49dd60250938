"""Reader that answers from the words of the largest attention weights alone.

It is a baseline for rationales: it keeps the same share of words, but its weights were not trained to select.
Axes: B texts, L words (or S sentences of L words), N classes.
"""

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.agent import Memory
from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Decision
from glimpse.agents.errors import AgentError
from glimpse.agents.ordering import largest_first
from glimpse.agents.text.options import TopKReaderOptions
from glimpse.agents.text.reader import GivenVectors, Reader


class TopKReader(Reader):
    """Trains on whole texts as `Reader` does; answers from a second reading of the top words alone."""

    options: TopKReaderOptions

    def __init__(
        self,
        options: TopKReaderOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
    ) -> None:
        """Make the networks; see `Reader`.

        Raises:
            AgentError: if the encoder weighs no words.
        """
        super().__init__(options, observation_space, action_space, vectors)
        empty = {
            name: torch.zeros(1, *(space.shape or ()), dtype=torch.long) for name, space in observation_space.items()
        }
        if self.salience(empty) is None:
            raise AgentError(
                f"agent.encoder {options.encoder.kind} weighs no words, so that none can be selected: "
                "set agent.encoder.pooling=context_vector, or another encoder"
            )

    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """Answer; the activations are `kept`, which words of a text were kept, 0 or 1."""
        weights = self.salience(observation) or {}
        kept = {
            name: top_words(weights[name], text != PADDING, self.options.keep_rate)
            for name, text in observation.items()
        }
        logits = self.read_only(observation, kept)
        activations = {f"kept{name.removeprefix('text')}": chosen.float() for name, chosen in kept.items()}
        return Decision(logits, activations), None


def top_words(weights: Tensor, real: Tensor, keep_rate: float) -> Tensor:
    """Select the words of the largest weights, at least one of a text that has any.

    Args:
        weights: (B, L) or (B, S, L).
        real: of the same shape, bool, True = a word.
        keep_rate: share of each text's words, in (0, 1].

    Returns:
        Bool, of the same shape; of equal weights the earlier words are selected.
    """
    flat, words = weights.flatten(1).masked_fill(~real.flatten(1), -torch.inf), real.flatten(1)
    count = (keep_rate * words.sum(1, keepdim=True)).round().clamp(min=1)
    rank = largest_first(flat, 1).argsort(dim=1)
    return ((rank < count) & words).view_as(real)
