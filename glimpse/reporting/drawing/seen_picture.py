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
