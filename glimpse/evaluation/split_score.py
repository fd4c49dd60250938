"""Score of an agent on a split: its error, with the 95 % interval over examples.

Axes: T steps, N examples.
"""

import math
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Score:
    """Error of an agent on a split, in percent.

    It is the percentage of wrong answers; an answer of several labels is wrong unless all of them are right. Where
    scores are predicted, it is 100 (1 - r) with Pearson's r. Without answers, it is what was missed of a reward of 1,
    which is more than 100 % if rewards are negative.

    error: error at the end of the episodes.
    low, high: 95 % interval over `episodes` independent examples: Wilson's, or Fisher's for r.
    after_glimpse: error if the answer after each number of glimpses, 1 to T, were the last.
    figures: further metrics of predicted scores, see `regression_metrics`, or of several labels, see `f1_of_counts`.
    """

    error: float
    low: float
    high: float
    episodes: int
    after_glimpse: list[float]
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def is_correlation(self) -> bool:
        """Whether the error is 100 (1 - r), of scores that are predicted."""
        return "pearson" in self.figures

    @property
    def chosen_by(self) -> float:
        """The error by which weights are chosen: of several labels 100 (1 - micro F1), which sees each of them."""
        return 100 * (1 - self.figures["micro_f1"]) if "micro_f1" in self.figures else self.error


def wilson_interval(wrong: float, episodes: int) -> tuple[float, float]:
    """Compute the 95 % interval, in percent, of a fraction `wrong` in [0, 1] of `episodes` (Wilson, 1927)."""
    z = 1.959964
    centre = wrong + z * z / (2 * episodes)
    spread = z * math.sqrt(wrong * (1 - wrong) / episodes + z * z / (4 * episodes * episodes))
    scale = 100 / (1 + z * z / episodes)
    # Exact at both ends, where rounding is not.
    low = (centre - spread) * scale if wrong > 0 else 0.0
    high = (centre + spread) * scale if wrong < 1 else 100.0
    return low, high


def normal_interval(missed: Tensor) -> tuple[float, float]:
    """Compute the 95 % interval, in percent, of the mean reward missed by (N,) examples; it may lie beyond [0, 100]."""
    spread = 1.959964 * float(missed.std()) / math.sqrt(len(missed))
    return 100 * (float(missed.mean()) - spread), 100 * (float(missed.mean()) + spread)


def score_of_errors(wrong: Tensor) -> Score:
    """Return the score of errors (T, N) after each glimpse, of which the last row counts."""
    rate, episodes = float(wrong[-1].mean()), wrong.shape[1]
    low, high = wilson_interval(rate, episodes) if 0 <= rate <= 1 else normal_interval(wrong[-1])
    return Score(100 * rate, low, high, episodes, [100 * float(error) for error in wrong.mean(1)])
