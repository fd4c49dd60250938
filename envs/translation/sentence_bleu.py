"""Sentence-level BLEU of a batch of token tensors, which is the reward of a translation.

Axes: B sentences, M tokens of a translation, L tokens of a reference, n length of an n-gram.
"""

import torch
from torch import Tensor


def sentence_bleu(given: Tensor, given_length: Tensor, true: Tensor, true_length: Tensor, longest: int = 4) -> Tensor:
    """Compute BLEU of each sentence (Papineni et al., 2002), smoothed.

    Smoothing adds one to the counts of n-grams of n > 1 (Lin and Och, 2004).

    Args:
        given: (B, M) int64, the translations; tokens after their ends are ignored.
        given_length: (B,) int64, tokens of each translation.
        true: (B, L) int64, the references; tokens after their ends are ignored.
        true_length: (B,) int64, tokens of each reference.
        longest: largest n of the n-grams.

    Returns:
        (B,) float32 in [0, 1]; 0 where no token is right or the translation is empty, 1 where it equals the reference.
    """
    logarithm = torch.zeros(len(given), device=given.device)
    some = torch.ones(len(given), dtype=torch.bool, device=given.device)
    for n in range(1, longest + 1):
        right, count = _matches(given, given_length, true, true_length, n)
        more = 0 if n == 1 else 1
        some &= right + more > 0
        logarithm += ((right + more).clamp(min=1) / (count + more).clamp(min=1)).log() / longest
    brevity = (1 - true_length / given_length.clamp(min=1)).clamp(max=0)
    return (logarithm + brevity).exp() * (some & (given_length > 0))


def _matches(given: Tensor, given_length: Tensor, true: Tensor, true_length: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Count the n-grams of each translation that match the reference, clipped to its counts, and all n-grams."""
    count = (given_length - n + 1).clamp(min=0)
    if given.shape[1] < n or true.shape[1] < n:
        return torch.zeros_like(count), count
    grams, others = given.unfold(1, n, 1), true.unfold(1, n, 1)  # (B, M - n + 1, n)
    real = torch.arange(grams.shape[1], device=given.device) < count[:, None]
    there = torch.arange(others.shape[1], device=given.device) < (true_length - n + 1)[:, None]
    same = (grams[:, :, None] == grams[:, None]).all(-1) & real[:, None]
    earlier = same.tril(-1).sum(-1)  # Occurrences of the same n-gram earlier in the translation.
    in_reference = ((grams[:, :, None] == others[:, None]).all(-1) & there[:, None]).sum(-1)
    return (real & (earlier < in_reference)).sum(-1), count
