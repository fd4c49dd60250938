"""Tests of the random numbers from (key, counter), against Python integers and simple statistics."""

import math
from collections.abc import Callable
from statistics import NormalDist

import pytest
import torch
from torch import Tensor

from glimpse.envs.lane_random import (
    draw_example,
    draw_example_of_one,
    integer_of_one,
    integers,
    mix,
    mix_of_one,
    normal,
    uniform,
    uniform_of_one,
)

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
_ODD = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)

# The first numbers of SplitMix64 from seed 1234567, widely published to check ports of it.
_PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def _splitmix(seed: int, number: int) -> int:
    """Compute the hash in unsigned Python integers."""
    bits = (seed + (number + 1) * _GOLDEN) & _MASK
    bits = ((bits ^ (bits >> 30)) * _ODD[0]) & _MASK
    bits = ((bits ^ (bits >> 27)) * _ODD[1]) & _MASK
    return bits ^ (bits >> 31)


def _key_of(hashed: int) -> Tensor:
    """Invert the hash: return the key whose first draw is `hashed`."""
    bits = hashed
    for shift, odd in ((31, _ODD[1]), (27, _ODD[0]), (30, 1)):
        whole = bits
        for _ in range(64 // shift):
            whole = bits ^ (whole >> shift)
        bits = (whole * pow(odd, -1, 2**64)) & _MASK
    return torch.tensor(_signed(bits - _GOLDEN))


def _signed(bits: int) -> int:
    return (bits + 2**63) % 2**64 - 2**63


def _chi_square(counts: Tensor) -> float:
    """Compute the chi-square statistic of equally likely outcomes, in its own standard deviations from its mean."""
    expected = counts.sum() / len(counts)
    freedom = len(counts) - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom))


def test_draws_of_a_key_are_the_published_splitmix64_sequence() -> None:
    """Counter n gives the n-th number of the generator seeded with the key."""
    drawn = mix(torch.tensor(1234567), torch.arange(5))
    assert [number % 2**64 for number in drawn.tolist()] == _PUBLISHED


@pytest.mark.parametrize("counter", [0, 1, 2**31, 2**62, 2**63 - 1, -1, -2, -(2**63)])
def test_mix_equals_the_hash_in_python_integers(counter: int) -> None:
    """Sums and products wrap as expected, and the counter may be a number or a tensor."""
    keys = [0, 1, -1, 2**31, 2**63 - 1, -(2**63), 987654321987654321]
    expected = [_signed(_splitmix(key, counter)) for key in keys]
    assert mix(torch.tensor(keys), counter).tolist() == expected
    assert mix(torch.tensor(keys), torch.tensor(counter)).tolist() == expected


def test_mix_broadcasts() -> None:
    """Keys (2, 1) and counters (3,) give (2, 3)."""
    mixed = mix(torch.tensor([[5], [6]]), torch.arange(3))
    assert mixed.tolist() == [[_signed(_splitmix(key, count)) for count in range(3)] for key in (5, 6)]


