"""Drawings of glimpses: the image, the scanpath, the box of each scale, and the patches; NumPy and Pillow only.

Axes: C channels, H x W pixels, K scales, P patch side, t glimpses so far. Locations are (x, y) in [-1, 1].
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from glimpse.envs.images.options import RetinaOptions

Colour = tuple[int, int, int]
Pixels = NDArray[Any]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels; ends excluded."""

# One for each scale, finest first: visible on black and white, and distinct for the colour-blind (Okabe and Ito).
SCALE_COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (160, 160, 160),
)
BACKGROUND: Colour = (38, 42, 51)
_OLDEST, _NEWEST = np.array([70, 84, 140]), np.array([255, 82, 82])
_LEAST_SIDE, _GAP, _LINE = 256, 12, 2


def to_rgb(image: Pixels) -> Pixels:
    """Convert (C, H, W) uint8, or float in [0, 1], to (H, W, 3) uint8; unless C is 3, the first channel is grey."""
    if image.dtype != np.uint8:
        image = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    colours = image if image.shape[0] == 3 else np.repeat(image[:1], 3, axis=0)
    return np.ascontiguousarray(colours.transpose(1, 2, 0))


def enlarge(image: Pixels, factor: int) -> Image.Image:
    """Convert (C, H, W) to a picture whose pixels are squares of `factor` x `factor`."""
    return Image.fromarray(to_rgb(image).repeat(factor, axis=0).repeat(factor, axis=1))


def magnification(height: int, width: int, least: int = _LEAST_SIDE) -> int:
    """Return the factor that enlarges the longer side of `height` x `width` pixels to at least `least`."""
    return -(-least // max(height, width))


def to_pixels(locations: Pixels, height: int, width: int) -> Pixels:
    """Convert locations (..., 2) in [-1, 1] to coordinates (x, y), (..., 2), in `height` x `width` pixels."""
    return (np.asarray(locations, np.float32) + np.float32(1)) * np.float32(0.5) * np.array([width, height], np.float32)


def boxes(options: RetinaOptions | None, location: Pixels, height: int, width: int) -> list[Box]:
    """Return the box of each scale of the retina at a location (2,); without a retina, that of the whole image.

    The rule is that of `glimpse.envs.images.retina.Retina`; a box may reach beyond the image.
    """
    if options is None:
        return [(0, 0, width, height)]
    centre = to_pixels(location, height, width)
    found = []
    for scale in range(options.scales):
        side = options.patch * options.zoom**scale
        left, top = np.floor(centre - side / 2 + 0.5).astype(int).tolist()
        found.append((left, top, left + side, top + side))
    return found


def draw_box(canvas: Image.Image, box: tuple[float, float, float, float], colour: Colour) -> None:
    """Outline a box (left, top, right, bottom) in pixels of the canvas, by a line inside and a dark rim around it."""
    draw = ImageDraw.Draw(canvas)
    left, top, right, bottom = box
    draw.rectangle((left - 1, top - 1, right, bottom), outline=BACKGROUND)
    draw.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=_LINE)


def path_colours(count: int) -> list[Colour]:
    """Return colours of `count` locations in order; the newest is the brightest."""
    brightness = np.linspace(0 if count > 1 else 1, 1, count)[:, None]
    mixed = np.rint(_OLDEST + (_NEWEST - _OLDEST) * brightness).astype(int)
    return [(int(red), int(green), int(blue)) for red, green, blue in mixed]


