"""Curve of an agent that searches documents: what it finds and answers, against how many sentences it opens.

A number that is added to the logit of answering lets the same weights open fewer or more sentences. Axes: N questions,
S = T + 1 steps, C answers, P points.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.search_walk import WalkedSearch
from glimpse.evaluation.terminal_tables import TableConsole

OPENED = (1, 2, 3, 4, 8)
"""Mean numbers of opened sentences at which results are shown."""
_POINTS = 65
"""Most points of a curve."""


@dataclass(frozen=True)
class ExactPoint:
    """Means over questions when an agent may answer only after so many sentences, as rankings are measured.

    Where evidence is known for some questions only, `found` and `f1` are means over these.

    opened: sentences opened, fewer on average where questions have fewer.
    found: share of questions whose evidence is complete.
    accuracy: share of right answers.
    words: words read.
    f1: F1 of the opened sentences against the evidence.
    """

    opened: float
    found: float
    accuracy: float
    words: float
    f1: float

    @property
    def shown(self) -> tuple[float, ...]:
        """What a terminal shows, shares in percent."""
        return self.opened, 100 * self.found, 100 * self.accuracy, self.words


@dataclass(frozen=True)
class CurvePoint(ExactPoint):
    """Means over questions when a number, `bias`, is added to the logit of answering; `opened` is a mean, too."""

    bias: float

    @property
    def shown(self) -> tuple[float, ...]:
        """What a terminal shows, shares in percent."""
        return *super().shown, self.bias


@dataclass(frozen=True)
class SearchCurve:
    """What an agent that acts greedily finds and answers.

    own: with the logits as they are.
    points: with biases, by the mean number of opened sentences.
    sufficiency, comprehensiveness: drop in the probability of the class that is predicted from T sentences when the
        agent reads only those that it would open, and only the others of them (DeYoung et al., 2020).
    sentence_precision, sentence_recall, sentence_f1, token_f1: see `SentenceAgreement`; means over questions.
    exact: after each number of sentences, from 1, or all where a question has fewer; none in records of before.
    """

    own: CurvePoint
    points: list[CurvePoint]
    sufficiency: float
    comprehensiveness: float
    sentence_precision: float
    sentence_recall: float
    sentence_f1: float
    token_f1: float
    exact: list[ExactPoint] = field(default_factory=list)

    @property
    def firsts(self) -> dict[int, ExactPoint]:
        """Points of `exact` by the numbers of sentences at which results are shown."""
        return {count: point for count, point in enumerate(self.exact, 1) if count in OPENED}

    @property
    def shown_firsts(self) -> dict[str, ExactPoint]:
        """Those points by what tables call them."""
        return {
            f"exactly {count}" if point.opened == count else f"{count}, or all": point
            for count, point in self.firsts.items()
        }

    def at(self, opened: float) -> CurvePoint | None:
        """Return the means where so many sentences are opened on average, between two points; None beyond the curve."""
        if (between := self.between(opened)) is None:
            return None
        before, after, share = between
        return CurvePoint(
            *(one + share * (two - one) for one, two in zip(astuple(before), astuple(after), strict=True))
        )

    def between(self, opened: float) -> tuple[CurvePoint, CurvePoint, float] | None:
        """Return the points around a mean number of opened sentences, and how far it is from the first to the second.

        None beyond the curve.
        """
        for before, after in zip(self.points, self.points[1:], strict=False):
            if before.opened <= opened <= after.opened:
                return before, after, (opened - before.opened) / max(after.opened - before.opened, 1e-9)
        return None


def curve_of_record(record: Mapping[str, Any]) -> SearchCurve | None:
    """Return the curve in the record of an evaluation; None if it has none."""
    written = record.get("search_curve")
    if written is None:
        return None
    points = [CurvePoint(**point) for point in written["points"]]
    exact = [ExactPoint(**point) for point in written.get("exact", ())]
    return SearchCurve(**{**written, "own": CurvePoint(**written["own"]), "points": points, "exact": exact})


def curve_measures(record: Mapping[str, Any]) -> dict[str, float]:
    """Return metrics of the curve in a record, shares in percent; none if it has none.

    Those `at` a number are of searches that open so many sentences on average, and those of the `first` ones of
    searches that open exactly so many.
    """
    curve = curve_of_record(record)
    if curve is None:
        return {}
    own = curve.own
    found = {"found_greedy": own.found, "accuracy_greedy": own.accuracy}
    words = {"opened_greedy": own.opened, "words_greedy": own.words}
    for count in OPENED:
        if (point := curve.at(count)) is not None:
            found |= {f"{name}_at_{count}": getattr(point, name) for name in ("found", "accuracy", "f1")}
            words[f"words_at_{count}"] = point.words
    found |= {f"f1_first_{count}": point.f1 for count, point in curve.firsts.items()}
    found |= {name: getattr(curve, name) for name in _OF_SENTENCES}
    return {**{name: 100 * value for name, value in found.items()}, **words}


_OF_SENTENCES = ("sentence_f1", "token_f1", "sufficiency", "comprehensiveness")


def search_curve(walked: WalkedSearch) -> SearchCurve:
    """Compute the curve, and how far the answers rest on what is opened."""
    right = walked.belief.argmax(-1) == walked.label  # (S, N)
    real = walked.margin[walked.margin.isfinite()]
    quantiles = torch.linspace(0, 1, 4 * _POINTS)
    biases = -torch.quantile(_some(real), quantiles) if len(real) else torch.zeros(1)
    most = float(biases.max()) + 1 if len(real) else 1.0
    every = [
        _point(walked, right, float(bias)) for bias in (*biases.unique().flip(0).tolist(), float(biases.min()) - 1)
    ]
    points = _thinned(sorted({_point(walked, right, most), *every}, key=lambda point: (point.opened, -point.bias)))
    counts = range(1, int(walked.opened.max()) + 1 if walked.opened.numel() else 1)
    stops = [torch.full_like(walked.label, count) for count in counts]
    exact = [
        ExactPoint(float(walked.opened[count].double().mean()), *_means(walked, right, stop))
        for count, stop in zip(counts, stops, strict=True)
    ]
    precision, recall, f1, token_f1 = (float(column[walked.judged].double().mean()) for column in walked.agreement)
    own, faithfulness = _point(walked, right, 0.0), _faithfulness(walked)
    return SearchCurve(own, points, *faithfulness, precision, recall, f1, token_f1, exact)


def found_columns(walked: WalkedSearch, curve: SearchCurve) -> dict[str, NDArray[np.float32]]:
    """Return what is found for each question, (N,) by its name in `curve_measures`.

    `found_at_2` and so on: how often its evidence is complete at a mean number of opened sentences; `f1_first_2` and so
    on: F1 of the first sentences against its evidence. Between two points of the curve a question's
    number lies between 0 and 1, as if one of both biases were drawn; its mean over questions is the curve's.
    """
    columns = {}
    for count in OPENED:
        if (between := curve.between(count)) is not None:
            before, after, share = between
            one, two = (walked.found.gather(0, walked.stops(end.bias)[None])[0].float() for end in (before, after))
            columns[f"found_at_{count}"] = (one + share * (two - one)).numpy()
    firsts = {f"f1_first_{count}": walked.f1[count].float().numpy() for count in curve.firsts}
    return columns | firsts


def _some(margins: Tensor, most: int = 1_000_000) -> Tensor:
    """Return at most so many numbers, evenly spread; torch takes quantiles of no more than 16 million."""
    return margins[:: max(1, len(margins) // most)]


def _point(walked: WalkedSearch, right: Tensor, bias: float) -> CurvePoint:
    """Return the means over questions with a bias."""
    stop = walked.stops(bias)
    return CurvePoint(float(stop.double().mean()), *_means(walked, right, stop), bias)


def _means(walked: WalkedSearch, right: Tensor, stop: Tensor) -> tuple[float, float, float, float]:
    """Return the shares of complete evidence and of right answers, words, and F1, after (N,) sentences."""

    def mean(values: Tensor, of: Tensor) -> float:
        return float(values.gather(0, stop[None])[0][of].double().mean())

    every, judged = torch.ones_like(walked.marked), walked.judged
    return mean(walked.found, judged), mean(right, every), mean(walked.words, every), mean(walked.f1, judged)


def _thinned(points: list[CurvePoint]) -> list[CurvePoint]:
    """Return points whose numbers of sentences are apart, with the first and the last one."""
    apart = (points[-1].opened - points[0].opened) / _POINTS
    kept = points[:1]
    for point in points[1:-1]:
        if point.opened >= kept[-1].opened + apart:
            kept.append(point)
    return [*kept, *points[-1:]] if points[-1].opened > kept[-1].opened else kept


def _faithfulness(walked: WalkedSearch) -> tuple[float, float]:
    """Return sufficiency and comprehensiveness."""
    full = walked.belief[-1]
    predicted = full.argmax(-1, keepdim=True)
    alone = walked.belief.take_along_dim(walked.stops()[None, :, None], 0)[0]
    drops = [(full - other).gather(1, predicted).mean() for other in (alone, walked.without)]
    return float(drops[0]), float(drops[1])


def print_search_curve(curve: SearchCurve, milliseconds: float, batch: int) -> None:
    """Print what is found at a few mean numbers of opened sentences, and how far answers rest on it.

    Args:
        curve: the curve.
        milliseconds: time for a question.
        batch: questions that were searched at once then.
    """
    shown = {"as trained": curve.own, **{f"{count} on average": curve.at(count) for count in OPENED}}
    rows = [[name, *(f"{value:.2f}" for value in point.shown)] for name, point in shown.items() if point is not None]
    firsts = curve.shown_firsts.items()
    rows += [[name, *(f"{value:.2f}" for value in point.shown), ""] for name, point in firsts]
    columns = ["sentences opened", "opened", "evidence complete, %", "accuracy, %", "words", "bias"]
    TableConsole().print_table(
        columns,
        rows,
        title="greedy searches that answer earlier or later, by a number added to the logit of answering",
        optional=("bias", "words"),
        right=columns[1:],
        bordered=True,
        first_rows=1,
    )
    print_line("on average: between two such numbers, in proportion, where none gives it")
    print_line(
        f"opened sentences against the evidence: precision {100 * curve.sentence_precision:.1f} %, recall "
        f"{100 * curve.sentence_recall:.1f} %, F1 {100 * curve.sentence_f1:.1f} %; F1 of words "
        f"{100 * curve.token_f1:.1f} %"
    )
    print_line(
        f"drop in probability, percentage points: {100 * curve.sufficiency:.1f} with the opened sentences alone "
        f"(sufficiency), {100 * curve.comprehensiveness:.1f} without them (comprehensiveness)"
    )
    print_line(f"{milliseconds:.2f} ms for a question, {batch} at once")
