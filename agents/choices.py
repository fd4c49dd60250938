"""Sampling from a categorical distribution with the noise that an agent is given.

No random generator is involved, so that the same noise gives the same choice on each device.
"""

import torch
from torch import Tensor


def choose(logits: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
    """Sample from the softmax of logits by its inverse distribution function, or take the likeliest choice.

    Args:
        logits: (B, n).
        noise: (B,) standard normal; the normal distribution function turns it into a uniform number.
        greedy: whether to take the likeliest choice instead of a sample; a bool, or (B,) bool.

    Returns:
        (B,) int64 in [0, n).
    """
    logits = logits.float()
    if greedy is True:
        return logits.argmax(-1)
    # The n probabilities divide [0, 1] by n - 1 bounds; the choice is the interval that the uniform number falls into.
    bounds = logits.softmax(-1).cumsum(-1)[:, :-1]
    drawn = (bounds <= torch.special.ndtr(noise.float())[:, None]).sum(-1)
    return drawn if greedy is False else torch.where(greedy, logits.argmax(-1), drawn)
