"""Drawings of looks through windows of different widths: each window on the picture, and the newest patch.

Axes: C channels, H x W pixels, K scales, P patch side, G glance side, t glimpses so far.
"""

from PIL import Image, ImageDraw

from glimpse.envs.images.render import (
    SCALE_COLOURS,
    Pixels,
    draw_box,
    draw_path,
    drawn_views,
    enlarge,
    magnification,
    path_colours,
    side_by_side,
    to_pixels,
)

_FRAME = 320


def draw_windows(
    image: Pixels, locations: Pixels, windows: Pixels, glimpse: Pixels, glance: Pixels | None = None
) -> Image.Image:
    """Draw an episode so far: on the left the image with the window of each look, the last glimpse, and the glance.

    Args:
        image: (C, H, W) uint8, the whole picture; enlarged by whole pixels to 256 or more.
        locations: (t, 2) in [-1, 1], the scanpath, t >= 1.
        windows: (t, K, 4), left, top, right and bottom of each window, in pixels of the image.
        glimpse: (K, C, P, P) in [0, 1], the last glimpse.
        glance: (C, G, G) in [0, 1], the glance; None without.

    Returns:
        An RGB picture. Its size does not depend on t.
    """
    height, width = image.shape[1:]
    factor = magnification(height, width)
    scene = enlarge(image, factor)
    pen = ImageDraw.Draw(scene)
    for colour, look in zip(path_colours(len(windows)), windows[:-1], strict=False):
        for left, top, right, bottom in look * factor:
            pen.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=1)
    for colour, box in reversed(list(zip(SCALE_COLOURS, windows[-1] * factor, strict=False))):
        left, top, right, bottom = box.tolist()
        draw_box(scene, (left, top, right, bottom), colour)
    draw = draw_path(scene, to_pixels(locations, height, width) * factor)
    return side_by_side([draw, *drawn_views(glimpse, glance, max(_FRAME, scene.height))])
