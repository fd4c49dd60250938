"""Random numbers as a pure function of a key and a counter, without generators or state.

The random numbers of an episode depend on its own key alone. They do not depend on the other episodes of a batch, on
the device, or on where a run was interrupted, and a checkpoint needs no generator states. The
mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014, "Fast splittable pseudorandom number
generators", figure 14), on int64 tensors whose arithmetic wraps. The functions `..._of_one` do the same for one episode
in Python's whole numbers, without a tensor's overhead.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as int64
_MULTIPLY_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MULTIPLY_2 = -7723592293110705685  # 0x94D049BB133111EB
_ALL_BITS = 2**64 - 1
_EXAMPLE = 22
FEW = 1024
"""Number of keys up to which NumPy is faster on the CPU: a tensor operation costs more than so many numbers."""
Bits = NDArray[np.uint64]
_27, _30, _31, _32 = map(np.uint64, (27, 30, 31, 32))


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
    if is_small(key) and (isinstance(counter, int) or is_small(counter)):
        added = counter if isinstance(counter, int) else _bits(counter)
        return torch.from_numpy(_mix_bits(_bits(key), added).view(np.int64))
    step = (counter + 1) * _GOLDEN
    if isinstance(step, int):  # Wrap as int64 does. As a tensor it would have to be copied to the device.
        step = (step + 2**63) % 2**64 - 2**63
    bits = key + step  # A new tensor, which is then changed in place.
    bits.bitwise_xor_(_shift_right(bits, 30)).mul_(_MULTIPLY_1)
    bits.bitwise_xor_(_shift_right(bits, 27)).mul_(_MULTIPLY_2)
    return bits.bitwise_xor_(_shift_right(bits, 31))


def is_small(key: Tensor) -> bool:
    """Return whether NumPy mixes these keys faster than torch, whose operations cost more on a few numbers."""
    plain = type(key) is Tensor and not torch.compiler.is_compiling()
    return plain and key.device.type == "cpu" and 0 < key.dim() and key.numel() <= FEW


def _bits(key: Tensor) -> Bits:
    return key.numpy().view(np.uint64)


def _mix_bits(key: Bits, counter: Bits | int) -> Bits:
    """Hash as `mix` does."""
    if isinstance(counter, int):
        bits = key + np.uint64((counter + 1) * _GOLDEN & _ALL_BITS)
    else:
        bits = key + (counter + np.uint64(1)) * np.uint64(_GOLDEN & _ALL_BITS)
    bits = (bits ^ bits >> _30) * np.uint64(_MULTIPLY_1 & _ALL_BITS)
    bits = (bits ^ bits >> _27) * np.uint64(_MULTIPLY_2 & _ALL_BITS)
    return bits ^ bits >> _31


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
    if is_small(key) and (isinstance(below, int) or is_small(below)):
        drawn = _mix_bits(_bits(key)[..., None], np.arange(count, dtype=np.uint64))
        limit = np.uint64(below) if isinstance(below, int) else _bits(below)
        return torch.from_numpy(((drawn >> _32) * limit >> _32).view(np.int64))
    return (_shift_right(_draw(key, count), 32) * below) >> 32


def draw_example(key: Tensor, examples: int) -> Tensor:
    """Draw an example uniformly for each episode's key: (B,) int64 -> (B,) int64 in [0, examples)."""
    return integers(mix(key, _EXAMPLE), 1, examples)[:, 0]


def mix_of_one(key: int, counter: int) -> int:
    """Hash a key and a counter as `mix` does, all numbers of int64."""
    bits = (key + (counter + 1) * _GOLDEN) & _ALL_BITS
    bits = (bits ^ bits >> 30) * (_MULTIPLY_1 & _ALL_BITS) & _ALL_BITS
    bits = (bits ^ bits >> 27) * (_MULTIPLY_2 & _ALL_BITS) & _ALL_BITS
    bits ^= bits >> 31
    return bits - 2**64 if bits >> 63 else bits


def uniform_of_one(key: int, count: int) -> list[float]:
    """Draw the numbers in [0, 1) that `uniform` draws for one key."""
    return [(mix_of_one(key, number) >> 40 & 0xFFFFFF) * 2.0**-24 for number in range(count)]


def integer_of_one(key: int, below: int, number: int = 0) -> int:
    """Draw the number in [0, below) that `integers` draws for one key at index `number`."""
    return (mix_of_one(key, number) >> 32 & 0xFFFFFFFF) * below >> 32


def draw_example_of_one(key: int, examples: int) -> int:
    """Draw the example in [0, examples) that `draw_example` draws for one episode's key."""
    return integer_of_one(mix_of_one(key, _EXAMPLE), examples)
