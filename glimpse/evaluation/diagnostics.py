"""Diagnostics of a location policy: statistics of its scanpaths, whether they depend on the image, and warnings.

Axes: S = T - 1 locations of an episode that a glimpse may follow, E images, M episodes on each (copies).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from glimpse.agents.ability_questions import adapts_locations, is_foveal, learns_locations
from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.envs.images.picture_env import VisualEnv

CELLS = 8
"""Cells along each side of the grid in which locations are counted."""
_STUCK_BORDER = 0.5
"""Fraction of locations at the border above which a policy counts as stuck there."""
_FIXED_VARIATION = 0.02
"""Variation between images below which a policy counts as a fixed path."""


@dataclass(frozen=True)
class ScanpathStatistics:
    """Statistics of the locations of many episodes; only locations that a glimpse followed are counted.

    clamped: fraction of locations beyond the image's border, |x| > 1 or |y| > 1, which the environment clamps to it.
    border: fraction of locations beyond the border or in the outermost of 8 x 8 cells; 0.44 if they are uniform.
    entropy: entropy of the visited cells over all steps, in bits: 0 for one cell, 6 if they are uniform.
    entropy_by_step: entropy at each step, from the location after the first glimpse on, in bits.
    variation: standard deviation of the location between images, the root mean square over steps and axes, in units of
        half the image's side, without the sampling noise within an image. 0 for a path that is the same for all
        images; None if each image has one sampled episode, since noise and image cannot be separated then.
    """

    clamped: float
    border: float
    entropy: float
    entropy_by_step: list[float]
    variation: float | None

    def numbers(self) -> dict[str, float]:
        """Return the metrics for the training log, by name."""
        by_step = sum(self.entropy_by_step) / len(self.entropy_by_step)
        numbers = {
            "locations_clamped": self.clamped,
            "locations_at_border": self.border,
            "locations_entropy": self.entropy,
            "locations_entropy_by_step": by_step,
        }
        return numbers if self.variation is None else {**numbers, "locations_variation": self.variation}


def is_glimpsed(env: VisualEnv) -> bool:
    """Return whether a glimpse shows less than the whole picture, so that the location matters."""
    retina = env.retina
    *_, height, width = env.observation_space["glimpse"].shape or (0, 0)
    return height < retina.height or width < retina.width


def location_matters(agent: Agent, env: VisualEnv) -> bool:
    """Return whether what an agent reads depends on its location."""
    return is_foveal(agent) or is_glimpsed(env)


def recorded_locations(episode: Episode) -> tuple[Tensor, Tensor]:
    """Return the locations of recorded episodes.

    Returns:
        The locations as sampled, (S, E, M, 2), and whether a glimpse followed, (S, E, M) bool.
    """
    copies = episode.copies
    look, followed = episode.action["look"][:-1], episode.step_mask[1:]
    return look.unflatten(1, (-1, copies)).float(), followed.unflatten(1, (-1, copies))


def measure_scanpath(look: Tensor, followed: Tensor, sampled: bool) -> ScanpathStatistics | None:
    """Compute the statistics of locations.

    Args:
        look: (S, E, M, 2), the locations as sampled, before the environment clamped them.
        followed: (S, E, M) bool, whether a glimpse followed; other locations are not counted.
        sampled: whether the locations were sampled; if not, they were greedy.

    Returns:
        The statistics; None if no location was followed by a glimpse.
    """
    if not followed.any():
        return None
    location = look.clamp(-1, 1)
    cell = ((location + 1) * (CELLS / 2)).long().clamp(max=CELLS - 1)
    clamped = (look.abs() > 1).any(-1)
    outermost = ((cell == 0) | (cell == CELLS - 1)).any(-1)
    visited = [step for step in range(len(look)) if followed[step].any()]
    counts = [torch.bincount((cell[step] @ torch.tensor([1, CELLS]))[followed[step]]) for step in visited]
    counts = [torch.nn.functional.pad(count, (0, CELLS * CELLS - len(count))) for count in counts]
    # Sampling noise can be separated from the image if there is none, or if there are several episodes on an image.
    variances = torch.stack([_variance_between(location[step], followed[step]) for step in visited])
    separable = not sampled or look.shape[2] > 1
    return ScanpathStatistics(
        clamped=float(clamped[followed].float().mean()),
        border=float((clamped | outermost)[followed].float().mean()),
        entropy=_entropy(torch.stack(counts).sum(0)),
        entropy_by_step=[_entropy(count) for count in counts],
        variation=math.sqrt(float(variances.mean())) if separable else None,
    )


def _entropy(counts: Tensor) -> float:
    """Return the entropy of a histogram, in bits."""
    probability = counts[counts > 0].double() / counts.sum()
    return max(0.0, -float((probability * probability.log2()).sum()))


def _variance_between(location: Tensor, counted: Tensor) -> Tensor:
    """Estimate the variance of locations between images.

    This is a one-way analysis of variance with random effects and unequal counts (Searle, 1971): the variance of the
    images' means, minus what the variance within images adds to it. With M = 1 nothing can be subtracted.

    Args:
        location: (E, M, 2).
        counted: (E, M) bool, the locations to count.

    Returns:
        (2,) float64, the variance along each axis, at least 0.
    """
    weight = counted.double()[..., None]
    count = weight.sum(1)  # (E, 1)
    images, looked = int((count > 0).sum()), float(count.sum())
    if images < 2:
        return torch.zeros(2, dtype=torch.float64)
    mean = (location.double() * weight).sum(1) / count.clamp(min=1)
    within = ((location - mean[:, None]).square() * weight).sum((0, 1)) / max(1.0, looked - images)
    whole = (mean * count).sum(0) / looked
    between = ((mean - whole).square() * count).sum(0) / (images - 1)
    usual = (looked - float(count.square().sum()) / looked) / (images - 1)
    return ((between - within) / usual).clamp(min=0)


def scanpath_warnings(scanpath: ScanpathStatistics | None, agent: Agent) -> list[str]:
    """Return warnings about the agent's locations; none for a locator that does not learn."""
    if scanpath is None or not learns_locations(agent):
        return []
    warnings = []
    if scanpath.border > _STUCK_BORDER:
        warnings.append(
            f"the policy is stuck at the border: {100 * scanpath.border:.0f} % of its locations fall there, and "
            f"{100 * scanpath.clamped:.0f} % beyond it. Try a lower learning rate of the locator, a smaller sigma, "
            "or another seed"
        )
    if scanpath.variation is not None and scanpath.variation < _FIXED_VARIATION and adapts_locations(agent):
        warnings.append("the policy looks at the same locations whatever the image: so far it is a fixed path")
    return warnings


def attention_gain(errors: Mapping[str, float]) -> dict[str, float]:
    """Compute the attention gain: by how many percentage points each control errs more than the agent.

    Args:
        errors: errors of greedy episodes, in percent, by name: the agent's first, then those of its controls.
    """
    (_, own), *others = errors.items()
    return {name: error - own for name, error in others}
