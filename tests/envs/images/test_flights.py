"""Tests of the flights of balls: paths by hand, and the random draws."""

from typing import Any

import pytest
import torch

from glimpse.envs.images.catch_options import SUBPIXELS, CatchOptions
from glimpse.envs.images.flights import Flights
from glimpse.envs.lane_random import mix


def _options(**options: Any) -> CatchOptions:
    return CatchOptions.model_validate({"name": "catch", **options})


def _path(column: float, row: int, sideways: float, steps: int, **options: Any) -> list[tuple[int, int]]:
    """Return the column and row of a ball after 0 to `steps` steps."""
    checked = _options(**options)
    numbers = [round(column * SUBPIXELS), row * SUBPIXELS, round(sideways * SUBPIXELS), checked.fall, 0]
    time = torch.arange(steps + 1)
    columns, rows = Flights(checked).locate(torch.tensor([numbers]).expand(len(time), -1), time)
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


@pytest.mark.parametrize(
    ("begin", "options", "path"),
    [
        # Straight down, and no farther than the last row.
        ((3, 2, 0), {}, [(3, 2), (3, 3), (3, 4), (3, 5), (3, 5)]),
        # A pixel a step, off the right wall and off the left wall.
        ((4, 0, 1), {}, [(4, 0), (5, 1), (4, 2), (3, 3), (2, 4), (1, 5)]),
        ((1, 0, -1), {}, [(1, 0), (0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]),
        # Half a pixel a step: drawn in the nearest column.
        ((4, 0, 0.5), {}, [(4, 0), (5, 1), (5, 2), (5, 3), (4, 4), (4, 5)]),
        # Off both walls: 4 -> 7 is folded to 3, 10 to 0, 13 to 3 off the left wall, and so on.
        ((4, 0, 3), {}, [(4, 0), (3, 1), (0, 2), (3, 3), (4, 4), (1, 5)]),
        ((1, 0, -3), {}, [(1, 0), (2, 1), (5, 2), (2, 3), (1, 4), (4, 5)]),
        # Two rows a step end beyond the last row, which is where the ball stops.
        ((0, 0, 0), {"ball_speed": 2}, [(0, 0), (0, 2), (0, 4), (0, 5)]),
        # Half a row a step: drawn in the row that it has reached.
        ((0, 3, 0), {"ball_speed": 0.5}, [(0, 3), (0, 3), (0, 4), (0, 4), (0, 5)]),
    ],
)
def test_paths_by_hand(begin: tuple[float, int, float], options: dict[str, Any], path: list[tuple[int, int]]) -> None:
    """Balls on a screen of 6 x 6 bounce, land and stay as expected."""
    assert _path(*begin, steps=len(path) - 1, screen=6, start_rows=1, **options) == path


def test_draws_are_uniform_within_their_limits() -> None:
    """Columns, rows and speeds are uniform; the two columns at the walls are half as wide as the others."""
    flight = Flights(_options(sideways=0.5)).draw(mix(torch.tensor(0), torch.arange(46_000)))
    across, row = flight[:, 0] / SUBPIXELS, flight[:, 1] / SUBPIXELS
    velocity, column = flight[:, 2] / SUBPIXELS, flight[:, 4]
    assert 0 <= across.min() < 0.01 and 22.99 < across.max() <= 23
    assert -0.5 <= velocity.min() < -0.499 and 0.499 < velocity.max() <= 0.5
    begun = torch.bincount((across + 0.5).long())
    assert len(begun) == 24
    expected = torch.tensor([1000.0, *[2000.0] * 22, 1000.0])
    assert ((begun - expected) / expected.sqrt()).abs().max() < 4
    assert ((torch.bincount(row.long()) - 46_000 / 6) / (46_000 / 6) ** 0.5).abs().max() < 4
    assert abs(float(velocity.mean())) < 4 * 0.289 / 46_000**0.5
    # Bounces keep a uniform distribution of columns uniform.
    assert ((torch.bincount(column, minlength=24) - expected) / expected.sqrt()).abs().max() < 4
    assert abs(float(torch.corrcoef(torch.stack([across, velocity]))[0, 1])) < 0.02


def test_the_column_where_a_ball_lands() -> None:
    """The column is that of the first step in which the ball is in the last row."""
    options = _options(ball_speed=0.7, sideways=2.5)
    flights = Flights(options)
    flight = flights.draw(mix(torch.tensor(1), torch.arange(200)))
    down = torch.zeros(200, dtype=torch.bool)
    for time in range(options.steps + 1):
        column, row = flights.locate(flight, torch.full((200,), time))
        first = (row == 23) & ~down
        assert torch.equal(column[first], flight[first, 4])
        down |= first
    assert down.all()


@pytest.mark.parametrize(
    ("speed", "steps"), [(1, 23), (2, 12), (0.5, 46), (1 / 3, 69), (0.7, 33), (0.05, 460), (1.5, 16)]
)
def test_the_longest_fall(speed: float, steps: int) -> None:
    """A fall from row 0 to row 23 takes 23 / speed steps, rounded up."""
    options = _options(ball_speed=speed, start_rows=1)
    assert options.steps == steps
    assert _path(0, 0, 0, steps, ball_speed=speed, start_rows=1)[-2:] == [(0, 22), (0, 23)]
