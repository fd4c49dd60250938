"""Choosing one of several by lot, from the noise that an agent is given: no generator, the same on each device."""

import torch
from torch import Tensor


def choose(logits: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
    """Draw from the softmax of logits by the inverse of its distribution function, or take the likeliest.

    Args:
        logits: (B, n).
        noise: (B,) standard normal; its own distribution function makes it uniform.
        greedy: whether the likeliest is taken; a bool, or (B,) bool.

    Returns:
        (B,) int64 in [0, n).
    """
    logits = logits.float()
    # The uniform number falls into one of the shares of [0, 1]; n - 1 bounds lie between them.
    bounds = logits.softmax(-1).cumsum(-1)[:, :-1]
    drawn = (bounds <= torch.special.ndtr(noise.float())[:, None]).sum(-1)
    return torch.where(torch.as_tensor(greedy, device=logits.device), logits.argmax(-1), drawn)
