"""Animation of episodes side by side: the location moves over the image, patches and belief change with it."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from glimpse.envs.images.render import Colour
from glimpse.envs.images.retina import Retina
from glimpse.envs.lettering import fit_lettering
from glimpse.evaluation.replay import Floats, Replay, evenly, shown_classes
from glimpse.reporting.drawing.scanpaths import (
    DIM,
    GREY,
    GROUND,
    PALE,
    RIGHT,
    WRONG,
    answer_caption,
    moment_image,
    picture_image,
    scanpath_colours,
    write,
)

_SIDE, _PATCH, _GAP, _SPACE = 208, 64, 24, 12
_LINE, _ROW, _TEXT = 24, 12, 13
_MOST_GLIMPSES = 60
"""Maximum number of glimpses shown; of longer episodes these are spread evenly."""
_MOST_SMOOTH = 12
"""Maximum number of glimpses for which frames between glimpses are drawn."""
_BETWEEN = (0.1, 0.35, 0.65, 0.9)
"""Shares of the way to the next glimpse at which these frames are drawn, so that motion eases in and out."""


class Moment(NamedTuple):
    """A frame's time: after `glimpses` glimpses and `share` in [0, 1) of the way to the next, for `duration` ms."""

    glimpses: int
    share: float
    duration: int


def moments(glimpses: int) -> list[Moment]:
    """Return the moments of all frames, for episodes of at most `glimpses` glimpses."""
    found = []
    for step in evenly(glimpses, _MOST_GLIMPSES):
        last = step == glimpses - 1
        found.append(Moment(step + 1, 0.0, 2600 if last else 700 if glimpses <= _MOST_SMOOTH else 250))
        if not last and glimpses <= _MOST_SMOOTH:
            found += [Moment(step + 1, share, 50) for share in _BETWEEN]
    return found


def animation(
    episodes: Sequence[Replay], retina: Retina, classes: Sequence[str]
) -> tuple[list[Image.Image], list[int]]:
    """Draw episodes side by side; shorter episodes wait for the longest.

    Returns:
        The frames, and the duration of each in milliseconds.
    """
    shown = moments(max(len(episode.location) for episode in episodes))
    return [_frame(episodes, retina, classes, moment) for moment in shown], [one.duration for one in shown]


def panels(frames: Sequence[Image.Image], number: int) -> list[Image.Image]:
    """Return the frames of one of the episodes that are side by side, with a small margin.

    Args:
        frames: frames of all episodes.
        number: which of them, from 0.
    """
    margin = _GAP // 2
    left = _GAP + number * (_SIDE + _GAP)
    return [frame.crop((left - margin, margin, left + _SIDE + margin, frame.height - margin)) for frame in frames]


def gif(frames: Sequence[Image.Image], durations: Sequence[int]) -> bytes:
    """Return frames as a GIF that loops for ever, with one palette for all frames so that colours do not flicker."""
    some = [frames[number] for number in evenly(len(frames), 4)]
    together = Image.new("RGB", (frames[0].width, frames[0].height * len(some)))
    for number, frame in enumerate(some):
        together.paste(frame, (0, number * frame.height))
    palette = together.quantize(255)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=list(durations), loop=0, optimize=False)
    return file.getvalue()


def _frame(episodes: Sequence[Replay], retina: Retina, classes: Sequence[str], moment: Moment) -> Image.Image:
    """Draw the frame of all episodes at a moment."""
    panels = [_panel(episode, retina, classes, moment) for episode in episodes]
    width = _GAP + sum(panel.width + _GAP for panel in panels)
    frame = Image.new("RGB", (width, max(panel.height for panel in panels) + 2 * _GAP), GROUND)
    for number, panel in enumerate(panels):
        frame.paste(panel, (_GAP + number * (_SIDE + _GAP), _GAP))
    return frame


def _panel(episode: Replay, retina: Retina, classes: Sequence[str], moment: Moment) -> Image.Image:
    """Draw one episode: the image, the last glimpse's patches, the belief, and at the end the answer."""
    glimpses = min(moment.glimpses, len(episode.location))
    moving = moment.share > 0 and glimpses < len(episode.location)
    location = _between(episode.location, glimpses, moment.share) if moving else None
    belief = _between(episode.belief, glimpses, moment.share) if moving else episode.belief[glimpses - 1]
    scene = moment_image(episode, retina, _SIDE, glimpses, location)
    state = _patches_and_belief(episode, classes, episode.patch[glimpses - 1], belief)
    panel = Image.new("RGB", (_SIDE, _LINE + scene.height + _SPACE + state.height + _LINE), GROUND)
    panel.paste(scene, ((_SIDE - scene.width) // 2, _LINE))
    panel.paste(state, (0, _LINE + scene.height + _SPACE))
    pen = ImageDraw.Draw(panel)
    counter = f"glimpse {glimpses} of {len(episode.location)}"
    counter += "" if episode.score is None else f": {episode.score[glimpses - 1]:.4g}"
    write(pen, (0, 2), counter, _TEXT, scanpath_colours(len(episode.location))[glimpses - 1], _SIDE)
    if glimpses == len(episode.location):
        text, colour = answer_caption(episode, classes)
        write(pen, (0, panel.height - _TEXT - 3), text, _TEXT, colour, _SIDE)
    return panel


def _between(values: Floats, glimpses: int, share: float) -> Floats:
    """Interpolate between the values after `glimpses` and after one more glimpse, (t, ...) -> (...)."""
    mixed: Floats = values[glimpses - 1] * np.float32(1 - share) + values[glimpses] * np.float32(share)
    return mixed


def _patches_and_belief(episode: Replay, classes: Sequence[str], glimpse: Floats, belief: Floats) -> Image.Image:
    """Draw the patches (K, C, P, P), and the belief (N,) beside them, or below them where there are several scales."""
    scales = len(glimpse)
    side = min(_PATCH, (_SIDE - _SPACE * (scales - 1)) // scales)
    left, top = (side + _SPACE, 0) if scales == 1 else (0, side + _SPACE)
    shown = shown_classes(episode)
    image = Image.new("RGB", (_SIDE, max(side, top + _ROW * len(shown))), GROUND)
    pen = ImageDraw.Draw(image)
    for scale, patch in enumerate(glimpse):
        x = scale * (side + _SPACE)
        image.paste(picture_image(patch, side), (x, 0))
        pen.rectangle((x, 0, x + side - 1, side - 1), outline=DIM)
    spelled, font = fit_lettering([classes[number] for number in shown], _ROW - 2)
    names = max((pen.textlength(name, font) for name in spelled), default=0)
    start = left + round(min(names, 0.4 * (_SIDE - left))) + 6
    for row, number in enumerate(shown):
        colour = RIGHT if number in episode.true else WRONG if number in episode.answered else GREY
        y = top + row * _ROW
        write(pen, (left, y - 1), classes[number], _ROW - 2, GREY if colour == GREY else PALE, start - left - 6)
        _draw_bar(pen, (start, y + 2, _SIDE - 1, y + _ROW - 4), float(belief[number]), colour)
    return image


def _draw_bar(pen: ImageDraw.ImageDraw, edges: tuple[int, int, int, int], share: float, colour: Colour) -> None:
    """Draw a bar that fills a share in [0, 1] of its edges' width."""
    left, top, right, bottom = edges
    pen.rectangle(edges, fill=DIM)
    length = round(share * (right + 1 - left))
    if length:
        pen.rectangle((left, top, left + length - 1, bottom), fill=colour)
