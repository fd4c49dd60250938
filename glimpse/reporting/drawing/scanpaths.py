"""Pictures of episodes: the image, the boxes that the retina gathered, and the path of the gaze.

Everything is drawn with Pillow at twice its size and then reduced, which smooths the lines.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.images.render import Colour, to_pixels, to_rgb
from glimpse.envs.images.retina import Retina
from glimpse.envs.images.whole_view import WholeView
from glimpse.envs.lanes import VisualCore
from glimpse.evaluation.replay import Bytes, Floats, Replay, evenly, replay
from glimpse.runs.durable import reporting_write_errors

GROUND: Colour = (20, 23, 26)
PALE: Colour = (232, 232, 228)
GREY: Colour = (142, 149, 156)
DIM: Colour = (52, 58, 64)
RIGHT: Colour = (77, 182, 196)
WRONG: Colour = (255, 107, 107)

_GAZE = np.array([(255, 221, 87), (255, 152, 67), (244, 84, 110), (168, 92, 232)], np.float32)
"""Colours of a path from its first glimpse to its last; all of them show on black and on white."""

_FINE = 2
"""How much larger things are drawn than they are kept."""


def blend(colours: Floats, share: Floats) -> Floats:
    """Colours along a ramp: (S, 3) stops and shares (...) in [0, 1] -> (..., 3) in [0, 255]."""
    position = share.clip(0, 1) * (len(colours) - 1)
    below = np.minimum(position.astype(np.int64), len(colours) - 2)
    part = (position - below)[..., None]
    mixed: Floats = colours[below] * (1 - part) + colours[below + 1] * part
    return mixed


def gaze_colours(glimpses: int) -> list[Colour]:
    """The colour of each glimpse of an episode."""
    mixed = blend(_GAZE, np.linspace(0, 1, glimpses, dtype=np.float32)).round().astype(int)
    return [(int(red), int(green), int(blue)) for red, green, blue in mixed]


def picture_image(picture: Bytes | Floats, side: int) -> Image.Image:
    """An image (C, H, W), uint8 or float in [0, 1], its longer side made `side` pixels; small ones keep hard pixels."""
    image = Image.fromarray(to_rgb(picture))
    scale = side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)


def path_image(episode: Replay, retina: Retina, side: int) -> Image.Image:
    """The image with the whole path of the gaze and the boxes of all glimpses, its longer side `side` pixels."""
    if _is_whole(episode, retina):
        return picture_image(episode.picture, side)
    image = picture_image(episode.picture, side * _FINE)
    colours = gaze_colours(len(episode.place))
    for number, (place, colour) in enumerate(zip(episode.place, colours, strict=True)):
        _draw_boxes(image, _boxes(episode, retina, number, place), retina, colour, bold=False)
    return _with_line(image, episode.place, colours)


def moment_image(episode: Replay, retina: Retina, side: int, glimpses: int, gaze: Floats | None = None) -> Image.Image:
    """The image after some glimpses: a veil over what was not seen, the path so far, the boxes of the last glimpse.

    Where the image moves it is as it was then, and what was seen of it before is veiled again. An image that is shown
    whole is the brighter the more the last glimpse read of it.

    Args:
        episode: what is drawn.
        retina: knows the boxes.
        side: longer side of the picture, in pixels.
        glimpses: how many were taken, from 1 to t.
        gaze: (2,), where the gaze is, if it is on its way to the next glimpse.
    """
    picture = episode.picture if episode.frames is None else episode.frames[glimpses - 1]
    if _is_whole(episode, retina):
        return picture_image(picture, side)
    seen = episode.place[0 if episode.frames is None else glimpses - 1 : glimpses]
    clear = _clear(seen, retina) if episode.share is None else episode.share[glimpses - 1]
    image = _veiled(picture_image(picture, side * _FINE), clear)
    places = episode.place[:glimpses] if gaze is None else np.vstack([episode.place[:glimpses], gaze])
    colours = gaze_colours(len(episode.place))[: len(places)]
    _draw_boxes(image, _boxes(episode, retina, glimpses - 1, places[-1]), retina, colours[-1], bold=True)
    return _with_line(image, places, colours)


def _clear(places: Floats, retina: Retina) -> Floats:
    """How clearly each pixel was seen, (H, W) in [0, 1]: 0 where no glimpse fell, 1 where the finest scale did."""
    clear = np.zeros((retina.height, retina.width), np.float32)
    for place in places:
        for scale, box in enumerate(retina.boxes(place)):
            left, top, right, bottom = (max(0, edge) for edge in box)
            seen = clear[top:bottom, left:right]
            np.maximum(seen, 1 / (1 + scale), out=seen)
    return clear


def _veiled(image: Image.Image, clear: Floats) -> Image.Image:
    """The image behind grey, which is the thinner the clearer (H, W) in [0, 1] it is."""
    mask = picture_image(0.3 + 0.7 * clear[None], max(image.size)).convert("L")
    return Image.composite(image, Image.new("RGB", image.size, DIM), mask)


def _is_whole(episode: Replay, retina: Retina) -> bool:
    """Whether all of the image was seen wherever the gaze was, so that nothing is to be drawn of it."""
    return episode.share is None and isinstance(retina, WholeView)


def _boxes(episode: Replay, retina: Retina, number: int, place: Floats) -> Sequence[Sequence[float]]:
    """What glimpse `number` covers if the gaze is at `place`: left, top, right and bottom in pixels, for each scale."""
    if episode.boxes is None:
        return retina.boxes(place)
    moved = (place - episode.place[number]) / 2 * np.array([retina.width, retina.height], np.float32)
    covered: list[list[float]] = (episode.boxes[number] + np.tile(moved, 2)).tolist()
    return covered


def _draw_boxes(
    image: Image.Image, boxes: Sequence[Sequence[float]], retina: Retina, colour: Colour, *, bold: bool
) -> None:
    """Outline what a glimpse covers. Where many glimpses are drawn, and none is bold, coarse scales are faint."""
    pen = ImageDraw.Draw(image, "RGBA")
    zoom = image.width / retina.width, image.height / retina.height
    thin, thick = (max(_FINE, round(max(image.size) / part)) for part in (160, 100))
    for scale, (left, top, right, bottom) in reversed(list(enumerate(boxes))):
        edges = left * zoom[0], top * zoom[1], right * zoom[0] - 1, bottom * zoom[1] - 1
        alpha = 235 if scale == 0 else 175 if bold else 70
        pen.rectangle(edges, outline=(*colour, alpha), width=thick if bold and scale == 0 else thin)


def _with_line(image: Image.Image, places: Floats, colours: Sequence[Colour]) -> Image.Image:
    """Draw the path, a dot at each place and a ring at the first, with a dark rim; and reduce the picture."""
    pen, width = ImageDraw.Draw(image, "RGBA"), max(image.size) / 110
    spots = [(float(x), float(y)) for x, y in to_pixels(places, image.height, image.width)]
    steps = list(zip(spots, spots[1:], colours[1:], strict=False))
    for start, end, _ in steps:
        pen.line((start, end), fill=(0, 0, 0, 150), width=round(2.2 * width))
    for start, end, colour in steps:
        pen.line((start, end), fill=colour, width=round(width))
    for number, (spot, colour) in enumerate(zip(spots, colours, strict=True)):
        pen.circle(spot, 2.8 * width, fill=(0, 0, 0, 170))
        pen.circle(spot, 2.2 * width, fill=colour)
        if number == 0:
            pen.circle(spot, 1.1 * width, fill=(0, 0, 0, 255))
    return image.resize((image.width // _FINE, image.height // _FINE), Image.Resampling.BOX)


def png(image: Image.Image) -> bytes:
    """An image as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def jpeg(image: Image.Image) -> bytes:
    """An image as a JPEG file."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def write(
    pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: float, colour: Colour, width: float
) -> None:
    """Write a line of text whose top left corner is `place`, cut short where it is wider than `width`."""
    font = ImageFont.load_default(size)
    if pen.textlength(text, font) > width:
        while text and pen.textlength(text + "…", font) > width:
            text = text[:-1]
        text += "…"
    pen.text(place, text, fill=colour, font=font)


def sheet(tiles: Sequence[Image.Image], captions: Sequence[tuple[str, Colour]], columns: int) -> Image.Image:
    """Tiles of one size in rows, each with a line of text under it, on a dark ground."""
    width, height = (max(tile.size[axis] for tile in tiles) for axis in (0, 1))
    gap, line = round(width * 0.1), max(12, round(width * 0.09))
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    pitch = height + gap + 2 * line
    whole = Image.new("RGB", (gap + columns * (width + gap), rows * pitch + gap), GROUND)
    pen = ImageDraw.Draw(whole)
    for number, (tile, (text, colour)) in enumerate(zip(tiles, captions, strict=True)):
        left, top = gap + number % columns * (width + gap), gap + number // columns * pitch
        whole.paste(tile, (left, top))
        write(pen, (left, top + height + line * 0.4), text, line, colour, width)
    return whole


def verdict(episode: Replay, classes: Sequence[str]) -> tuple[str, Colour]:
    """What was answered, in words, or whether the episode succeeded; and the colour for it."""
    if not classes:
        return ("success", RIGHT) if episode.right else ("failure", WRONG)
    answer, label = (" ".join(classes[number] for number in named) for named in (episode.said, episode.true))
    return (f"{answer}, right", RIGHT) if episode.right else (f"{answer}, but it is {label}", WRONG)


def paths_sheet(episodes: Sequence[Replay], retina: Retina, classes: Sequence[str], side: int) -> Image.Image:
    """Images with their whole paths, and what was answered, six in a row; each at most `side` pixels wide and high."""
    tiles = [path_image(episode, retina, side) for episode in episodes]
    return sheet(tiles, [verdict(episode, classes) for episode in episodes], columns=6)


def paths_picture(agent: Agent, world: VisualCore, episodes: int, path: Path) -> None:
    """Write a PNG of scan paths over images spread evenly over the world's split; the same ones each time.

    Raises:
        UserError: if it cannot be written.
    """
    shown = replay(agent, world, evenly(world.examples, episodes), EvaluateOptions())
    with reporting_write_errors(path):
        paths_sheet(shown, world.retina, world.classes, side=140).save(path, "PNG")
