"""Pictures of episodes: the image, the boxes of each glimpse, and the scanpath.

All is drawn with Pillow at twice its size and then reduced, which smooths the lines.
"""

import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from glimpse.envs.images.render import Colour, to_pixels, to_rgb
from glimpse.envs.images.retina import Retina
from glimpse.envs.lettering import fit_lettering
from glimpse.evaluation.replay import Bytes, Floats, Replay
from glimpse.reporting.drawing.seen_picture import seen_picture

GROUND: Colour = (20, 23, 26)
PALE: Colour = (232, 232, 228)
GREY: Colour = (142, 149, 156)
DIM: Colour = (52, 58, 64)
RIGHT: Colour = (77, 182, 196)
WRONG: Colour = (255, 107, 107)

_SCANPATH = np.array([(255, 221, 87), (255, 152, 67), (244, 84, 110), (168, 92, 232)], np.float32)
"""Colours of a scanpath from its first to its last glimpse; all are visible on black and on white."""

_FINE = 2
"""Factor by which pictures are drawn larger than they are saved."""


def blend(colours: Floats, share: Floats) -> Floats:
    """Interpolate colours: stops (S, 3) and shares (...) in [0, 1] -> colours (..., 3) in [0, 255]."""
    position = share.clip(0, 1) * (len(colours) - 1)
    below = np.minimum(position.astype(np.int64), len(colours) - 2)
    part = (position - below)[..., None]
    mixed: Floats = colours[below] * (1 - part) + colours[below + 1] * part
    return mixed


def scanpath_colours(glimpses: int) -> list[Colour]:
    """Return the colour of each glimpse of an episode."""
    mixed = blend(_SCANPATH, np.linspace(0, 1, glimpses, dtype=np.float32)).round().astype(int)
    return [(int(red), int(green), int(blue)) for red, green, blue in mixed]


def picture_image(picture: Bytes | Floats, side: int) -> Image.Image:
    """Return an image (C, H, W), uint8 or float in [0, 1], scaled so that its longer side has `side` pixels.

    Small images are enlarged without smoothing.
    """
    image = Image.fromarray(to_rgb(picture))
    scale = side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)


def path_image(episode: Replay, retina: Retina, side: int) -> Image.Image:
    """Draw the image with the whole scanpath, the boxes of all glimpses, and a cross where the agent points at last.

    Its longer side has `side` pixels.
    """
    if _is_whole(episode, retina):
        return picture_image(episode.picture, side)
    image = picture_image(episode.picture, side * _FINE)
    colours = scanpath_colours(len(episode.location))
    for number, (location, colour) in enumerate(zip(episode.location, colours, strict=True)):
        _draw_boxes(image, _boxes(episode, retina, number, location), retina, colour, bold=False)
    return _with_line(image, episode.location, colours, episode.point if episode.point is None else episode.point[-1])


def moment_image(
    episode: Replay, retina: Retina, side: int, glimpses: int, location: Floats | None = None
) -> Image.Image:
    """Draw the image after some glimpses: unseen parts in grey, the scanpath so far, the boxes of the last glimpse.

    A cross is where the agent points by then. What only a coarse scale has seen is drawn as coarsely as the agent saw
    it. An image that moves is drawn as it was then, and what was seen before is grey again. Where the image is shown
    whole, its brightness says how much the last glimpse read.

    Args:
        episode: the episode.
        retina: computes the boxes.
        side: longer side of the picture, in pixels.
        glimpses: number of glimpses taken, from 1 to t.
        location: (2,), a location on the way to the next glimpse, for frames between glimpses.
    """
    picture = episode.picture if episode.frames is None else episode.frames[glimpses - 1]
    if _is_whole(episode, retina):
        return picture_image(picture, side)
    if episode.share is None:
        picture, seen = seen_picture(episode, retina, glimpses)
        clear = seen.astype(np.float32)
    else:
        clear = episode.share[glimpses - 1]
    image = _veiled(picture_image(picture, side * _FINE), clear)
    locations = episode.location[:glimpses] if location is None else np.vstack([episode.location[:glimpses], location])
    colours = scanpath_colours(len(episode.location))[: len(locations)]
    _draw_boxes(image, _boxes(episode, retina, glimpses - 1, locations[-1]), retina, colours[-1], bold=True)
    point = None if episode.point is None else episode.point[glimpses - 1]
    return _with_line(image, locations, colours, point)


def _veiled(image: Image.Image, clear: Floats) -> Image.Image:
    """Blend the image with grey where `clear` (H, W) in [0, 1] is low."""
    mask = picture_image(0.3 + 0.7 * clear[None], max(image.size)).convert("L")
    return Image.composite(image, Image.new("RGB", image.size, DIM), mask)


