"""An animation of episodes side by side: the gaze moves over the image, the patches and the belief follow."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from glimpse.envs.images.render import Colour
from glimpse.envs.images.retina import Retina
from glimpse.evaluation.replay import Floats, Replay, evenly, shown_classes
from glimpse.reporting.drawing.scanpaths import (
    DIM,
    GREY,
    GROUND,
    PALE,
    RIGHT,
    WRONG,
    gaze_colours,
    moment_image,
    picture_image,
    verdict,
    write,
)

_SIDE, _PATCH, _GAP, _SPACE = 208, 64, 24, 12
_LINE, _ROW, _TEXT = 24, 12, 13
_MOST_GLIMPSES = 60
"""Of a longer episode so many are shown, evenly spread."""
_MOST_SMOOTH = 12
"""Up to this many glimpses the gaze is drawn on its way as well."""
_BETWEEN = (0.1, 0.35, 0.65, 0.9)
"""Where it is then drawn: slow, quick, slow."""


class Moment(NamedTuple):
    """After a number of glimpses, and a share in [0, 1) of the way to the next; shown for some milliseconds."""

    glimpses: int
    share: float
    duration: int


def moments(glimpses: int) -> list[Moment]:
    """The moments that are shown of episodes of at most `glimpses` glimpses: a frame each."""
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
    """The frames and how long each is shown, in milliseconds. Episodes that stopped earlier wait for the others."""
    shown = moments(max(len(episode.place) for episode in episodes))
    return [_frame(episodes, retina, classes, moment) for moment in shown], [one.duration for one in shown]


def gif(frames: Sequence[Image.Image], durations: Sequence[int]) -> bytes:
    """Frames as a GIF that repeats for ever, in one palette so that nothing flickers."""
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
    """All episodes at a moment."""
    panels = [_panel(episode, retina, classes, moment) for episode in episodes]
    width = _GAP + sum(panel.width + _GAP for panel in panels)
    frame = Image.new("RGB", (width, max(panel.height for panel in panels) + 2 * _GAP), GROUND)
    for number, panel in enumerate(panels):
        frame.paste(panel, (_GAP + number * (_SIDE + _GAP), _GAP))
    return frame


def _panel(episode: Replay, retina: Retina, classes: Sequence[str], moment: Moment) -> Image.Image:
    """One episode: the image, the last glimpse's patches, the belief, and in the end the answer."""
    glimpses = min(moment.glimpses, len(episode.place))
    on_its_way = moment.share > 0 and glimpses < len(episode.place)
    gaze = _between(episode.place, glimpses, moment.share) if on_its_way else None
    belief = _between(episode.belief, glimpses, moment.share) if on_its_way else episode.belief[glimpses - 1]
    scene = moment_image(episode, retina, _SIDE, glimpses, gaze)
    mind = _mind(episode, classes, episode.patch[glimpses - 1], belief)
    panel = Image.new("RGB", (_SIDE, _LINE + scene.height + _SPACE + mind.height + _LINE), GROUND)
    panel.paste(scene, ((_SIDE - scene.width) // 2, _LINE))
    panel.paste(mind, (0, _LINE + scene.height + _SPACE))
    pen = ImageDraw.Draw(panel)
    counter = f"glimpse {glimpses} of {len(episode.place)}"
    write(pen, (0, 2), counter, _TEXT, gaze_colours(len(episode.place))[glimpses - 1], _SIDE)
    if glimpses == len(episode.place):
        text, colour = verdict(episode, classes)
        write(pen, (0, panel.height - _TEXT - 3), text, _TEXT, colour, _SIDE)
    return panel


def _between(values: Floats, glimpses: int, share: float) -> Floats:
    """The mean of the values after `glimpses` and after one more, (t, ...) -> (...)."""
    mixed: Floats = values[glimpses - 1] * np.float32(1 - share) + values[glimpses] * np.float32(share)
    return mixed


def _mind(episode: Replay, classes: Sequence[str], glimpse: Floats, belief: Floats) -> Image.Image:
    """What is seen, (K, C, P, P), and what is believed, (N,): beside it, or below it where there are more scales."""
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
    font = ImageFont.load_default(_ROW - 2)
    names = max((pen.textlength(classes[number], font) for number in shown), default=0)
    start = left + round(min(names, 0.4 * (_SIDE - left))) + 6
    for row, number in enumerate(shown):
        colour = RIGHT if number in episode.true else WRONG if number in episode.said else GREY
        y = top + row * _ROW
        write(pen, (left, y - 1), classes[number], _ROW - 2, GREY if colour == GREY else PALE, start - left - 6)
        _draw_bar(pen, (start, y + 2, _SIDE - 1, y + _ROW - 4), float(belief[number]), colour)
    return image


def _draw_bar(pen: ImageDraw.ImageDraw, edges: tuple[int, int, int, int], share: float, colour: Colour) -> None:
    """A bar that fills a share in [0, 1] of its room."""
    left, top, right, bottom = edges
    pen.rectangle(edges, fill=DIM)
    length = round(share * (right + 1 - left))
    if length:
        pen.rectangle((left, top, left + length - 1, bottom), fill=colour)
