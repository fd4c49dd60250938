"""Words of opened sentences that reach the answer directly, each through a gate.

Axes: B episodes, W words of a sentence, S width of a word's state, E width of its vector, D memory.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class ReadSentence(NamedTuple):
    """A sentence that was read for a question.

    summary: (..., S + E), zeros without words.
    states: (B, W, S), of the words in their order; B is the product of the dimensions before.
    vectors: (B, W, E).
    weights: (B, W), how much each word counts: 1 for words and 0 for padding, or soft attention's weights.
    attention: (B, K), soft attention's weight of each candidate; None where a sentence was opened.
    """

    summary: Tensor
    states: Tensor
    vectors: Tensor
    weights: Tensor
    attention: Tensor | None = None


class CopiedWords(nn.Module):
    """Sum of a sentence's word vectors, each through a gate sigmoid(q . s_w + b) of the word's state s_w.

    The query q is made of the question and the memory, so that a name is let through where it is asked for. Unlike
    softmax, gates can let through several words, or none. It is the part of a pointer network (Vinyals et al., 2015)
    that a classifier can read: the answer is a word that was seen, and its vector says which.
    """

    def __init__(self, question_width: int, memory_width: int, state_width: int) -> None:
        """Make the gates."""
        super().__init__()
        self.query = nn.Linear(question_width + memory_width, state_width)
        self.bias = nn.Parameter(torch.zeros(()))
        self.scale = state_width**-0.5

    def forward(self, read: ReadSentence, question: Tensor, hidden: Tensor) -> Tensor:
        """Return the sums (..., E) for what was read, questions (..., S) and outputs of the memory (..., D)."""
        query = self.query(torch.cat([question, hidden.to(question.dtype)], -1))
        score = (read.states @ query.flatten(0, -2).unsqueeze(-1)).squeeze(-1) * self.scale + self.bias
        gates = torch.sigmoid(score) * read.weights
        copied: Tensor = (gates.unsqueeze(1).to(read.vectors.dtype) @ read.vectors).squeeze(1)
        return copied.view(*question.shape[:-1], -1)
