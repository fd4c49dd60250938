"""Latency of simultaneous translations: how far they lag behind their sources, in tokens or in words.

Axes: B sentences, M tokens of a translation. Delays g(t) are, as in SimulEval, the numbers of source tokens that had
been read when target token t was written, for t from 1.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Lagging = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(delays (B, M), target lengths |y| (B,), source lengths |x| (B,)) -> the lag of each translation, (B,)."""


def average_lagging(delays: Tensor, written: Tensor, length: Tensor) -> Tensor:
    """Compute average lagging (Ma et al., 2019, "STACL", equation 5), in source tokens.

    AL = 1 / tau sum over t <= tau of g(t) - (t - 1) |x| / |y|, where tau is the first token that was written when the
    whole source had been read, or the last token if that never happened. It is the lag behind an ideal translator that
    writes at the pace of the source.

    Args:
        delays: (B, M) int64, g(t).
        written: (B,) int64, |y|, tokens of each translation.
        length: (B,) int64, |x|, tokens of each source.

    Returns:
        (B,) float32; 0 where nothing was written.
    """
    return lagging_behind_reference(delays, written, length, written)


def lagging_behind_reference(delays: Tensor, written: Tensor, length: Tensor, reference: Tensor) -> Tensor:
    """Compute average lagging as SimulEval (Ma et al., 2020) does: |y| is the length of the reference.

    A translation that is longer than its reference then lags less than by `average_lagging`, a shorter one more.

    Args:
        delays: (B, M) int64, g(t).
        written: (B,) int64, tokens of each translation.
        length: (B,) int64, |x|, tokens of each source.
        reference: (B,) int64, |y|, tokens of each reference.

    Returns:
        (B,) float32; 0 where nothing was written.
    """
    lag, real = _lag_by_token(delays, written, length, reference)
    at_end = (delays >= length[:, None]) & real
    counted = real & (at_end.cumsum(1) - at_end.long() == 0)  # Up to and including token tau.
    return (lag * counted).sum(1) / counted.sum(1).clamp(min=1)


def differentiable_lagging(delays: Tensor, written: Tensor, length: Tensor) -> Tensor:
    """Compute differentiable average lagging, in source tokens.

    DAL = 1 / |y| sum over all t of g'(t) - (t - 1) |x| / |y|, where g'(t) is the larger of g(t) and
    g'(t - 1) + |x| / |y|: a delay is never made up for. Average lagging counts one token alone of those written after
    the whole source was read, so a few early tokens followed by a long wait make it small. They do not make this small.

    Source: Cherry and Foster, 2019, "Thinking slow about latency evaluation", section 4.

    Args:
        delays: (B, M) int64, g(t).
        written: (B,) int64, |y|, tokens of each translation.
        length: (B,) int64, |x|, tokens of each source.

    Returns:
        (B,) float32; 0 where nothing was written.
    """
    lag, real = _lag_by_token(delays, written, length, written)
    # With the ideal time (t - 1) |x| / |y| subtracted, g' is the running maximum of the lags.
    return (lag.cummax(1).values * real).sum(1) / written.clamp(min=1)


def _lag_by_token(delays: Tensor, written: Tensor, length: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return g(t) - (t - 1) |x| / |y|, for |y| = `target`, and which tokens were written; both (B, M)."""
    index = torch.arange(delays.shape[1], device=delays.device)
    return delays - index * (length / target.clamp(min=1))[:, None], index < written[:, None]


def word_delays(delays: Sequence[int], source: Sequence[int], target: Sequence[int]) -> list[int]:
    """Return how many source words had been read, in part at least, when each target word was finished.

    Args:
        delays: g(t), the source tokens read when each target token was written.
        source: the word that each source token belongs to, from 1.
        target: the word that each target token belongs to, from 1; as many as `delays`.
    """
    finished = dict(zip(target, delays, strict=True))  # A word is finished with its last token.
    return [source[min(count, len(source)) - 1] if count else 0 for count in finished.values()]


def lagging_in_words(
    delays: Sequence[int], source: Sequence[int], target: Sequence[int], lagging: Lagging = average_lagging
) -> float:
    """Compute the lag of one translation, in words.

    Leave END out of all sequences: it is a token, but no word.

    Args:
        delays: see `word_delays`.
        source: see `word_delays`.
        target: see `word_delays`.
        lagging: the measure.
    """
    counts = word_delays(delays, source, target)
    if not counts:
        return 0.0
    length, written = max(source, default=0), len(counts)
    return float(lagging(torch.tensor([counts]), torch.tensor([written]), torch.tensor([length])))