def _is_whole(episode: Replay, retina: Retina) -> bool:
    """Return whether every glimpse saw the whole image, so that no scanpath is drawn."""
    return episode.share is None and retina.shows_all


def _boxes(episode: Replay, retina: Retina, number: int, location: Floats) -> Sequence[Sequence[float]]:
    """Return the boxes of glimpse `number`, moved to `location`: left, top, right and bottom in pixels by scale."""
    if episode.boxes is None:
        return retina.boxes(location)
    moved = (location - episode.location[number]) / 2 * np.array([retina.width, retina.height], np.float32)
    covered: list[list[float]] = (episode.boxes[number] + np.tile(moved, 2)).tolist()
    return covered


def _draw_boxes(
    image: Image.Image, boxes: Sequence[Sequence[float]], retina: Retina, colour: Colour, *, bold: bool
) -> None:
    """Outline the boxes of a glimpse; coarse scales are faint unless `bold`."""
    pen = ImageDraw.Draw(image, "RGBA")
    zoom = image.width / retina.width, image.height / retina.height
    thin, thick = (max(_FINE, round(max(image.size) / part)) for part in (160, 100))
    for scale, (left, top, right, bottom) in reversed(list(enumerate(boxes))):
        edges = left * zoom[0], top * zoom[1], right * zoom[0] - 1, bottom * zoom[1] - 1
        alpha = 235 if scale == 0 else 175 if bold else 70
        pen.rectangle(edges, outline=(*colour, alpha), width=thick if bold and scale == 0 else thin)


def _with_line(
    image: Image.Image, locations: Floats, colours: Sequence[Colour], point: Floats | None = None
) -> Image.Image:
    """Draw the scanpath, a dot at each location, a ring at the first, and a cross at a point; reduce the picture."""
    pen, width = ImageDraw.Draw(image, "RGBA"), max(image.size) / 110
    spots = [(float(x), float(y)) for x, y in to_pixels(locations, image.height, image.width)]
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
    if point is not None:
        ((x, y),) = to_pixels(point[None], image.height, image.width)
        arm = 4 * width
        for shade, thick in (((0, 0, 0), 2.4), (PALE, 1.2)):
            for down in (arm, -arm):
                pen.line((x - arm, y - down, x + arm, y + down), fill=shade, width=round(thick * width))
    return image.resize((image.width // _FINE, image.height // _FINE), Image.Resampling.BOX)


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def jpeg(image: Image.Image) -> bytes:
    """Return an image as a JPEG file."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def write(
    pen: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, size: float, colour: Colour, width: float
) -> None:
    """Write a line of text from its top left corner, truncated where it is wider than `width`."""
    (text,), font = fit_lettering([text], size)
    if pen.textlength(text, font) > width:
        while text and pen.textlength(text + "…", font) > width:
            text = text[:-1]
        text += "…"
    pen.text(corner, text, fill=colour, font=font)


def sheet(tiles: Sequence[Image.Image], captions: Sequence[tuple[str, Colour]], columns: int) -> Image.Image:
    """Arrange tiles of one size in rows, each with a caption under it, on a dark ground."""
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


def class_names(episode: Replay, numbers: Iterable[int], classes: Sequence[str]) -> str:
    """Return the names of classes, divided by spaces; of several labels by commas, or that there are none."""
    if isinstance(episode.label, tuple):
        return ", ".join(classes[number] for number in numbers) or "no label"
    return " ".join(classes[number] for number in numbers)


def answer_caption(episode: Replay, classes: Sequence[str]) -> tuple[str, Colour]:
    """Return the answer in words, or whether the episode succeeded, and its colour."""
    if episode.score is not None:
        return f"{episode.score[-1]:.4g}, is {episode.label:.4g}", PALE
    if not classes:
        return ("success", RIGHT) if episode.right else ("failure", WRONG)
    answer, label = (class_names(episode, numbers, classes) for numbers in (episode.answered, episode.true))
    return (f"{answer}, right", RIGHT) if episode.right else (f"{answer}, but it is {label}", WRONG)


def paths_sheet(episodes: Sequence[Replay], retina: Retina, classes: Sequence[str], side: int) -> Image.Image:
    """Draw episodes with their scanpaths and answers, six in a row, each at most `side` pixels wide and high."""
    tiles = [path_image(episode, retina, side) for episode in episodes]
    return sheet(tiles, [answer_caption(episode, classes) for episode in episodes], columns=6)
