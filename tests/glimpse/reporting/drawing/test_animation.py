"""Animation: its moments, and the frames of the GIF."""

import io

import numpy as np
import pytest
from PIL.GifImagePlugin import GifImageFile

from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.retina import Retina
from glimpse.evaluation.replay import Replay
from glimpse.reporting.drawing.animation import animation, gif, moments


def episode(glimpses: int, channels: int, retina: Retina, classes: int) -> Replay:
    """Return an episode with random content."""
    random = np.random.default_rng(glimpses)
    options = retina.options
    patch = random.random((glimpses, options.scales, channels, options.patch, options.patch), np.float32)
    belief = random.dirichlet(np.ones(classes), glimpses).astype(np.float32)
    picture = random.integers(0, 256, (channels, retina.height, retina.width), np.uint8)
    return Replay(0, picture, random.uniform(-1, 1, (glimpses, 2)).astype(np.float32), patch, belief, 1)


def test_moments_of_a_short_episode() -> None:
    """Each glimpse is shown, the last for longest, with four moments on the way to the next."""
    shown = moments(3)
    assert [one.glimpses for one in shown] == [1] * 5 + [2] * 5 + [3]
    assert [one.share for one in shown if one.duration >= 700] == [0, 0, 0]
    assert shown[-1].duration == max(one.duration for one in shown)
    assert moments(1) == [shown[-1]._replace(glimpses=1)]


def test_moments_of_a_long_episode() -> None:
    """At most sixty glimpses are shown, from the first to the last, without moments in between."""
    shown = moments(1000)
    assert len(shown) == 60
    assert (shown[0].glimpses, shown[-1].glimpses) == (1, 1000)
    assert not any(one.share for one in shown)


@pytest.mark.parametrize(
    ("channels", "height", "width", "scales", "classes"), [(1, 28, 28, 1, 10), (3, 12, 30, 3, 40), (3, 30, 12, 8, 2)]
)
def test_the_gif_holds_every_moment(channels: int, height: int, width: int, scales: int, classes: int) -> None:
    """The GIF has all frames for grey and colour, wide and tall images, few and many scales and classes."""
    retina = Retina(RetinaOptions(patch=4, scales=scales), height, width)
    episodes = [episode(glimpses, channels, retina, classes) for glimpses in (3, 1)]
    names = [f"class number {number} with a long name" for number in range(classes)]
    frames, durations = animation(episodes, retina, names)
    assert len(frames) == len(durations) == len(moments(3))
    file = GifImageFile(io.BytesIO(gif(frames, durations)))
    assert (file.n_frames, file.size, file.info["loop"]) == (len(frames), frames[0].size, 0)
    held = []
    for number in range(file.n_frames):
        file.seek(number)
        held.append(file.info["duration"])
    assert held == durations


def test_a_finished_episode_waits_for_the_others() -> None:
    """The finished episode's panel, on the right, no longer changes; the other one does."""
    retina = Retina(RetinaOptions(patch=4), 28, 28)
    frames, _ = animation([episode(4, 1, retina, 10), episode(2, 1, retina, 10)], retina, list("0123456789"))
    middle = frames[0].width // 2
    left, right = ([np.asarray(frame)[:, part] for frame in frames] for part in (np.s_[:middle], np.s_[middle:]))
    assert [np.array_equal(right[5], later) for later in right[5:]] == [True] * len(right[5:])
    assert not any(np.array_equal(one, other) for one, other in zip(left, left[1:], strict=False))
    assert not np.array_equal(right[0], right[5])
