"""Estimate of what a selection hides: sequences of answers of which only those that end right were kept.

Answers are taken for a Markov chain with two states. From one look to the next a wrong answer becomes right with the
probability h, a right one wrong with the probability f; both are the same at each look, or their logits change linearly
from look to look. The likelihood is that of the kept sequences, given that these end right, so that sequences that are
missing do not bias it. Where some examples stay hard to the end, sequences differ in h, and fewer are estimated to be
missing than are.

Axes: S sequences, T looks.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SelectionEstimate:
    """What was left out, and what accuracy was without the selection.

    left_out: share of all sequences that was left out, since they ended wrong.
    right_after: share of right answers after each of T looks in all sequences.
    """

    left_out: float
    right_after: list[float]


def estimate_selection(right: Tensor, *, changing: bool) -> SelectionEstimate:
    """Estimate from sequences that end right what all sequences were like.

    Args:
        right: (S, T) bool, whether the answer after each look was right; the last one always is.
        changing: whether h and f change from look to look.

    Raises:
        ValueError: if a sequence ends wrong, or there is none of two looks.
    """
    if not len(right) or right.shape[1] < 2 or not right[:, -1].all():
        raise ValueError("expected sequences of two looks or more, all of which end right")
    steps = _fitted_steps(_transitions(right), changing)
    shares = right.double().mean(0)
    after = [_in_all(float(share), ends) for share, ends in zip(shares[:-1], _ends_right(steps)[:-1], strict=True)]
    (_, mended), (_, kept) = steps[-1].tolist()
    after.append(after[-1] * kept + (1 - after[-1]) * mended)
    return SelectionEstimate(1 - after[-1], after)


def _transitions(right: Tensor) -> Tensor:
    """Count the transitions from each look to the next: (T - 1, 2, 2) float64, from and to wrong (0) or right (1)."""
    pair = 2 * right[:, :-1].long() + right[:, 1:].long()
    return torch.stack([(pair == kind).sum(0) for kind in range(4)], -1).view(-1, 2, 2).double()


def _fitted_steps(counts: Tensor, changing: bool) -> Tensor:
    """Return the likeliest probabilities of each transition, (T - 1, 2, 2), from and to wrong or right."""
    logits = torch.tensor([[-1.0, -2.0], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)  # Of h and f; slopes.
    optimiser = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        with torch.enable_grad():
            loss = -_log_likelihood(counts, _steps(logits, len(counts), changing)) / counts.sum()
        loss.backward()
        return float(loss.detach())

    optimiser.step(closure)
    return _steps(logits.detach(), len(counts), changing)


def _steps(logits: Tensor, count: int, changing: bool) -> Tensor:
    """Return the probabilities of transitions (count, 2, 2) by the logits of h and f and their slopes, (2, 2)."""
    time = torch.linspace(-0.5, 0.5, count, dtype=torch.float64) * changing
    mended, lost = torch.sigmoid(logits[0] + time[:, None] * logits[1]).T
    return torch.stack([1 - mended, mended, lost, 1 - lost], -1).view(-1, 2, 2)


def _ends_right(steps: Tensor) -> list[Tensor]:
    """Return the probabilities to end right from wrong and from right, (2,), after each of T looks."""
    ends = [torch.tensor([0.0, 1.0], dtype=torch.float64)]
    for step in steps.flip(0):
        ends.append(step @ ends[-1])
    return ends[::-1]


def _log_likelihood(counts: Tensor, steps: Tensor) -> Tensor:
    """Return the log-likelihood, a scalar, of counted transitions (T - 1, 2, 2), given that all sequences end right."""
    ends = _ends_right(steps)
    total = counts.new_zeros(())
    for count, step, before, after in zip(counts, steps, ends[:-1], ends[1:], strict=True):
        given = step * after / before[:, None]
        total = total + (count * given.clamp(min=1e-12).log()).sum()
    return total


def _in_all(share: float, ends: Tensor) -> float:
    """Return the share of right answers in all sequences, given that in the kept ones, by Bayes' rule."""
    wrong, right = ends.tolist()
    return float(share * wrong / max(right - share * right + share * wrong, 1e-12))
