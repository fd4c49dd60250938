"""Making of the policy of looks that the anytime agent's options name."""

import torch

from glimpse.agents.vision.anytime_options import AnytimeOptions
from glimpse.agents.vision.control_looks import FixedLooks, PathLooks, RandomLooks
from glimpse.agents.vision.gaussian_looks import GaussianLooks
from glimpse.agents.vision.grid_looks import GridLooks
from glimpse.agents.vision.locators import raster
from glimpse.agents.vision.look_network import make_glimpse_encoder
from glimpse.agents.vision.look_policy import LookPolicy, ZoomChoice
from glimpse.agents.vision.salient_looks import SalientLooks


def make_looks(
    options: AnytimeOptions,
    steps: int,
    zoom: ZoomChoice,
    glance_width: int,
    answers: bool,
    shape: tuple[int, int, int],
) -> LookPolicy:
    """Make the policy of looks.

    Args:
        options: `look_policy` and what belongs to it.
        steps: T.
        zoom: how an action chooses a zoom.
        glance_width: features of each place of the glance's map; 0 without a glance.
        answers: whether the last look is the answer.
        shape: (C, H, W) of a glimpse's patch.
    """
    kind, width, sigma, at = options.look_policy, options.memory_width, options.sigma, options.look_zoom
    if kind == "gaussian":
        return GaussianLooks(width, options.policy_width, steps, zoom, sigma)
    if kind == "path":
        return PathLooks(steps, zoom, sigma)
    if kind == "random":
        return RandomLooks(zoom, at)
    if kind == "saliency":
        return SalientLooks(steps, zoom, options.cells, at or 0.0, answers)
    if kind in ("centre", "none"):
        return FixedLooks(torch.zeros(steps, 2), zoom, at or 0.0)
    if kind == "raster":
        return FixedLooks(raster(steps).roll(-1, 0), zoom, at or 0.0)
    offsets = sigma if kind == "both" else None
    reader = None if options.look_encoder is None else make_glimpse_encoder(options.look_encoder, shape)
    return GridLooks(
        width,
        options.policy_width,
        zoom,
        options.cells,
        options.levels,
        glance_width if reader is None else reader.width,
        options.frequencies,
        offsets,
        options.saliency_prior if glance_width else 0.0,
        options.cell_points,
        reader,
    )
