"""Similarity of two scanpaths by ScanMatch: alignment that tolerates looks that are added or left out.

Cristino et al. (2010), "ScanMatch: a novel method for comparing fixation sequences", Behavior Research Methods 42.

Axes: S pairs of scanpaths, L looks of one, R looks of the other.
"""

import torch
from torch import Tensor


def scanpath_match(one: Tensor, other: Tensor, threshold: float) -> Tensor:
    """Return ScanMatch's score of pairs of scanpaths: 1 for equal ones, 0 for those with nothing in common.

    Looks at a distance d of each other score 1 - d / threshold, and a look that is left out scores 0; the best
    alignment in which order is kept (Needleman and Wunsch, 1970) is divided by the longer number of looks. The paper
    rounds locations to the cells of a grid; here the locations themselves are compared.

    Args:
        one: (S, L, 2), locations in any unit.
        other: (S, R, 2), in the same unit.
        threshold: distance from which on two looks have nothing in common.

    Returns:
        (S,) float32 in [0, 1].
    """
    score = 1 - torch.cdist(one.float(), other.float()) / threshold  # (S, L, R)
    pairs, left, right = score.shape
    before = score.new_zeros(right + 1, pairs)  # Best scores of the looks so far, with 0 to R of the other's.
    for row in range(left):
        best = [before[0]]
        for column in range(right):
            matched = before[column] + score[:, row, column]
            best.append(torch.maximum(matched, torch.maximum(before[column + 1], best[column])))
        before = torch.stack(best)
    return before[right] / max(left, right)


def usual_amplitude(paths: Tensor) -> float:
    """Return ScanMatch's threshold: twice the standard deviation of the distances from look to look, (S, L, 2)."""
    return 2 * float(paths.float().diff(dim=1).norm(dim=-1).std())
