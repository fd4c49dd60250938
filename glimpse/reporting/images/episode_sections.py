"""Sections of the report that show episodes: whole scanpaths, and one glimpse at a time."""

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from glimpse.agents.ability_questions import readout_name, trains_last_answer_only
from glimpse.evaluation.replay import Floats, Replay, evenly, shown_classes
from glimpse.reporting.drawing.scanpaths import moment_image, picture_image, scanpath_colours
from glimpse.reporting.drawing.seen_picture import seen_picture
from glimpse.reporting.html_parts import ShownAnswer
from glimpse.reporting.html_templates import render
from glimpse.reporting.images.episode_tiles import (
    BeliefRow,
    belief_row,
    episode_answer,
    picture_source,
    scanpath_tile,
)
from glimpse.reporting.images.image_contents import ImageContents
from glimpse.reporting.images.scanpath_words import answer_words, image_words, place_words

_MOMENT, _PATCH = 240, 96
"""Sides of pictures in pixels, and the longest side of a patch; the page shows them at about half this size."""
_MOST_COLUMNS = 12
"""Maximum number of glimpses of an episode that are shown."""
_LEADS = {"scores": "Predicted", "reward": "Episode:"}
_BELOW = {
    "classes": "the answer, its probability, and the true class if the answer is wrong",
    "many": "the labels that are given, the probability of all these decisions together, and the true labels if they "
    "are others",
    "scores": "the predicted score, and the true one",
    "reward": "whether the episode succeeded",
}
_BELIEFS = {
    "classes": ", and the predicted probability of each class. The true class is coloured",
    "many": ", and the predicted probability of each label. The true ones are coloured",
}


class GlimpseHead(NamedTuple):
    """Heading of a glimpse: its number and colour."""

    number: int
    colour: str


class Film(NamedTuple):
    """An episode as a table with a column for each glimpse; pictures are pairs of a data URI and words."""

    words: str
    width: int
    answer: ShownAnswer
    heads: list[GlimpseHead]
    scenes: list[tuple[str, str]]
    patches: list[list[tuple[str, str]]]
    beliefs: list[BeliefRow]


def scanpaths_body(contents: ImageContents, detail: float) -> Markup:
    """Return the HTML of images with whole scanpaths; `detail` is a factor of their sides."""
    tiles = [scanpath_tile(one, contents, detail) for one in contents.shown]
    several = f"{len(tiles)} {contents.shows}, spread evenly over the validation split and not selected otherwise."
    which = several if len(tiles) > 1 else f"The first {contents.shows[:-1]} of the validation split."
    coarse = "; the faint ones are of the coarser scales" if contents.scales > 1 else ""
    boxes = f" The boxes show what each glimpse covered{coarse}."
    drawn = boxes if contents.scales else " A dot is the mean location that a glimpse read."
    stops = ", ".join("#{:02x}{:02x}{:02x}".format(*colour) for colour in scanpath_colours(6))
    return render(
        "scanpaths.html",
        which=f"{which}{contents.fewer_note}",
        drawn=drawn if contents.has_scanpath else "",
        below=_BELOW[contents.asked],
        stops=stops if contents.has_scanpath else "",
        tiles=tiles,
    )


def glimpses_body(contents: ImageContents, detail: float) -> Markup:
    """Return the HTML of a few episodes, glimpse by glimpse; `detail` is a factor of the sides of pictures."""
    finest = ", the finest first" if contents.scales > 1 else ""
    read = contents.shown[0].share is not None
    image = "the image, brighter where more is read" if read else "the image as far as it has been seen"
    return render(
        "glimpses.html",
        seen=f"{image}; below it {readout_name(contents.trained.agent)}{finest}",
        beliefs=_BELIEFS.get(contents.asked, ""),
        untrained=trains_last_answer_only(contents.trained.experiment.agent),
        lead=_LEADS.get(contents.asked, "Answered"),
        films=[_film(one, contents, detail) for one in contents.animated],
    )


def _film(episode: Replay, contents: ImageContents, detail: float) -> Film:
    """Return an episode with a column for each glimpse, or for some of many."""
    retina, classes, side = contents.trained.env.retina, contents.trained.env.classes, max(1, round(detail * _MOMENT))
    steps, colours = evenly(len(episode.location), _MOST_COLUMNS), scanpath_colours(len(episode.location))
    scenes = [
        (picture_source(moment_image(episode, retina, side, step + 1)), _scene_words(episode, contents, step))
        for step in steps
    ]
    patches = [
        [_patch(one, step, scale, len(episode.patch[step]), detail) for scale, one in enumerate(episode.patch[step])]
        for step in steps
    ]
    return Film(
        f"{image_words(episode, classes)}, glimpse by glimpse. {answer_words(episode, classes)}",
        100 + 200 * len(steps),
        episode_answer(episode, classes),
        [GlimpseHead(step + 1, "#{:02x}{:02x}{:02x}".format(*colours[step])) for step in steps],
        scenes,
        patches,
        [belief_row(episode, number, classes, steps) for number in shown_classes(episode)],
    )


def _scene_words(episode: Replay, contents: ImageContents, step: int) -> str:
    """Return where a glimpse is, and how much of the image has been seen after it."""
    where = f"Glimpse {step + 1}, at {place_words(episode.location[step])}"
    if episode.share is not None or not contents.is_glimpsed:
        return f"{where}."
    _, seen = seen_picture(episode, contents.trained.env.retina, step + 1)
    return f"{where}; {100 * np.mean(seen):.0f} % of the image {'is' if episode.frames is not None else 'was'} seen."


def _patch(patch: Floats, step: int, scale: int, scales: int, detail: float) -> tuple[str, str]:
    """Return a patch (C, P, P) as an image of its own size, which the page enlarges, and words."""
    side = min(max(patch.shape[-2:]), max(1, round(detail * _PATCH)))
    of = f", scale {scale + 1} of {scales}" if scales > 1 else ""
    bright = f"mean brightness {100 * float(patch.mean()):.0f} %"
    return picture_source(picture_image(patch, side)), f"What glimpse {step + 1} reads{of}: {bright}."
