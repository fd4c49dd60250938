"""Information gain of a map of looks over the centre bias, in bits for each look that it should predict.

Kümmerer et al. (2015), "Information-theoretic model comparison unifies saliency metrics", PNAS 112.

Axes: S scanpaths, L looks of each, H x W pixels.
"""

import torch
from torch import Tensor

_BLURS = (1.0, 1.5, 2.0, 3.0, 4.0)
_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_UNIFORM = 0.01
"""Share of the uniform distribution in the centre bias, so that no pixel is impossible."""


def counted_looks(location: Tensor, side: int) -> Tensor:
    """Count the looks at each pixel: locations (S, L, 2) in [-1, 1] -> (S, side, side) float32."""
    cell = ((location.clamp(-1, 1) + 1) / 2 * side).long().clamp(max=side - 1)
    counts = torch.zeros(len(location), side * side)
    counts.scatter_add_(1, cell[..., 1] * side + cell[..., 0], torch.ones(cell.shape[:-1]))
    return counts.view(-1, side, side)


def blurred(counts: Tensor, width: float) -> Tensor:
    """Return densities (S, H, W), whose sum is 1, of counts blurred by a Gaussian of `width` pixels."""
    spread = [_gaussians(length, width) for length in counts.shape[1:]]
    density = spread[0] @ counts @ spread[1].T
    return density / density.sum((1, 2), keepdim=True).clamp(min=1e-9)


def _gaussians(length: int, width: float) -> Tensor:
    """Return a matrix (L, L) whose columns are Gaussians around each pixel with a sum of 1."""
    place = torch.arange(length, dtype=torch.float32)
    bump = torch.exp(-0.5 * ((place[:, None] - place) / width) ** 2)
    return bump / bump.sum(0)


def information_gain(looks: Tensor, centre: Tensor, mapped: Tensor, fold: Tensor) -> float:
    """Return the bits by which a mixture of a map and the centre bias predicts looks better than the bias alone.

    The map's blur and its share in the mixture are chosen on the other fold. A map that tells nothing has a gain near
    zero, and below it by what choosing on other looks costs.

    Args:
        looks: (S, H, W), counts of the looks to be predicted.
        centre: (S, H, W), counts of looks at other pictures, of which the centre bias is made.
        mapped: (S, H, W), counts of the looks that the map is made of.
        fold: (S,) bool, which of two halves a scanpath is in; scanpaths on one picture are in one half.

    Returns:
        The mean over looks, in bits.
    """
    bias = (1 - _UNIFORM) * blurred(centre, 1.0) + _UNIFORM / centre[0].numel()
    settings = [(blur, share) for blur in _BLURS for share in _SHARES]
    gains = torch.stack([_gain(looks, bias, blurred(mapped, blur), share) for blur, share in settings])  # (n, S)
    total = sum(float(gains[_best(gains, ~half), half].sum()) for half in (fold, ~fold))
    return total / float(looks.sum())


def _gain(looks: Tensor, bias: Tensor, density: Tensor, share: float) -> Tensor:
    """Return the summed gain (S,) of each scanpath's looks, in bits."""
    mixture = share * density + (1 - share) * bias
    return (looks * (mixture / bias).log2()).sum((1, 2))


def _best(gains: Tensor, half: Tensor) -> int:
    """Return the setting that predicts one half best, of gains (n, S)."""
    return int(gains[:, half].sum(1).argmax())


def without_own(counts: Tensor, group: Tensor) -> Tensor:
    """Return the counts of all others of a scanpath's group: (S, H, W) and groups (S,) int64 -> (S, H, W)."""
    return group_sums(counts, group)[group] - counts


def without_group(counts: Tensor, group: Tensor) -> Tensor:
    """Return the counts of all other groups: (S, H, W) and groups (S,) int64 -> (S, H, W)."""
    return counts.sum(0) - group_sums(counts, group)[group]


def group_sums(counts: Tensor, group: Tensor) -> Tensor:
    """Return the sums (G, H, W) of counts (S, H, W) over the members of each of G groups (S,) int64."""
    sums = counts.new_zeros(int(group.max()) + 1, *counts.shape[1:])
    return sums.index_add_(0, group, counts)
