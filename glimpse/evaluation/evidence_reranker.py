"""Supervised control of searches in documents: gradient boosting re-ranks a ranker's candidates by overlap of words.

It learns from marked evidence, and is the ranking that an agent has to beat. Axes: B questions, K candidates, Q words
of a question, P words of a candidate, V words of the vocabulary, T opened sentences.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.envs.documents.ranking import is_among
from glimpse.envs.live_line import progress_of
from glimpse.evaluation.evidence_controls import EvidenceCurve, curve_of

FEATURES = (
    "score",
    "score less the best one",
    "score over the best one",
    "one over the rank",
    "position",
    "place in its document",
    "words of the candidate",
    "share of the question's words",
    "share of the question's words by rarity",
    "rarity of the rarest shared word",
    "share of the candidate's words",
    "share of the question's pairs of words",
    "share of the title's words",
)
"""Names of the features of a candidate."""


class Reranker:
    """Gradient boosting of scikit-learn on the features of candidates.

    An environment must offer candidates; see `glimpse.envs.documents.document_env.DocumentEnv`.
    """

    def __init__(self, seed: int = 0) -> None:
        """Make a model that has learned nothing."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.seed = seed
        self._model = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.05, random_state=seed)
        self._rarity = torch.zeros(0)

    def fit(self, env: Any, examples: Tensor, batch: int = 64) -> None:
        """Learn which candidates of questions (N,) are evidence.

        Raises:
            ValueError: if no candidate is evidence, or all are.
        """
        observed, right = [], []
        with progress_of("candidates of the re-ranker", len(examples)) as advance:
            for some in examples.split(batch):
                observed.append(self._begin(env, some))
                right.append(is_among(env.candidates, env.evidence.flatten(1)).cpu())
                advance(len(some))
        self._rarity = _rarities(torch.cat([seen["candidates"] for seen in observed]), len(env.vocabulary.words))
        there = torch.cat([seen["legal"][:, 1:] for seen in observed]).bool()
        labels = torch.cat(right)[there]
        if bool(labels.all()) or not bool(labels.any()):
            raise ValueError("a re-ranker needs candidates that are evidence, and some that are not")
        features = torch.cat([overlap_features(seen, self._rarity) for seen in observed])
        self._model.fit(features[there].numpy(), labels.numpy())

    def scores(self, observation: dict[str, Tensor]) -> Tensor:
        """Return the log-odds that candidates are evidence, (B, K) float32 on the CPU; -inf where there is none."""
        seen = {name: part.cpu() for name, part in observation.items()}
        features, there = overlap_features(seen, self._rarity), seen["legal"][:, 1:].bool()
        found = torch.full(there.shape, -torch.inf)
        if bool(there.any()):
            found[there] = torch.from_numpy(self._model.decision_function(features[there].numpy())).float()
        return found

    def curve(self, env: Any, examples: Tensor, most: int, batch: int = 64) -> EvidenceCurve:
        """Open the likeliest candidates of the first ranking in order; see `evidence_curve`.

        Raises:
            ValueError: if the environment may not open as many, or ranks anew after each opening.
        """
        options = env.options
        if options.opens < most or options.point != "choose" or options.expand:
            raise ValueError(
                f"re-ranking {most} candidates needs task.point=choose, task.expand=0 and task.opens={most} or more"
            )

        def choices(some: Tensor) -> Iterator[Tensor]:
            scores = self.scores(self._begin(env, some)).to(env.device)
            while True:
                best = scores.argmax(1)
                yield best
                scores = _without(scores, best)

        return curve_of(env, examples, most, batch, "evidence by the re-ranker", choices)

    def _begin(self, env: Any, examples: Tensor) -> dict[str, Tensor]:
        """Ask questions, and return what is observed, on the CPU."""
        seen = env.reset(examples.to(env.device), torch.full_like(examples, self.seed).to(env.device))
        return {name: part.cpu() for name, part in seen.items()}


def overlap_features(seen: dict[str, Tensor], rarity: Tensor) -> Tensor:
    """Return the features of candidates, (B, K, 13) float32, in the order of `FEATURES`.

    Args:
        seen: an observation, each (B, ...).
        rarity: (V,), the inverse document frequency of each word.
    """
    question, candidates, scores = seen["question"], seen["candidates"], seen["scores"]
    asked = (question != PADDING) & ~(question.unsqueeze(2) == question.unsqueeze(1)).tril(-1).any(2)
    real = candidates != PADDING
    same = (candidates.unsqueeze(-1) == question[:, None, None]) & real.unsqueeze(-1)  # (B, K, P, Q)
    shared = same.any(2) & asked.unsqueeze(1)
    worth = (rarity[question] * asked).unsqueeze(1)
    pairs = (same[:, :, :-1, :-1] & same[:, :, 1:, 1:]).any(2)
    pair_count = (question[:, 1:] != PADDING).sum(1).clamp(min=1)[:, None]
    best = scores.amax(1, keepdim=True)
    rank = torch.arange(1, scores.shape[1] + 1).expand_as(scores)
    length, title = real.sum(-1), seen["title_words"]
    of_title = torch.arange(candidates.shape[-1]) < title.unsqueeze(-1)
    parts = [
        scores,
        scores - best,
        scores / best.clamp(min=1e-6),
        1 / rank,
        seen["position"],
        seen["in_document"],
        length,
        shared.sum(-1) / asked.sum(1).clamp(min=1)[:, None],
        (shared * worth).sum(-1) / worth.sum(-1).clamp(min=1e-6),
        (shared * worth).amax(-1),
        (same.any(-1) & real).sum(-1) / length.clamp(min=1),
        pairs.sum(-1) / pair_count,
        (same.any(-1) & of_title).sum(-1) / title.clamp(min=1),
    ]
    return torch.stack([part.float() for part in parts], -1)


def _rarities(candidates: Tensor, words: int) -> Tensor:
    """Return the inverse document frequencies (V,) of words among candidates (N, K, P)."""
    ordered = candidates.flatten(0, 1).sort(1).values
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    count = torch.bincount(ordered[first], minlength=words).float()
    return torch.log1p((len(ordered) - count + 0.5).clamp(min=0) / (count + 0.5))


def _without(scores: Tensor, opened: Tensor) -> Tensor:
    """Return scores (B, K) of the candidates that are left: one (B,) is opened, and another one comes last."""
    at = torch.arange(scores.shape[1], device=scores.device)
    later = torch.cat([scores[:, 1:], torch.full_like(scores[:, :1], -torch.inf)], 1)
    return torch.where(at >= opened.unsqueeze(1), later, scores)
