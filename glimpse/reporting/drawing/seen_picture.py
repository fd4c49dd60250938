"""Images as an agent has seen them: each pixel at the finest scale that covered it."""

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.images.retina import Retina
from glimpse.evaluation.replay import Bytes, Replay


def seen_picture(episode: Replay, retina: Retina, glimpses: int) -> tuple[Bytes, NDArray[np.bool_]]:
    """Return an image as the agent has seen it after some glimpses; of an image that moves, in the last one alone.

    Returns:
        The image (C, H, W), in which a pixel that only coarser scales have seen has the mean of its cell, as the
        finest of these scales showed it; and which pixels were seen at any scale, (H, W).
    """
    if episode.boxes is not None:
        return _seen_through_windows(episode, glimpses)
    options, first = retina.options, 0 if episode.frames is None else glimpses - 1
    original = episode.picture if episode.frames is None else episode.frames[first]
    picture = original.copy()
    finest = np.full(picture.shape[1:], options.scales)
    for number in range(first, glimpses):
        for scale, (left, top, right, bottom) in enumerate(retina.boxes(episode.location[number])):
            rows = slice(max(0, top), min(retina.height, bottom))
            columns = slice(max(0, left), min(retina.width, right))
            cell = options.zoom**scale
            shown = original[:, rows, columns]  # The finest scale shows the image's own pixels.
            if scale:
                coarse = np.rint(255 * episode.patch[number, scale]).astype(np.uint8).repeat(cell, 1).repeat(cell, 2)
                shown = coarse[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            better = finest[rows, columns] > scale
            np.copyto(picture[:, rows, columns], shown, where=better)
            finest[rows, columns][better] = scale
    return picture, finest < options.scales


def _seen_through_windows(episode: Replay, glimpses: int) -> tuple[Bytes, NDArray[np.bool_]]:
    """Return an image as it was seen through windows of any width: each pixel by the narrowest that covered it."""
    assert episode.boxes is not None
    picture = episode.picture.copy()
    height, width = picture.shape[1:]
    boxes = episode.boxes[:glimpses].reshape(-1, 4)
    patches = episode.patch[:glimpses].reshape(-1, *episode.patch.shape[2:])
    seen = np.zeros((height, width), np.bool_)
    for number in np.argsort(boxes[:, 0] - boxes[:, 2], kind="stable"):  # The widest first.
        left, top, right, bottom = boxes[number]
        columns = np.arange(max(0, round(left)), min(width, round(right)))
        rows = np.arange(max(0, round(top)), min(height, round(bottom)))
        patch = np.rint(255 * patches[number]).astype(np.uint8)
        down = np.clip((rows + 0.5 - top) / (bottom - top) * patch.shape[1], 0, patch.shape[1] - 1).astype(int)
        across = np.clip((columns + 0.5 - left) / (right - left) * patch.shape[2], 0, patch.shape[2] - 1).astype(int)
        picture[:, rows[:, None], columns] = patch[:, down[:, None], across]
        seen[rows[:, None], columns] = True
    return picture, seen
