"""Section of the report with heat maps of the locations, by class."""

import numpy as np
from markupsafe import Markup

from glimpse.evaluation.replay import Floats
from glimpse.reporting.drawing.heat_maps import HeatMap, heat_images
from glimpse.reporting.html_templates import render
from glimpse.reporting.images.episode_tiles import Tile, picture_source
from glimpse.reporting.images.image_contents import ImageContents
from glimpse.reporting.images.scanpath_words import place_words

_HEAT = 240
"""Side of a picture in pixels; the page shows it at about half this size."""


def heat_maps_body(contents: ImageContents, detail: float) -> Markup:
    """Return the HTML of heat maps of the locations, by class; `detail` is a factor of their sides."""
    env, found, maps = contents.trained.env, contents.found, contents.heat
    images = heat_images(maps, max(1, round(detail * _HEAT)))
    tiles = [
        Tile(picture_source(image), _heat_words(heat), heat.name, f"{heat.episodes:,}")
        for image, heat in zip(images, maps, strict=True)
    ]
    first = "; the first one, which the environment sets, is left out" if len(found.location) > 1 else ""
    shown, known = len(maps) - 1, len(env.classes) if env.answers == 1 else 0
    some = f" The {shown} most frequent of {known} {'labels' if env.many else 'classes'} are shown."
    mean = f"the mean image of the {'label' if env.many else 'class'}; the small number is the number of episodes. All "
    mean += "maps share one scale"
    return render(
        "locations.html",
        count=f"{len(found.label):,} validation {contents.shows}{', greedy' * contents.trained.agent.stochastic}",
        first=first,
        beneath=mean if known else "the mean image at the start",
        some=some if shown < known else "",
        tiles=tiles,
    )


def _heat_words(heat: HeatMap) -> str:
    """Return where the density of a map is highest, and how much of the image holds half of it."""
    if heat.density.max() <= 0:
        return f"Density of locations, {heat.name}: no locations."
    row, column = np.unravel_index(int(heat.density.argmax()), heat.density.shape)
    height, width = heat.density.shape
    spot: Floats = np.array([(2 * column + 1) / width - 1, (2 * row + 1) / height - 1], np.float32)
    falling = np.sort(heat.density, axis=None)[::-1].cumsum()
    half = int((falling < falling[-1] / 2).sum() + 1) / heat.density.size
    where = f"highest at {place_words(spot)}, half of them in {100 * half:.0f} % of the area"
    return f"Density of locations, {heat.name}: {where}."
