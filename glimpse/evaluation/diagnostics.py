"""Diagnostics of a policy: where its looks fall, whether they answer to the image, and plain warnings.

Axes: S looks of an episode that may be followed by a glimpse (T - 1), E images, M episodes on each.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.agents.vision.locators import FixedLocator, PathLocator, RandomLocator
from glimpse.envs.lanes import Core, shows_pictures

CELLS = 8
"""Cells along each side of the grid in which places are counted."""
_MOST = 0.5
_HARDLY = 0.02


@dataclass(frozen=True)
class Gaze:
    """Where the looks of many episodes fell; only those that a glimpse followed are counted.

    clamped: share beyond the image's border, |x| > 1 or |y| > 1, which the world draws back to it.
    border: share of those and of the looks at the outermost of 8 x 8 cells; 0.44 for uniform places.
    entropy: of the cells looked at, all steps together, in bits: 0 for one cell, 6 for uniform places.
    entropy_by_step: the same for each step, from the look after the first glimpse on.
    variation: standard deviation of the place between images, the root mean square over steps and axes, in units of
        half the image's side; what chance adds within an image is taken out. 0 for a path that is the same for all;
        none where chance cannot be told from the image, one sampled episode on each.
    """

    clamped: float
    border: float
    entropy: float
    entropy_by_step: list[float]
    variation: float | None

    def numbers(self) -> dict[str, float]:
        """For the log of training: a number under each name."""
        by_step = sum(self.entropy_by_step) / len(self.entropy_by_step)
        numbers = {
            "looks_clamped": self.clamped,
            "looks_at_border": self.border,
            "looks_entropy": self.entropy,
            "looks_entropy_by_step": by_step,
        }
        return numbers if self.variation is None else {**numbers, "looks_variation": self.variation}


def is_glimpsed(world: Core) -> bool:
    """Whether it matters where one looks: a glimpse as large as the picture shows all of it, and a text has none."""
    if not shows_pictures(world):
        return False
    retina = world.retina
    *_, height, width = world.observation_space["glimpse"].shape or (0, 0)
    return height < retina.height or width < retina.width


def gaze_matters(agent: Agent, world: Core) -> bool:
    """Whether what an agent reads depends on where it looks."""
    return agent.foveal or is_glimpsed(world)


def looks(episode: Episode) -> tuple[Tensor, Tensor]:
    """The looks of recorded episodes, (S, E, M, 2) as sampled, and whether a glimpse followed, (S, E, M) bool."""
    copies = episode.copies
    look, followed = episode.action["look"][:-1], episode.taken[1:]
    return look.unflatten(1, (-1, copies)).float(), followed.unflatten(1, (-1, copies))


def measure_gaze(look: Tensor, followed: Tensor, sampled: bool) -> Gaze | None:
    """The diagnostics of looks.

    Args:
        look: (S, E, M, 2), as chosen, before the world clamped them.
        followed: (S, E, M) bool, whether a glimpse followed; others are not counted.
        sampled: whether chance had a part in them.

    Returns:
        None where no look was followed by a glimpse.
    """
    if not followed.any():
        return None
    place = look.clamp(-1, 1)
    cell = ((place + 1) * (CELLS / 2)).long().clamp(max=CELLS - 1)
    clamped = (look.abs() > 1).any(-1)
    outermost = ((cell == 0) | (cell == CELLS - 1)).any(-1)
    taken = [step for step in range(len(look)) if followed[step].any()]
    counts = [torch.bincount((cell[step] @ torch.tensor([1, CELLS]))[followed[step]]) for step in taken]
    counts = [torch.nn.functional.pad(count, (0, CELLS * CELLS - len(count))) for count in counts]
    variances = torch.stack([_variance_between(place[step], followed[step]) for step in taken])
    told_apart = not sampled or look.shape[2] > 1
    return Gaze(
        clamped=float(clamped[followed].float().mean()),
        border=float((clamped | outermost)[followed].float().mean()),
        entropy=_entropy(torch.stack(counts).sum(0)),
        entropy_by_step=[_entropy(count) for count in counts],
        variation=math.sqrt(float(variances.mean())) if told_apart else None,
    )


def _entropy(counts: Tensor) -> float:
    """Of a histogram, in bits."""
    share = counts[counts > 0].double() / counts.sum()
    return max(0.0, -float((share * share.log2()).sum()))


def _variance_between(place: Tensor, counted: Tensor) -> Tensor:
    """Variance of places between images, (2,), from (E, M, 2) of which (E, M) are counted.

    The estimate of a one-way analysis of variance with random effects and unequal counts (Searle, 1971): the scatter
    of the images' means less what the scatter within images adds to it. With M = 1 nothing can be taken out.
    """
    weight = counted.double()[..., None]
    count = weight.sum(1)  # (E, 1)
    images, looked = int((count > 0).sum()), float(count.sum())
    if images < 2:
        return torch.zeros(2, dtype=torch.float64)
    mean = (place.double() * weight).sum(1) / count.clamp(min=1)
    within = ((place - mean[:, None]).square() * weight).sum((0, 1)) / max(1.0, looked - images)
    whole = (mean * count).sum(0) / looked
    between = ((mean - whole).square() * count).sum(0) / (images - 1)
    usual = (looked - float(count.square().sum()) / looked) / (images - 1)
    return ((between - within) / usual).clamp(min=0)


def answers_to_images(agent: Agent) -> bool:
    """Whether an agent can look elsewhere in another image: controls cannot."""
    return not isinstance(getattr(agent, "locator", None), FixedLocator | RandomLocator | PathLocator)


def gaze_warnings(gaze: Gaze | None, agent: Agent) -> list[str]:
    """What is wrong with where an agent looks, in plain words; nothing is said of eyes that learn nothing."""
    if gaze is None or isinstance(getattr(agent, "locator", None), FixedLocator | RandomLocator):
        return []
    found = []
    if gaze.border > _MOST:
        found.append(
            f"the policy is stuck at the border: {100 * gaze.border:.0f} % of its looks fall there, and "
            f"{100 * gaze.clamped:.0f} % beyond it. Try a lower learning rate of the locator, a smaller sigma, "
            "or another seed"
        )
    if gaze.variation is not None and gaze.variation < _HARDLY and answers_to_images(agent):
        found.append("the policy looks at the same places whatever the image: so far it is a fixed path")
    return found


def attention_gain(errors: Mapping[str, float]) -> dict[str, float]:
    """What an agent owes to where it looks: by how many percentage points each control errs more than the agent.

    Args:
        errors: of greedy episodes, in percent, by name: the agent's first, then its controls'.
    """
    (_, own), *others = errors.items()
    return {name: error - own for name, error in others}


def path_warning(highest: float, path: float) -> list[str]:
    """A warning where the error of a policy's own mean path lies within the policy's interval, or below it.

    Args:
        highest: end of the interval of the policy's greedy error, in percent.
        path: greedy error with the mean path in place of the policy, in percent.
    """
    if path > highest:
        return []
    return ["the policy is no better than its own mean path: it owes nothing to looking where the image asks for it"]
