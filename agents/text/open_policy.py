"""Policies over what is opened next: one of the candidates that a ranker offers, or what is nearest to a vector.

Axes: B episodes (with all steps of recorded ones, T * B), K candidates, P words of one, E width of a word's vector,
D memory, A width of attention, V numbers of a vector.
"""

from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.attention.mechanisms import make_score
from glimpse.agents.attention.normalisers import softmax
from glimpse.agents.embedding import Embedding
from glimpse.agents.text.evidence_options import EvidenceReaderOptions
from glimpse.agents.text.sentence_reading import mean_vectors
from glimpse.agents.text.word_matching import WordMatching

NEVER = -1e9
"""Logit of an illegal action: its probability is 0, and its log-probability is still finite."""
_FEATURES = 7


class CandidatePolicy(nn.Module):
    """Logits of answering and of opening each of K candidates: attention's scores of a query and the candidates.

    A candidate is known by the mean vector of its words, and by features: the ranker's score among those of the other
    candidates and by itself, its rank, its position among all sentences and in its document, its cosines with the
    question and with the sentence that was opened last, and how its words match theirs; see `WordMatching`. The query
    is made of the memory and of the words of both. The first feature, the ranker's standardised score, is also added
    with a weight that begins at the prior, so that learning can begin with the ranker's order. Whether to answer is
    decided by the memory and by what the query finds among the candidates.
    """

    def __init__(self, options: EvidenceReaderOptions, embedding: Embedding, memory_width: int) -> None:
        """Make the networks for memories of `memory_width`; they share the word vectors."""
        super().__init__()
        words, width = embedding.weight.shape[1], options.attention_width
        self.embedding = embedding
        self.query = nn.Linear(memory_width + 2 * words, width)
        self.matching = WordMatching(embedding, options.matching_heads)
        features = _FEATURES + self.matching.width
        self.key = nn.Linear(words + features, width)
        self.worth = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, 1))
        self.prior = nn.Parameter(torch.tensor(options.ranker_prior))
        self.score = make_score(options.score, width, width)
        self.answers = nn.Linear(memory_width + width, 1)

    def forward(self, hidden: Tensor, seen: dict[str, Tensor]) -> Tensor:
        """Compute logits (B, K + 1), `NEVER` for illegal actions; the first is that of answering.

        Args:
            hidden: (B, D), what is remembered.
            seen: the environment's observation, each (B, ...).
        """
        legal = seen["legal"].bool()
        question, opened, candidates = (
            mean_vectors(self.embedding, seen[name]) for name in ("question", "opened", "candidates")
        )
        matching = self.matching(*(seen[name] for name in ("question", "opened", "candidates", "title_words")))
        features = torch.cat([_features(seen, question, opened, candidates), matching], -1)
        query = self.query(torch.cat([hidden, question, opened], -1))
        key = self.key(torch.cat([candidates, features], -1))
        scores = self.score(query.unsqueeze(1), key).squeeze(1) + self.worth(features).squeeze(-1)
        scores = scores + self.prior * features[..., 0]
        weights = softmax(scores.float(), legal[:, 1:])
        found = (weights.unsqueeze(1).to(key.dtype) @ key).squeeze(1)
        answers = self.answers(torch.cat([hidden, found], -1))
        return torch.where(legal, torch.cat([answers, scores], 1).float(), NEVER)


def _features(seen: dict[str, Tensor], question: Tensor, opened: Tensor, candidates: Tensor) -> Tensor:
    """Return features of candidates (B, K, 7), of about unit size; see `CandidatePolicy`."""
    there, score = seen["legal"][:, 1:].float(), seen["scores"].float()
    count = there.sum(1, keepdim=True).clamp(min=1)
    mean = (score * there).sum(1, keepdim=True) / count
    spread = (((score - mean).square() * there).sum(1, keepdim=True) / count).sqrt()
    rank = 1 / torch.arange(1, score.shape[1] + 1, device=score.device, dtype=score.dtype)
    cosines = (F.cosine_similarity(candidates, text.unsqueeze(1), dim=-1) for text in (question, opened))
    parts = [
        (score - mean) / (spread + 1e-3),
        score.sign() * score.abs().log1p(),
        rank.expand_as(score),
        seen["position"].expand_as(score),
        seen["in_document"].expand_as(score),
        *cosines,
    ]
    return torch.stack(parts, -1) * there.unsqueeze(-1)


class QueryPolicy(nn.Module):
    """Logits of answering and opening, and the mean of the query: a vector of length 1."""

    def __init__(self, memory_width: int, observation_space: spaces.Dict) -> None:
        """Make the networks for memories of `memory_width`; the query begins as the question's vector."""
        super().__init__()
        width = int(cast(tuple[int], observation_space["question_vector"].shape)[0])
        self.opens = nn.Linear(memory_width, 2)
        self.shift = nn.Linear(memory_width, width)
        self.shares = nn.Linear(memory_width, 2)
        with torch.no_grad():
            for layer in (self.shift, self.shares):
                layer.weight.mul_(0.1)
                layer.bias.zero_()
            self.shares.bias[0] = 1

    def forward(self, hidden: Tensor, seen: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Compute logits (B, 2), `NEVER` for illegal actions, and the query's mean (B, V)."""
        logits = torch.where(seen["legal"].bool(), self.opens(hidden).float(), NEVER)
        share = self.shares(hidden)
        query = self.shift(hidden) + share[:, :1] * seen["question_vector"] + share[:, 1:] * seen["opened_vector"]
        return logits, F.normalize(query.float(), dim=-1)
