"""How far a simultaneous translation lags behind, in pieces or in words.

Axes: B sentences, M pieces of a translation.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Lagging = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of g(t), (B, M), the numbers of pieces |y| and |x|, both (B,): how far each translation lags behind, (B,)."""


def average_lagging(heard: Tensor, written: Tensor, length: Tensor) -> Tensor:
    """Average lagging (Ma et al., 2019, "STACL", equation 5): pieces of the source behind an ideal interpreter.

    AL = 1 / tau sum over t <= tau of g(t) - (t - 1) |x| / |y|, with g(t) the pieces heard when piece t was written, and
    tau the first piece that was written when all had been heard, or the last one.

    Args:
        heard: (B, M) int64, g(t).
        written: (B,) int64, |y|.
        length: (B,) int64, |x|.

    Returns:
        (B,) float32; 0 where nothing was written.
    """
    behind, real = _behind(heard, written, length)
    whole = (heard >= length[:, None]) & real
    counted = real & (whole.cumsum(1) - whole.long() == 0)  # Up to the first with all heard, that one included.
    return (behind * counted).sum(1) / counted.sum(1).clamp(min=1)


def differentiable_lagging(heard: Tensor, written: Tensor, length: Tensor) -> Tensor:
    """Differentiable average lagging (Cherry and Foster, 2019, "Thinking slow about latency evaluation", section 4).

    DAL = 1 / |y| sum over all t of g'(t) - (t - 1) |x| / |y|, with g'(t) the larger of g(t) and g'(t - 1) + |x| / |y|:
    time that was lost is never won back. Average lagging can be made small by some early pieces and a long wait behind
    them, since it counts one piece of those written afterwards; this one cannot.

    Args:
        heard: (B, M) int64, g(t).
        written: (B,) int64, |y|.
        length: (B,) int64, |x|.

    Returns:
        (B,) float32; 0 where nothing was written.
    """
    behind, real = _behind(heard, written, length)
    # Without its ideal place in time, g' is the largest of what came before.
    return (behind.cummax(1).values * real).sum(1) / written.clamp(min=1)


def _behind(heard: Tensor, written: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """g(t) - (t - 1) |x| / |y|, and which pieces were written, (B, M) both."""
    number = torch.arange(heard.shape[1], device=heard.device)
    return heard - number * (length / written.clamp(min=1))[:, None], number < written[:, None]


def words_heard(heard: Sequence[int], source: Sequence[int], target: Sequence[int]) -> list[int]:
    """The words of a source that had been heard, if only in part, when each word of its translation was finished.

    Args:
        heard: g(t), the pieces that had been heard when each piece of the translation was written.
        source: the word that each piece of the source belongs to, from 1.
        target: the word that each piece of the translation belongs to, from 1, as many as `heard`.
    """
    finished = dict(zip(target, heard, strict=True))  # Of each word its last piece.
    return [source[min(count, len(source)) - 1] if count else 0 for count in finished.values()]


def lagging_in_words(
    heard: Sequence[int], source: Sequence[int], target: Sequence[int], lagging: Lagging = average_lagging
) -> float:
    """How many words one translation lags behind; the other arguments are those of `words_heard`.

    A sentence's end, which is a piece and no word, is in none of them.
    """
    counts = words_heard(heard, source, target)
    if not counts:
        return 0.0
    length, written = max(source, default=0), len(counts)
    return float(lagging(torch.tensor([counts]), torch.tensor([written]), torch.tensor([length])))
