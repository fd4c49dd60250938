"""Images as an agent has seen them: what was seen at any scale is not grey, and as coarse as the agent saw it."""

from typing import cast

import numpy as np
import pytest
import torch

from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.retina import Retina
from glimpse.evaluation.replay import Bytes, Floats, Replay
from glimpse.reporting.drawing.scanpaths import DIM, moment_image
from glimpse.reporting.drawing.seen_picture import seen_picture

HEIGHT, WIDTH = 24, 40


def glimpsed(retina: Retina, locations: list[tuple[float, float]], channels: int = 1) -> Replay:
    """Return an episode on a random image with the patches that the retina gives."""
    random = np.random.default_rng(3)
    picture = random.integers(0, 256, (channels, HEIGHT, WIDTH), np.uint8)
    prepared = retina.prepare(torch.from_numpy(picture)[None])
    look = torch.tensor(locations)
    patch = retina.look(prepared, torch.zeros(len(look), dtype=torch.int64), look).numpy()
    return Replay(0, picture, look.numpy(), patch, np.zeros((len(look), 2), np.float32), 0)


def in_boxes(retina: Retina, locations: Floats, scale: int) -> Bytes:
    """Return which pixels a scale covered at any of some locations, (H, W)."""
    found = np.zeros((HEIGHT, WIDTH), np.uint8)
    for location in locations:
        left, top, right, bottom = (max(0, edge) for edge in retina.boxes(location)[scale])
        found[top:bottom, left:right] = 1
    return cast(Bytes, found)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("patch", "scales", "zoom"), [(4, 1, 2), (5, 2, 2), (4, 3, 2), (3, 2, 3)])
def test_what_any_scale_covered_is_seen(patch: int, scales: int, zoom: int, channels: int) -> None:
    """It is seen exactly in the boxes of all scales; where the finest looked, the image has its own pixels."""
    retina = Retina(RetinaOptions(patch=patch, scales=scales, zoom=zoom), HEIGHT, WIDTH)
    episode = glimpsed(retina, [(-0.9, -0.9), (0.2, 0.1), (0.4, 0.1), (1.0, 0.8)], channels)
    for glimpses in range(1, 5):
        shown, seen = seen_picture(episode, retina, glimpses)
        covered = [in_boxes(retina, episode.location[:glimpses], scale).astype(bool) for scale in range(scales)]
        np.testing.assert_array_equal(seen, np.any(covered, 0))
        np.testing.assert_array_equal(shown[:, covered[0]], episode.picture[:, covered[0]])
        np.testing.assert_array_equal(shown[:, ~seen], episode.picture[:, ~seen])


def test_a_pixel_that_only_a_coarse_scale_saw_has_the_mean_of_its_cell() -> None:
    """At the centre, patches of 4 cover 18 to 22 across; the second scale has cells of 2 x 2 pixels from 16 on."""
    retina = Retina(RetinaOptions(patch=4, scales=2), HEIGHT, WIDTH)
    episode = glimpsed(retina, [(0.0, 0.0)])
    shown, _ = seen_picture(episode, retina, 1)
    assert shown[0, 8:10, 16:18].tolist() == [[round(float(episode.picture[0, 8:10, 16:18].mean()))] * 2] * 2
    np.testing.assert_array_equal(shown[0, 10:14, 18:22], episode.picture[0, 10:14, 18:22])
    assert (shown[0, 8:16, 16:24] != episode.picture[0, 8:16, 16:24]).any()


def test_a_coarse_glimpse_does_not_blur_what_was_seen_finely() -> None:
    """The order of the glimpses does not matter."""
    retina = Retina(RetinaOptions(patch=4, scales=3), HEIGHT, WIDTH)
    there, back = ([(0.1, 0.1), (0.3, 0.1)], [(0.3, 0.1), (0.1, 0.1)])
    first, second = (seen_picture(glimpsed(retina, path), retina, 2)[0] for path in (there, back))
    fine = in_boxes(retina, np.array(there, np.float32), 0).astype(bool)
    np.testing.assert_array_equal(first[:, fine], second[:, fine])


def test_of_a_moving_image_only_the_last_glimpse_is_seen() -> None:
    """What was seen before may have moved since."""
    retina = Retina(RetinaOptions(patch=4), HEIGHT, WIDTH)
    still = glimpsed(retina, [(-0.8, 0.0), (0.8, 0.0)])
    moving = Replay(**{**vars(still), "frames": np.stack([still.picture] * 2)})
    assert seen_picture(still, retina, 2)[1].sum() == 32
    assert seen_picture(moving, retina, 2)[1].sum() == 16


@pytest.mark.parametrize("scales", [1, 2, 3, 4])
def test_grey_is_what_was_not_seen(scales: int) -> None:
    """Of a white image, pixels are white where any scale looked, and grey elsewhere; drawn ten times as large."""
    retina = Retina(RetinaOptions(patch=4, scales=scales), HEIGHT, WIDTH)
    white = np.full((1, HEIGHT, WIDTH), 255, np.uint8)
    location = np.array([[-0.5, 0.1], [0.55, -0.3]], np.float32)
    prepared = retina.prepare(torch.from_numpy(white)[None])
    patch = retina.look(prepared, torch.zeros(2, dtype=torch.int64), torch.from_numpy(location)).numpy()
    episode = Replay(0, white, location, patch, np.zeros((2, 2), np.float32), 0)
    drawn = np.asarray(moment_image(episode, retina, 10 * WIDTH, 2)).astype(int)[5::10, 5::10]  # Middles of pixels.
    _, seen = seen_picture(episode, retina, 2)
    grey = np.abs(drawn - [0.3 * 255 + 0.7 * shade for shade in DIM]).max(-1) <= 3
    # The scanpath and the boxes are drawn over a part of the image. A coarse cell beyond the border is darker.
    clear = seen & (drawn.min(-1) == 255)
    assert not (grey & seen).any() and (grey & ~seen).sum() >= 0.8 * (~seen).sum()
    assert clear.sum() > 0.5 * seen.sum()
