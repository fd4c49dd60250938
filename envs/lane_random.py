"""Random numbers as a pure function of a key and a counter, without generators or state.

The random numbers of an episode depend on its own key alone. They do not depend on the other episodes of a batch, on
the device, or on where a run was interrupted, and a checkpoint needs no generator states. The
mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014, "Fast splittable pseudorandom number
generators", figure 14), on int64 tensors whose arithmetic wraps.
"""

import math

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as int64
_MULTIPLY_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MULTIPLY_2 = -7723592293110705685  # 0x94D049BB133111EB


_EXAMPLE = 22


def _shift_right(bits: Tensor, count: int) -> Tensor:
    """Shift right by `count` bits and fill with zeros; torch's own `>>` copies the sign bit."""
    return (bits >> count) & ((1 << (64 - count)) - 1)


def mix(key: Tensor, counter: Tensor | int) -> Tensor:
    """Hash a key and a counter into a new key.

    Args:
        key: int64 of any shape.
        counter: int64 that broadcasts with `key`, or an int.

    Returns:
        int64 of the broadcast shape; every bit depends on every bit of the key and the counter.
    """
    step = (counter + 1) * _GOLDEN
    if isinstance(step, int):  # Wrap as int64 does. As a tensor it would have to be copied to the device.
        step = (step + 2**63) % 2**64 - 2**63
    bits = key + step  # A new tensor, which is then changed in place.
    bits.bitwise_xor_(_shift_right(bits, 30)).mul_(_MULTIPLY_1)
    bits.bitwise_xor_(_shift_right(bits, 27)).mul_(_MULTIPLY_2)
    return bits.bitwise_xor_(_shift_right(bits, 31))


def _draw(key: Tensor, count: int) -> Tensor:
    """Return `count` hashes of each key: (...,) -> (..., count)."""
    return mix(key.unsqueeze(-1), torch.arange(count, device=key.device))


def uniform(key: Tensor, count: int) -> Tensor:
    """Draw `count` uniform multiples of 2^-24 in [0, 1) for each key: int64 (...,) -> float32 (..., count)."""
    return _shift_right(_draw(key, count), 40).float() * 2.0**-24


def normal(key: Tensor, count: int) -> Tensor:
    """Draw `count` standard normal numbers for each key: int64 (...,) -> float32 (..., count).

    The numbers are made by inversion from midpoints of an open interval, so they are finite (at most 5.3 in size).
    """
    centred = (_shift_right(_draw(key, count), 41).float() + 0.5) * 2.0**-22 - 1.0
    return torch.erfinv(centred) * math.sqrt(2)


def integers(key: Tensor, count: int, below: int | Tensor) -> Tensor:
    """Draw `count` integers in [0, below) for each key: int64 (...,) -> int64 (..., count).

    `below` is at most 2^31; a tensor of limits broadcasts with the result.
    """
    return (_shift_right(_draw(key, count), 32) * below) >> 32


def draw_example(key: Tensor, examples: int) -> Tensor:
    """Draw an example uniformly for each episode's key: (B,) int64 -> (B,) int64 in [0, examples)."""
    return integers(mix(key, _EXAMPLE), 1, examples)[:, 0]
