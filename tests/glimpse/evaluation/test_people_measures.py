"""Measures of a comparison with people, on numbers worked by hand."""

import math

import pytest
import torch
from torch import Tensor

from glimpse.evaluation.information_gain import (
    blurred,
    counted_looks,
    information_gain,
    without_group,
    without_own,
)
from glimpse.evaluation.saliency_looks import saliency_looks, window_variance
from glimpse.evaluation.scanpath_match import scanpath_match, usual_amplitude
from glimpse.evaluation.selected_sequences import estimate_selection


def paths(*paths: list[tuple[float, float]]) -> Tensor:
    """Return scanpaths as a tensor."""
    return torch.tensor(paths)


def test_scanpath_match_by_hand() -> None:
    """Equal paths score 1; at half the threshold each look scores 1/2; a look that is left out scores 0."""
    one = paths([(0, 0), (4, 0), (4, 3)])
    assert scanpath_match(one, one, 2.0).tolist() == [1.0]
    assert scanpath_match(one, one + torch.tensor([0.0, 1.0]), 2.0).tolist() == [0.5]
    assert scanpath_match(one, one + 100, 2.0).tolist() == [0.0]
    # The second look is missing in the other: two of three looks are aligned.
    assert scanpath_match(one, one[:, [0, 2]], 2.0).tolist() == pytest.approx([2 / 3])
    # Order counts: of two looks in the other order only one can be aligned.
    assert scanpath_match(paths([(0, 0), (9, 9)]), paths([(9, 9), (0, 0)]), 2.0).tolist() == [0.5]
    # Distances 0 and 5 have the deviation 5 / sqrt(2).
    assert usual_amplitude(paths([(0, 0), (0, 0), (3, 4)])) == pytest.approx(2 * 5 / math.sqrt(2))


def test_looks_are_counted_at_their_pixels() -> None:
    """(-1, -1) is the first pixel, (1, 1) the last; those of others and of other groups are sums less one's own."""
    counts = counted_looks(torch.tensor([[[-1.0, -1.0], [0.1, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[0.1, 0.1]] * 2]), 2)
    assert counts.tolist() == [[[1, 1], [0, 0]], [[0, 0], [0, 2]], [[0, 0], [0, 2]]]
    group = torch.tensor([0, 0, 1])
    assert without_own(counts, group).tolist() == [[[0, 0], [0, 2]], [[1, 1], [0, 0]], [[0, 0], [0, 0]]]
    assert without_group(counts, group).tolist() == [[[0, 0], [0, 2]]] * 2 + [[[1, 1], [0, 2]]]


def test_densities_sum_to_one() -> None:
    """A blur moves mass and loses none, also at the border; a map without looks stays empty."""
    density = blurred(torch.eye(9)[None] * 3, 2.0)
    assert float(density.sum()) == pytest.approx(1) and density[0, 0, 0] > density[0, 0, 8]
    assert float(blurred(torch.zeros(1, 4, 4), 1.0).sum()) == 0


def test_a_map_that_knows_more_gains_bits() -> None:
    """Looks are at one of two corners by picture, elsewhere at both: a map of the corner tells just under a bit."""
    corner = torch.zeros(4, 12, 12)
    corner[0::2, 1, 1] = corner[1::2, 10, 10] = 5.0
    both = corner[:1] + corner[1:2]
    fold = torch.tensor([True, True, False, False])
    gain = information_gain(corner, both.expand(4, -1, -1), corner, fold)
    assert 0.7 < gain < 1.0
    assert information_gain(corner, both.expand(4, -1, -1), both.expand(4, -1, -1), fold) == pytest.approx(0, abs=0.02)
    assert information_gain(corner, both.expand(4, -1, -1), corner.flip(0), fold) < 0


def test_window_variance_and_saliency_by_hand() -> None:
    """A 3x3 window with one white pixel of nine has the variance 8/81; later looks keep their distance."""
    picture = torch.zeros(1, 1, 9, 9, dtype=torch.uint8)
    picture[0, 0, 2, 6] = picture[0, 0, 6, 2] = 255
    picture[0, 0, 6, 3] = 255
    variance = window_variance(picture, 3)
    assert variance[0, 2, 6].item() == pytest.approx(8 / 81) and variance[0, 6, 2].item() == pytest.approx(14 / 81)
    looks = saliency_looks(picture, 3, torch.zeros(2), 3)
    middles = ((looks[:, 0] + 1) / 2 * 9).long().tolist()  # (column, row)
    assert middles[0] == [2, 5]  # The first of the windows with both pixels.
    distance = (torch.tensor(middles)[:, None] - torch.tensor(middles)).abs().amax(-1)
    assert bool((distance[~torch.eye(3, dtype=torch.bool)] > 1).all())


def chain(count: int, first: float, mended: float, lost: float, looks: int) -> Tensor:
    """Return sequences of right and wrong answers by a Markov chain."""
    generator = torch.Generator().manual_seed(7)
    drawn = torch.rand(count, looks, generator=generator)
    right = [drawn[:, 0] < first]
    for look in range(1, looks):
        right.append(torch.where(right[-1], drawn[:, look] >= lost, drawn[:, look] < mended))
    return torch.stack(right, 1)


@pytest.mark.parametrize("changing", [False, True])
def test_a_selection_is_found_in_what_it_kept(changing: bool) -> None:
    """Of sequences by known chances, those that end right tell how many did not, and what the curve was."""
    right = chain(20_000, 0.3, 0.2, 0.03, 6)
    kept = right[right[:, -1]]
    found = estimate_selection(kept, changing=changing)
    missing = 1 - len(kept) / len(right)
    assert missing > 0.25 and found.left_out == pytest.approx(missing, abs=0.04)
    assert found.right_after == pytest.approx(right.double().mean(0).tolist(), abs=0.04)
    assert float(kept[:, 3].double().mean()) > found.right_after[3] + 0.1


def test_nothing_is_left_out_where_nothing_is_wrong() -> None:
    """Answers that are right throughout leave no room for others; sequences that end wrong are refused."""
    found = estimate_selection(torch.ones(50, 4, dtype=torch.bool), changing=False)
    assert found.right_after[:3] == [1, 1, 1] and found.left_out < 0.05
    with pytest.raises(ValueError, match="all of which end right"):
        estimate_selection(torch.zeros(2, 3, dtype=torch.bool), changing=True)
