"""Tests of the choice of threads, on simulated machines whose rates are known."""

from collections.abc import Callable

import pytest

from glimpse.training.thread_choice import ThreadChoice

Rates = dict[int, float]
ALONE: Rates = {1: 45.0, 2: 65.0}  # RAM at batch 512, steps a second on two cores
SHARED: Rates = {1: 44.0, 2: 17.0}  # beside one busy process


def simulate(choice: ThreadChoice, seconds: float, rates: Rates, noise: Callable[[int], float] = lambda _: 1.0) -> int:
    """Let steps take their time, and return how many were made in some seconds."""
    spent, steps = 0.0, 0
    while spent < seconds:
        took = noise(steps) / rates[choice.threads]
        choice.took(took)
        spent, steps = spent + took, steps + 1
    return steps


@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("rates", [ALONE, SHARED])
def test_the_choice_is_near_the_best_of_both(start: int, rates: Rates) -> None:
    """From either start, alone or beside a busy process, the steps of a minute are within 10 % of the best setting."""
    choice = ThreadChoice(start, 2)
    assert simulate(choice, 60.0, rates) > 0.9 * 60.0 * max(rates.values())
    assert rates[choice.chosen] == max(rates.values())


def test_the_choice_follows_the_machine() -> None:
    """A process that comes is noticed in two seconds, and one that goes in ten."""
    choice = ThreadChoice(2, 2)
    simulate(choice, 30.0, ALONE)
    assert choice.chosen == 2
    simulate(choice, 4.0, SHARED)
    assert choice.chosen == 1
    assert simulate(choice, 30.0, SHARED) > 0.9 * 30 * SHARED[1]
    simulate(choice, 45.0, ALONE)
    assert choice.chosen == 2


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({1: 10.0, 2: 18.0, 4: 30.0, 8: 40.0}, 8),
        ({1: 10.0, 2: 18.0, 4: 20.0, 8: 15.0}, 4),
        ({1: 9.0, 2: 8, 4: 7, 8: 6}, 1),
    ],
)
def test_more_cores_are_searched_by_halves(rates: Rates, best: int) -> None:
    """With eight cores the fastest of 1, 2, 4 and 8 threads is found from the largest."""
    choice = ThreadChoice(8, 8)
    simulate(choice, 5.0, rates)
    assert choice.chosen == best


def test_a_number_of_cores_that_is_no_power_of_two_is_used() -> None:
    """Six threads are tried on six cores, and never more."""
    choice = ThreadChoice(1, 6)
    simulate(choice, 20.0, {number: 10.0 * number for number in range(1, 7)})
    assert choice.chosen == 6


def test_uneven_steps_do_not_move_the_choice() -> None:
    """Steps of texts, whose lengths differ by a factor of three, leave the better number in use nearly all the time."""
    choice = ThreadChoice(2, 2)
    steps = simulate(choice, 120.0, ALONE, noise=lambda step: 0.5 + (step * 7 % 11) / 10)
    assert steps > 0.93 * 120 * ALONE[2]


def test_a_crowded_machine_costs_little() -> None:
    """Where two threads are 25 times slower than one, trying them takes two steps, and a crowd is noticed at once."""
    crowd = {1: 15.0, 2: 0.6}
    choice = ThreadChoice(1, 2)
    assert simulate(choice, 60.0, crowd) > 0.75 * 60 * crowd[1]
    choice = ThreadChoice(2, 2)
    simulate(choice, 10.0, ALONE)
    assert choice.chosen == 2
    simulate(choice, 5.0, crowd)
    assert choice.chosen == 1


def test_more_threads_are_not_tried_without_a_free_core() -> None:
    """While the system tells that no other core is free, no step is spent on a trial."""
    choice = ThreadChoice(1, 2, free=lambda: 1.2)
    simulate(choice, 2.0, SHARED)
    used = set()
    for _ in range(3000):
        choice.took(1 / SHARED[choice.threads])
        used.add(choice.threads)
    assert used == {1}


def test_one_core_leaves_nothing_to_choose() -> None:
    """With one core there is one thread, whatever the durations."""
    choice = ThreadChoice(1, 1)
    assert not any(choice.took(seconds) for seconds in (1.0, 100.0, 0.001) * 20)
    assert choice.chosen == 1
