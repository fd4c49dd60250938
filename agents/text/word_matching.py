"""Features of candidates by how well their words match those of the question, and of what was opened last.

Axes: B episodes, K candidates, P words of one, Q words of the question, W words of the opened sentence, E width of a
word's vector, H heads, V words of the vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.embedding import PADDING, UNKNOWN, Embedding
from glimpse.agents.text.sentence_reading import without_end

_OF_TITLES = 3
"""Number of features of a title."""


class WordMatching(nn.Module):
    """Late interaction (Khattab and Zaharia, 2020, "ColBERT"): each word is matched with the most similar one.

    Similarity is the cosine of word vectors; unknown words match nothing. Each head weighs words by sigmoid(w . e + b)
    of their vector e, so that it can count names only, and averages: how well the question is matched by a candidate;
    how much better than by what was opened last; and how well a candidate's words are matched by the question, and by
    what was opened last. Words of its title are also looked at by themselves: how well the question matches them on
    average, how well the worst of them, and how well the worst of them is matched by what was opened last.

    width: number of features, 4 H + 3.
    """

    def __init__(self, embedding: Embedding, heads: int) -> None:
        """Make the heads; the word vectors are shared."""
        super().__init__()
        self.embedding, self.width = embedding, 4 * heads + _OF_TITLES
        self.asked = nn.Linear(embedding.weight.shape[1], heads)
        self.offered = nn.Linear(embedding.weight.shape[1], heads)

    def forward(self, question: Tensor, opened: Tensor, candidates: Tensor, title_words: Tensor) -> Tensor:
        """Compute features of candidates.

        Args:
            question: (B, Q) int64, words.
            opened: (B, W) int64.
            candidates: (B, K, P) int64.
            title_words: (B, K) int64, how many of a candidate's words are its title's; those stand in front.

        Returns:
            (B, K, 4 H + 3), in [0, 1] or about it.
        """
        question, opened, candidates = (without_end(words) for words in (question, opened, candidates))
        vectors, (question, opened, candidates) = _of_words(
            self.embedding.weight.detach(), question, opened, candidates
        )
        with torch.no_grad():
            unit = _unit(vectors)
            asked, read, offered = (F.embedding(words, unit) for words in (question, opened, candidates))
            # Words of candidates come last: the largest of the others is then found in many columns at once.
            flat = offered.flatten(1, 2).transpose(1, 2)
            by_question = (asked @ flat).unflatten(2, candidates.shape[1:])  # (B, Q, K, P)
            match, reverse = by_question.amax(3).transpose(1, 2), by_question.amax(1)
            chained = (read @ flat).amax(1).view(candidates.shape)
            covered = (asked @ read.transpose(1, 2)).amax(2)
            better = (match - covered.unsqueeze(1)).relu()
            of_title = _of_title(reverse, chained, title_words)
        of_question = _weights(self.asked(vectors), question).unsqueeze(1)
        of_candidates = _weights(self.offered(vectors), candidates)
        parts = [
            _mean(match, of_question),
            _mean(better, of_question),
            _mean(reverse, of_candidates),
            _mean(chained, of_candidates),
            of_title,
        ]
        return torch.cat(parts, -1)


def _of_words(vectors: Tensor, *texts: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return the vectors of padding, of unknown words and of those that occur in texts, and the texts in their numbers.

    On a GPU all words stay: to know how many occur would be to wait for it.
    """
    if vectors.device.type != "cpu":
        return vectors, list(texts)
    occurs = torch.zeros(len(vectors), dtype=torch.bool)
    occurs[: UNKNOWN + 1] = True
    for words in texts:
        occurs[words.flatten()] = True
    number = occurs.cumsum(0) - 1
    return vectors[occurs], [number[words] for words in texts]


def _of_title(asked: Tensor, opened: Tensor, count: Tensor) -> Tensor:
    """Return how well titles are matched (B, K, 3): on average and at worst by the question, and by what was opened.

    Args:
        asked: (B, K, P), how well the question matches each word.
        opened: (B, K, P), how well what was opened does.
        count: (B, K), the number of words of the title, which stand in front; 0 gives zeros.
    """
    inside = torch.arange(asked.shape[-1], device=asked.device) < count.unsqueeze(-1)
    mean = (asked * inside).sum(-1) / count.clamp(min=1)
    worst = [each.masked_fill(~inside, 1.0).amin(-1) * (count > 0) for each in (asked, opened)]
    return torch.stack([mean, *worst], -1)


def _unit(vectors: Tensor) -> Tensor:
    """Return word vectors (V, E) of length 1, zeros for padding and unknown words."""
    unit = F.normalize(vectors.float(), dim=-1)
    unit[: UNKNOWN + 1] = 0  # PADDING is before UNKNOWN.
    return unit


def _weights(scores: Tensor, words: Tensor) -> Tensor:
    """Return each head's weights of words (..., n), which sum to 1, given scores (V, H) of all words: (..., H, n)."""
    weights = F.embedding(words, torch.sigmoid(scores.float())) * (words != PADDING).unsqueeze(-1)
    return (weights / weights.sum(-2, keepdim=True).clamp(min=1e-6)).transpose(-1, -2)


def _mean(match: Tensor, weights: Tensor) -> Tensor:
    """Return weighted means (B, K, H) of matches (B, K, n), given weights (B, 1 or K, H, n)."""
    return (weights * match.unsqueeze(2)).sum(-1)
