"""Statistics of a whole split of texts: the answers, and the spread of attention.

Axes: E texts, L words, S sentences, R hops, N classes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.text.reader import Reader
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.text.vocabulary import UNKNOWN
from glimpse.envs.text.whole_text import WholeText
from glimpse.evaluation.scores import evaluation_keys
from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import play

_GROUPS = 8
"""Number of groups of texts of about the same length."""


class Spread(NamedTuple):
    """Spread of attention over words, hops or sentences, the mean over texts.

    attended: exp of the weights' entropy, the effective number of parts.
    parts: number of parts.
    """

    attended: float
    parts: float


@dataclass(frozen=True)
class TextSurvey:
    """Statistics of E texts.

    example: (E,), indices in the split.
    length: (E,), number of words; of pairs, of both texts together.
    true: (E,), true classes or scores; or (E, N), several labels as 0 and 1.
    given: (E,), predicted classes or scores; or (E, N), the labels that are given.
    confidence: (E,), probability of the answer; 1 if the answer is a score.
    unknown: share of words outside the vocabulary.
    spread: spread of attention by kind of part: words, hops or sentences; empty without attention.
    overlap: mean cosine between the weights of two hops, if there are hops.
    """

    example: NDArray[np.int64]
    length: NDArray[np.int64]
    true: NDArray[np.float64]
    given: NDArray[np.float64]
    confidence: NDArray[np.float64]
    unknown: float
    spread: dict[str, Spread]
    overlap: float | None

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """(E,) bool, whether the class is wrong, or one of the labels."""
        wrong: NDArray[np.bool_] = (self.true != self.given).reshape(len(self.true), -1).any(1)
        return wrong

    @property
    def miss(self) -> NDArray[np.float64]:
        """(E,), absolute error of the score."""
        miss: NDArray[np.float64] = np.abs(self.true - self.given)
        return miss


def survey_texts(agent: Reader, env: WholeText, example: list[int], options: EvaluateOptions) -> TextSurvey:
    """Let the agent read many examples of the environment's split, as in an evaluation."""
    numbers = torch.tensor(example, device=env.device)
    # Texts of similar length share a batch, since a batch is as long as its longest text.
    order = torch.argsort(env.lengths[numbers.cpu()], stable=True).to(env.device)
    columns: dict[str, list[Tensor]] = {}
    for some in numbers[order].split(options.batch):
        for name, column in _batch_statistics(agent, env, some, options).items():
            columns.setdefault(name, []).append(column.cpu().double())
    back = torch.argsort(order).cpu()
    found = {name: torch.cat(column)[back] for name, column in columns.items()}
    words = found["length"].sum().clamp(min=1)
    parts = [name.removeprefix("attended ") for name in found if name.startswith("attended ")]
    return TextSurvey(
        np.array(example),
        found["length"].long().numpy(),
        found["true"].numpy(),
        found["given"].numpy(),
        found["confidence"].numpy(),
        float(found["unknown"].sum() / words),
        {name: Spread(float(found[f"attended {name}"].mean()), float(found[f"parts {name}"].mean())) for name in parts},
        float(found["overlap"].mean()) if "overlap" in found else None,
    )


def _batch_statistics(agent: Reader, env: WholeText, example: Tensor, options: EvaluateOptions) -> dict[str, Tensor]:
    """Return the columns of the survey for one batch, each (B,)."""
    keys, kind = evaluation_keys(env, options)[example], env.device.type
    with torch.autocast(kind, torch.bfloat16, enabled=use_bfloat16(options.precision, env.device)):
        episode = play(env, agent, example, keys, greedy=True, record=True)
    first = episode.observation["text"][0]
    texts = [text[0].flatten(1) for text in episode.observation.values()]
    belief = episode.belief[0]
    if env.scores is not None:
        given, confidence = episode.action["score"][0], torch.ones(len(example))
    elif env.many:
        given, confidence = episode.action["labels"][0], torch.maximum(belief, 1 - belief).prod(-1)
    else:
        confidence, given = belief.max(-1)
    return {
        "length": torch.stack([(text != 0).sum(1) for text in texts]).sum(0),
        "unknown": torch.stack([(text == UNKNOWN).sum(1) for text in texts]).sum(0),
        "true": episode.label,
        "given": given,
        "confidence": confidence,
        **_spreads({name: weights[0].float() for name, weights in episode.activations.items()}, first),
    }


def _spreads(weights: dict[str, Tensor], text: Tensor) -> dict[str, Tensor]:
    """Return the spread of the weights of texts (B, L) or (B, S, L), each (B,)."""
    words = (text != 0).sum(-1).float()
    sentences = (words > 0).sum(-1).float()
    parts = {"tokens": words, "hops": words, "sentences": sentences}
    if "words" in weights:
        parts["words"] = words.sum(-1) / sentences.clamp(min=1)
    found = {}
    for name in (name for name in parts if name in weights):
        found[f"attended {name}"], found[f"parts {name}"] = _effective_number(weights[name]), parts[name]
    if "hops" in weights:
        found["overlap"] = hop_overlap(weights["hops"])
    return found


def _effective_number(weights: Tensor) -> Tensor:
    """Return exp of the entropy of rows (B, ..., L): (B,), the mean over rows that are not empty."""
    total = weights.sum(-1, keepdim=True)
    share = weights / total.clamp(min=1e-9)
    there = total.squeeze(-1).gt(0).float().reshape(len(weights), -1)
    attended = (-torch.xlogy(share, share).sum(-1)).exp().reshape(len(weights), -1)
    return (attended * there).sum(1) / there.sum(1).clamp(min=1)


def hop_overlap(hops: Tensor) -> Tensor:
    """Return the mean cosine between two different hops: (B, R, L) -> (B,), 0 for a single hop."""
    count = hops.shape[1]
    unit = torch.nn.functional.normalize(hops, dim=-1)
    cosine = unit @ unit.transpose(1, 2)
    own = cosine.diagonal(dim1=1, dim2=2).sum(-1)
    mean: Tensor = (cosine.sum((1, 2)) - own) / max(1, count * (count - 1))
    return mean


def error_by_length_chart(found: TextSurvey, scores: bool, mode: str = "") -> Chart | None:
    """Return the chart of the error over text length: wrong answers in percent, or the mean error of scores.

    `mode` says how the agent read, behind a comma. There is no chart where all texts are of one length.
    """
    edges = np.unique(np.quantile(found.length, np.linspace(0, 1, _GROUPS + 1)[1:-1]))
    group = np.searchsorted(edges, found.length, side="left")
    points = []
    for number in np.unique(group):
        chosen = group == number
        error = found.miss[chosen].mean() if scores else 100 * found.wrong[chosen].mean()
        points.append((float(found.length[chosen].mean()), float(error)))
    if len(points) < 2:
        return None
    what = "mean absolute error" if scores else "error, %"
    return Chart(f"Validation {what}, by length{mode}", "words of the text", (Series("error", tuple(points)),))


def label_counts(found: TextSurvey) -> NDArray[np.int64]:
    """Return how often each label is given rightly, left out wrongly, and given wrongly: (N, 3)."""
    given, true = found.given > 0, found.true > 0
    return np.stack([(given & true).sum(0), (~given & true).sum(0), (given & ~true).sum(0)], 1)


def confusion(found: TextSurvey, classes: int) -> NDArray[np.int64]:
    """Return the confusion matrix (N, N): counts by true class (row) and answer (column)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (found.true.astype(np.int64), found.given.astype(np.int64)), 1)
    return counts
