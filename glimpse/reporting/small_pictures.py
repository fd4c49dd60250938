"""Pictures as small files: WebP for a page, PNG and GIF up to a number of bytes beside it."""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any, Literal

from PIL import Image

from glimpse.reporting.drawing.animation import gif
from glimpse.reporting.drawing.scanpaths import png

_QUALITY = 85
_BYTES_OF_PIXEL = 0.1
"""Size of an exact file, in bytes for each pixel, up to which no other is tried."""
_SHRINK = 0.8
"""Factor by which a picture is reduced until its file is small enough."""
_LEAST_SIDE = 64


def data_uri(file: bytes, kind: Literal["png", "webp"]) -> str:
    """Return an image file as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def web_picture(image: Image.Image) -> bytes:
    """Return an image as WebP: exactly, or with loss where exact files are large, as of photographs."""
    return _webp([image])


def web_animation(frames: Sequence[Image.Image], durations: Sequence[int]) -> bytes:
    """Return frames as an animated WebP that loops for ever; `durations` are in milliseconds."""
    return _webp(frames, duration=list(durations), loop=0)


def small_png(image: Image.Image, most: int) -> bytes:
    """Return a PNG of at most `most` bytes: of 256 colours, and reduced in size, where it needs to be."""
    file = png(image)
    return file if len(file) <= most else _shrunk(image, most, lambda one: png(one.quantize(256)))


def small_gif(frames: Sequence[Image.Image], durations: Sequence[int], most: int) -> bytes:
    """Return a GIF of at most `most` bytes.

    Where it would be larger, frames on the way to another glimpse, which are short, are left out; then it is reduced.
    """
    file = gif(frames, durations)
    if len(file) <= most:
        return file
    longest = max(durations)
    kept = [number for number, duration in enumerate(durations) if duration >= longest / 20]
    few, lasting = [frames[number] for number in kept], [durations[number] for number in kept]

    def smaller(one: Image.Image) -> bytes:
        return gif([frame.resize(one.size, Image.Resampling.LANCZOS) for frame in few], lasting)

    return _shrunk(few[0], most, smaller)


def _shrunk(image: Image.Image, most: int, encode: Callable[[Image.Image], bytes]) -> bytes:
    """Reduce an image until its file has at most `most` bytes, or it is as small as a picture may be."""
    file = encode(image)
    while len(file) > most and min(image.size) > _LEAST_SIDE:
        size = round(_SHRINK * image.width), round(_SHRINK * image.height)
        image = image.resize(size, Image.Resampling.LANCZOS)
        file = encode(image)
    return file


def _webp(frames: Sequence[Image.Image], **more: Any) -> bytes:
    """Return frames as WebP, exact unless they take too many bytes for their pixels."""
    (first, *others), files = frames, []
    # Exact files are made faster by method 1, and are no larger.
    for how in ({"lossless": True, "method": 1}, {"quality": _QUALITY, "method": 2}):
        file = io.BytesIO()
        first.save(file, "WEBP", save_all=bool(others), append_images=others, **how, **more)
        files.append(file.getvalue())
        if len(files[-1]) < _BYTES_OF_PIXEL * len(frames) * first.width * first.height:
            break
    return min(files, key=len)