def draw_path(canvas: Image.Image, points: Pixels, radius: int = 9) -> Image.Image:
    """Draw a scanpath (t, 2), in pixels of the canvas, as numbered points joined by lines, the newest on top."""
    # Draw larger and reduce, if memory allows, since Pillow's circles and lines have ragged edges.
    smooth = max(1, min(4, 2048 // max(canvas.size)))
    layer = Image.new("RGBA", (canvas.width * smooth, canvas.height * smooth))
    draw, font, line = ImageDraw.Draw(layer), ImageFont.load_default(radius * smooth * 1.25), _LINE * smooth
    spots = [(float(x) * smooth, float(y) * smooth) for x, y in points]
    colours = path_colours(len(spots))
    for start, end, colour in zip(spots, spots[1:], colours[1:], strict=False):
        draw.line((start, end), fill=(255, 255, 255, 255), width=2 * line)
        draw.line((start, end), fill=(*colour, 255), width=line)
    for number, (spot, colour) in enumerate(zip(spots, colours, strict=True), start=1):
        rim = max(1, line * 3 // 4)
        draw.circle(spot, radius * smooth, fill=(*colour, 255), outline=(255, 255, 255, 255), width=rim)
        draw.text(spot, str(number), fill=(255, 255, 255, 255), font=font, anchor="mm")
    layer = layer.resize(canvas.size, Image.Resampling.BOX)
    return Image.alpha_composite(canvas.convert("RGBA"), layer).convert("RGB")


def draw_scene(image: Pixels, locations: Pixels, options: RetinaOptions | None) -> Image.Image:
    """Draw the enlarged image (C, H, W) with the scanpath (t, 2), and the box of each scale at its last location."""
    height, width = image.shape[1:]
    factor = magnification(height, width)
    scene = enlarge(image, factor)
    for box, colour in reversed(list(zip(boxes(options, locations[-1], height, width), SCALE_COLOURS, strict=False))):
        left, top, right, bottom = (side * factor for side in box)
        draw_box(scene, (left, top, right, bottom), colour)
    return draw_path(scene, to_pixels(locations, height, width) * factor)


def draw_patches(glimpse: Pixels, height: int) -> Image.Image:
    """Draw the patches (K, C, P, P) one below the other, in frames of their scales' colours, in `height` pixels."""
    scales, (rows, columns) = len(glimpse), glimpse.shape[-2:]
    room = (height - _GAP * (scales - 1)) // scales - 2 * _LINE
    factor = max(1, room // rows)
    step, width = rows * factor + 2 * _LINE, columns * factor + 2 * _LINE
    column = Image.new("RGB", (width, max(height, scales * (step + _GAP) - _GAP)), BACKGROUND)
    for scale, patch in enumerate(glimpse):
        top = scale * (step + _GAP)
        column.paste(enlarge(patch, factor), (_LINE, top + _LINE))
        outline = (0, top, width - 1, top + step - 1)
        ImageDraw.Draw(column).rectangle(outline, outline=SCALE_COLOURS[scale], width=_LINE)
    return column


def draw_glimpses(
    image: Pixels, locations: Pixels, options: RetinaOptions | None, glimpse: Pixels, glance: Pixels | None = None
) -> Image.Image:
    """Draw an episode so far: on the left the image with the scanpath, then the last glimpse, and the glance if any.

    Args:
        image: (C, H, W) uint8, the whole picture; enlarged by whole pixels to 256 or more.
        locations: (t, 2) in [-1, 1], the scanpath, t >= 1.
        options: the retina; None if the whole picture is shown.
        glimpse: (K, C, P, P) in [0, 1], the last glimpse.
        glance: (C, G, G) in [0, 1], the glance; None without.

    Returns:
        An RGB picture. Its size does not depend on t.
    """
    scene = draw_scene(image, locations, options)
    return side_by_side([scene, *drawn_views(glimpse, glance, scene.height)])


def drawn_views(glimpse: Pixels, glance: Pixels | None, height: int) -> list[Image.Image]:
    """Draw what is observed: the patches (K, C, P, P) in `height` pixels, and the glance (C, G, G) if there is one."""
    columns = [draw_patches(glimpse, height)]
    if glance is not None:
        columns.append(enlarge(glance, magnification(glance.shape[1], glance.shape[2], height // 2)))
    return columns


def side_by_side(columns: Sequence[Image.Image]) -> Image.Image:
    """Put pictures beside each other on a dark ground."""
    size = (sum(one.width + _GAP for one in columns) + _GAP, max(one.height for one in columns) + 2 * _GAP)
    frame, left = Image.new("RGB", size, BACKGROUND), _GAP
    for one in columns:
        frame.paste(one, (left, _GAP))
        left += one.width + _GAP
    return frame