def test_numbers_are_the_top_bits_of_the_hash() -> None:
    """A uniform number takes 24 bits, a normal one 23 (by inversion), an integer 32."""
    key, bits = torch.tensor([7, -7]), [[_splitmix(key, count) for count in range(4)] for key in (7, -7)]
    assert uniform(key, 4).tolist() == [[each / 2**24 for each in (b >> 40 for b in row)] for row in bits]
    assert integers(key, 4, 10).tolist() == [[(b >> 32) * 10 // 2**32 for b in row] for row in bits]
    expected = [[NormalDist().inv_cdf(((b >> 41) + 0.5) / 2**23) for b in row] for row in bits]
    torch.testing.assert_close(normal(key, 4), torch.tensor(expected), rtol=1e-4, atol=1e-6)


def test_extreme_hashes_stay_within_the_ranges() -> None:
    """Hashes of all zeros or all ones never give 1, `below` or infinity."""
    ends = torch.stack([_key_of(0), _key_of(_MASK)])
    assert mix(ends, 0).tolist() == [0, -1]
    assert uniform(ends, 1).tolist() == [[0.0], [1 - 2**-24]]
    for below in (1, 2, 10, 2**31):
        assert integers(ends, 1, below).tolist() == [[0], [below - 1]]
    low, high = normal(ends, 1)[:, 0].tolist()
    assert low == -high
    assert high == pytest.approx(-NormalDist().inv_cdf(2**-24), abs=0.02)


def test_limits_may_differ_from_number_to_number() -> None:
    """A tensor of limits broadcasts, and every value below each limit is drawn."""
    drawn = integers(torch.arange(500), 2, torch.tensor([3, 5]))
    assert [set(column.tolist()) for column in drawn.T] == [{0, 1, 2}, {0, 1, 2, 3, 4}]


@pytest.mark.parametrize(
    "drawn",
    [
        pytest.param(uniform(torch.arange(2**15), 1), id="neighbouring keys"),
        pytest.param(uniform(torch.tensor(3), 2**15), id="neighbouring counters"),
        pytest.param(uniform(mix(torch.tensor(3), torch.arange(2**15)), 1), id="mixed keys"),
        pytest.param(uniform(-(torch.arange(2**15) * 2**48), 1), id="large and negative keys"),
    ],
)
def test_uniform_numbers_are_uniform_and_independent(drawn: Tensor) -> None:
    """Single numbers and pairs of neighbours pass a chi-square test."""
    cell = (drawn.flatten() * 16).long()
    assert abs(_chi_square(cell.bincount(minlength=16))) < 4
    pairs = cell[:-1:2] * 16 + cell[1::2]
    assert abs(_chi_square(pairs.bincount(minlength=256))) < 4


def test_normal_numbers_have_normal_moments() -> None:
    """Mean, variance, skewness, kurtosis and tails of 2^18 numbers are within four standard errors."""
    drawn, count = normal(torch.arange(2**16), 4).double().flatten(), 2**18
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(float((drawn**power).mean()) - moment) < 4 * math.sqrt(variance / count)
    for size in (1, 2, 3):
        share = 2 * NormalDist().cdf(-size)
        assert abs(float((drawn.abs() > size).double().mean()) - share) < 4 * math.sqrt(share / count)


def test_integers_are_uniform_if_the_limit_is_no_power_of_two() -> None:
    """2^16 draws below 7 pass a chi-square test."""
    assert abs(_chi_square(integers(torch.arange(2**14), 4, 7).flatten().bincount(minlength=7))) < 4


@pytest.mark.parametrize("of_counter", [False, True], ids=["key", "counter"])
def test_each_bit_of_key_and_counter_flips_half_the_bits(of_counter: bool) -> None:
    """The avalanche property holds, so keys and counters may be small consecutive numbers."""
    key, counter = mix(torch.arange(256), 9)[:, None], mix(torch.arange(256), 10)[:, None]
    flip = torch.ones(64, dtype=torch.int64) << torch.arange(64)
    other = mix(key, counter ^ flip) if of_counter else mix(key ^ flip, counter)
    changed = ((mix(key, counter) ^ other).unsqueeze(-1) >> torch.arange(64)) & 1  # (256, 64, 64)
    share = changed.double().mean(0)
    # There are 256 samples for each pair of bits; the limit is six standard deviations around a half.
    assert float((share - 0.5).abs().max()) < 6 * 0.5 / 16


@pytest.mark.parametrize("draw", [uniform, normal, lambda key, count: integers(key, count, 1000)])
def test_the_numbers_of_a_key_depend_on_the_key_alone(draw: Callable[[Tensor, int], Tensor]) -> None:
    """Position, neighbours and the number of draws change no bit."""
    key = mix(torch.tensor(1), torch.arange(37))
    together = draw(key, 9)
    assert torch.equal(torch.stack([draw(each, 9) for each in key]), together)
    assert torch.equal(draw(key.flip(0), 9).flip(0), together)
    assert torch.equal(draw(key, 5), together[:, :5])
    assert torch.equal(draw(key.view(37, 1), 9)[:, 0], together)


def test_one_key_in_python_draws_what_tensors_draw() -> None:
    """Hashes, uniform numbers, integers and examples are equal for keys of all sizes."""
    keys = [0, 1, -1, 2**63 - 1, -(2**63), 987654321987654321]
    tensor, limits = torch.tensor(keys), torch.tensor([7, 60_000, 2**31])
    for number, key in enumerate(keys):
        assert mix_of_one(key, 21) == mix(tensor, 21)[number]
        assert uniform_of_one(key, 3) == uniform(tensor, 3)[number].tolist()
        drawn = [integer_of_one(key, limit, index) for index, limit in enumerate(limits.tolist())]
        assert drawn == integers(tensor, 3, limits)[number].tolist()
        assert draw_example_of_one(key, 60_000) == draw_example(tensor, 60_000)[number]


def test_few_keys_and_many_draw_the_same() -> None:
    """NumPy, which hashes few keys, and torch, which hashes many, agree."""
    keys = torch.arange(-3000, 3000) * 987654321987
    draws: list[Callable[[Tensor], Tensor]] = [
        lambda key: mix(key, 2**62),
        lambda key: mix(key, key),
        lambda key: integers(key, 2, 10),
        lambda key: integers(key, 2, torch.tensor([3, 2**31])),
        lambda key: uniform(key, 2),
    ]
    for draw in draws:
        assert torch.equal(draw(keys)[2990:3010], draw(keys[2990:3010]))
