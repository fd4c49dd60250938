"""Held-out examples and folds are always the same ones."""

import numpy as np
import pytest

from glimpse.envs.data.splits import fold, hold_out
from glimpse.envs.errors import DataError


@pytest.mark.parametrize(("count", "share", "held"), [(60_000, 10, 6_000), (1_797, 5, 359), (2, 10, 1), (19, 10, 1)])
def test_each_example_is_kept_or_held_out(count: int, share: int, held: int) -> None:
    """No example is lost or in both, and at least one is held out."""
    kept, out = hold_out(count, share, "toy")
    assert len(out) == held
    assert sorted([*kept, *out]) == list(range(count))
    assert (np.diff(kept) > 0).all() and (np.diff(out) > 0).all()


def test_held_out_examples_never_change() -> None:
    """Another choice would move validation images of old runs into training."""
    assert hold_out(10, 5, "toy")[1].tolist() == [4, 9]


def test_one_example_cannot_be_divided() -> None:
    """One example has to be kept and one held out."""
    with pytest.raises(DataError, match="toy: at least two training examples.*got 1. Add examples.*task.validation"):
        hold_out(1, 10, "toy")


@pytest.mark.parametrize("count", [10, 23, 10_662])
def test_folds_share_nothing_and_leave_nothing_out(count: int) -> None:
    """Each example is held out once, and the folds are as equal as they can be."""
    divided = [fold(count, number, "toy") for number in range(10)]
    for kept, held in divided:
        assert sorted([*kept, *held]) == list(range(count))
        assert len(held) in (count // 10, -(-count // 10))
    assert sorted(index for _, held in divided for index in held) == list(range(count))


def test_folds_never_change() -> None:
    """Results of single folds, made at different times, belong to one cross-validation."""
    assert fold(20, 3, "toy")[1].tolist() == [14, 16]


def test_fewer_than_ten_examples_make_no_folds() -> None:
    """One of the ten folds would be empty."""
    with pytest.raises(DataError, match="toy: at least ten examples.*got 9. Add examples.*task.test=file:PATH"):
        fold(9, 0, "toy")
