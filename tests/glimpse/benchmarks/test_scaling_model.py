"""Tests of the model of more machines: sums in a ring, and runs on nodes that fail, by hand."""

import math

import pytest

from glimpse.benchmarks.scaling_model import Cluster, UpdateCosts, line_through, simulate_runs


def test_an_update_by_hand() -> None:
    """2 s, 0.01 s an example; four ranks exchange 6 messages of 0.1 s and of a fourth of 800 bytes at 0.001 s each."""
    costs = UpdateCosts(2.0, 0.01, 0.1, 0.001)
    assert costs.update(100, 1, 800) == pytest.approx(3.0)
    assert costs.exchange(4, 800) == pytest.approx(6 * (0.1 + 0.2))
    assert costs.update(100, 4, 800) == pytest.approx(2 + 0.25 + 1.8)
    assert costs.update(10, 4, 0) == pytest.approx(2 + 0.03 + 0.6)  # The largest share has three examples.


def test_costs_are_the_line_through_two_measurements() -> None:
    """What is measured wrongly, a larger batch that is faster, gives no negative cost."""
    assert line_through((100.0, 3.0), (300.0, 5.0)) == pytest.approx((2.0, 0.01))
    assert line_through((100.0, 3.0), (300.0, 2.0)) == (3.0, 0.0)


def test_without_failures_runs_take_turns() -> None:
    """Seven runs of 10 s on three nodes are three rounds, each with a start of 1 s."""
    outcome = simulate_runs(Cluster(3, math.inf, 1.0, 5.0), 7, 10.0)
    assert outcome.seconds == pytest.approx(33.0) and outcome.lost == 0


def test_a_failure_costs_what_was_not_saved_and_a_start() -> None:
    """Time is the training, the starts and what was lost; the more seldom runs are saved, the more is lost."""
    cluster = Cluster(1, 50.0, 2.0, 10.0)
    outcome = simulate_runs(cluster, 40, 100.0, seed=3)
    trained = 40 * 100.0
    lost = trained * outcome.lost / (1 - outcome.lost)
    starts = (outcome.seconds - trained - lost) / 2.0
    assert starts == pytest.approx(round(starts)) and starts > 40 + 40
    # An exponential time loses, of each ten seconds that it ends in, a bit less than half on average.
    assert 4 < lost / (starts - 40) < 5.2
    assert simulate_runs(cluster, 40, 100.0, seed=3) == outcome != simulate_runs(cluster, 40, 100.0, seed=4)
    seldom = simulate_runs(Cluster(1, 50.0, 2.0, 40.0), 40, 100.0, seed=3)
    assert seldom.lost > outcome.lost
