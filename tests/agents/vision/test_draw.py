"""DRAW's foveal read: filters with known answers, gradients to all five parameters, and the agent's own window."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.soft_options import DrawOptions
from glimpse.agents.vision.draw import DrawReader, Window, WindowNetwork, filter_rows, make_draw, read


def window(x: float, y: float, stride: float, deviation: float, intensity: float = 1.0) -> Window:
    """Of one picture."""
    return Window(torch.tensor([[x, y]]), *(torch.tensor([value]) for value in (stride, deviation, intensity)))


@pytest.mark.parametrize("centre", [-500.0, 0.0, 3.3, 1e4])
@pytest.mark.parametrize("deviation", [1e-3, 0.5, 40.0])
def test_filters_sum_to_one(centre: float, deviation: float) -> None:
    """Each row, also far outside the picture and for tiny and huge variances; and nothing is negative."""
    rows = filter_rows(torch.tensor([centre]), torch.tensor([1.7]), torch.tensor([deviation]), 5, 9)
    assert rows.shape == (1, 5, 9) and (rows >= 0).all()
    torch.testing.assert_close(rows.sum(-1), torch.ones(1, 5))


def test_filters_stand_a_stride_apart_around_their_centre() -> None:
    """The mean of each, equations 19 and 20: centre + (i - (N - 1) / 2) * stride."""
    rows = filter_rows(torch.tensor([20.0]), torch.tensor([2.5]), torch.tensor([1.0]), 4, 40)
    mean = (rows * (torch.arange(40) + 0.5)).sum(-1)
    torch.testing.assert_close(mean, torch.tensor([[16.25, 18.75, 21.25, 23.75]]), atol=1e-3, rtol=0)
    variance = (rows * (torch.arange(40) + 0.5 - mean[..., None]) ** 2).sum(-1)
    torch.testing.assert_close(variance, torch.ones(1, 4), atol=1e-3, rtol=0)


def test_a_read_at_unit_stride_and_tiny_variance_is_a_crop() -> None:
    """Of pictures that are not square, in all channels: rows 2 to 4 and columns 5 to 7 of 8 x 10."""
    picture = torch.rand(1, 2, 8, 10, generator=torch.Generator().manual_seed(1))
    patch = read(picture, window(2 * 6.5 / 10 - 1, 2 * 3.5 / 8 - 1, 1.0, 0.01), 3)
    torch.testing.assert_close(patch[:, 0], picture[..., 2:5, 5:8])
    even = read(picture, window(0.0, 0.0, 1.0, 0.01), 4)
    torch.testing.assert_close(even[:, 0], picture[..., 2:6, 3:7])


def test_a_wide_stride_leaves_pixels_out_and_intensity_multiplies() -> None:
    """Every second pixel, three times as bright."""
    picture = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    patch = read(picture, window(2 * 2.5 / 6 - 1, 2 * 2.5 / 6 - 1, 2.0, 0.01, 3.0), 3)
    torch.testing.assert_close(patch[:, 0], 3 * picture[..., ::2, ::2])


def test_a_read_of_an_even_picture_is_even() -> None:
    """Wherever, and however blurred."""
    patch = read(torch.full((1, 1, 7, 9), 0.25), window(0.9, -2.0, 3.0, 5.0), 4)
    torch.testing.assert_close(patch, torch.full((1, 1, 1, 4, 4), 0.25))


def test_windows_of_a_batch_are_their_own() -> None:
    """Two together are each alone."""
    picture = torch.rand(2, 1, 6, 6)
    one, other = window(0.3, 0.1, 1.0, 0.5), window(-0.4, 0.2, 2.0, 0.8, 2.0)
    both = Window(*(torch.cat(pair) for pair in zip(one, other, strict=True)))
    alone = torch.cat([read(picture[:1], one, 3), read(picture[1:], other, 3)])
    torch.testing.assert_close(read(picture, both, 3), alone)


def test_a_read_differentiates_as_finite_differences_say() -> None:
    """With respect to the picture and all five parameters, in double precision."""
    noise = torch.Generator().manual_seed(1)
    picture = torch.rand(2, 1, 5, 6, generator=noise, dtype=torch.float64).requires_grad_()
    place = (torch.rand(2, 2, generator=noise, dtype=torch.float64) - 0.5).requires_grad_()
    others = [(torch.rand(2, generator=noise, dtype=torch.float64) + 0.5).requires_grad_() for _ in range(3)]
    assert torch.autograd.gradcheck(lambda x, *parts: read(x, Window(*parts), 3, 2), (picture, place, *others))


def test_an_untrained_window_is_the_whole_picture() -> None:
    """Centred; the outer filters stand half a pixel from the edges of the longer side, as in equation 24 at 0."""
    found = WindowNetwork(4, 5, 1, 9, 13)(torch.zeros(2, 4))
    assert found.place.tolist() == [[0, 0]] * 2 and found.intensity.tolist() == [1, 1]
    assert found.stride.tolist() == [3, 3] and found.deviation.tolist() == [3, 3]  # (13 - 1) / (5 - 1)
    large = WindowNetwork(4, 5, 1, 9, 13)
    torch.nn.init.normal_(large.linear.weight)
    extreme = large(torch.full((1, 4), 1e6))
    assert all(part.isfinite().all() and (part > -1.01).all() for part in extreme)
    coarsest = 4 * WindowNetwork(4, 5, 3, 9, 13)(torch.zeros(2, 4)).stride
    assert torch.equal(coarsest, found.stride)


def test_scales_are_reads_of_twice_the_stride_and_blur() -> None:
    """Around the same centre."""
    picture = torch.rand(1, 2, 8, 10)
    patch = read(picture, window(0.2, -0.1, 0.7, 0.4, 1.5), 3, scales=3)
    assert patch.shape == (1, 3, 2, 3, 3)
    for scale, zoom in enumerate((1, 2, 4)):
        alone = read(picture, window(0.2, -0.1, 0.7 * zoom, 0.4 * zoom, 1.5), 3)
        torch.testing.assert_close(patch[:, scale], alone[:, 0])


def make(core: str = "lstm", **options: Any) -> DrawReader:
    """A small reader of 8 x 10 pixels in two channels, three steps, four classes."""
    observation_space = spaces.Dict(
        {
            "glimpse": spaces.Box(0.0, 1.0, (1, 2, 8, 10), np.float32),
            "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
            "time": spaces.Discrete(4),
        }
    )
    action_space = spaces.Dict({"look": spaces.Box(-1.0, 1.0, (2,), np.float32), "answer": spaces.Discrete(4)})
    torch.manual_seed(1)
    widths = {"glimpse_width": 7, "place_width": 5, "feature_width": 9, "memory_width": 8}
    given = DrawOptions.model_validate({**widths, "patch": 4, "core": core, **options})
    return make_draw(given, observation_space, action_space)


def observe(episodes: int) -> dict[str, Tensor]:
    """Noise."""
    picture = torch.rand(episodes, 1, 2, 8, 10, generator=torch.Generator().manual_seed(2))
    return {"glimpse": picture, "location": torch.zeros(episodes, 2)}


@pytest.mark.parametrize("core", ["rnn", "lstm"])
def test_the_answer_moves_all_five_parameters_of_the_window(core: str) -> None:
    """The last answer depends on where and how was read before it, so backpropagation reaches them, even untrained."""
    agent, seen = make(core), observe(6)
    memory = agent.begin(seen)
    for _ in range(3):
        decision, memory = agent(seen, memory)
    decision.answer.square().sum().backward()
    gradient = agent.window.linear.weight.grad
    assert gradient is not None and (gradient.abs().sum(-1) > 0).all()


def test_the_learning_rate_of_the_window_is_its_own() -> None:
    """And no parameter is in both groups, or in none."""
    agent = make(locator_rate=0.25)
    (others, one), (window_parameters, rate) = agent.learning_rates()
    assert (one, rate) == (1.0, 0.25)
    assert {id(p) for p in window_parameters} == {id(p) for p in agent.window.parameters()}
    assert len(others) + len(window_parameters) == len(list(agent.parameters()))


def test_the_look_is_the_centre_of_the_next_read() -> None:
    """So that a drawn path shows where it read."""
    agent, seen = make(), observe(3)
    torch.nn.init.normal_(agent.window.linear.weight)
    decision, memory = agent(seen, agent.begin(seen))
    assert torch.equal(decision.place, memory.window.place)
    assert torch.equal(agent.act(decision, torch.randn(3, 3), False)["look"], memory.window.place)
    assert len(memory.window.place.unique(dim=0)) == 3  # Each picture has its own.


def test_a_sight_is_what_the_filters_read() -> None:
    """Untrained: the picture's centre (5, 4), four strides of 3 to each side of it together; whatever the intensity."""
    agent, seen = make(), observe(2)
    with torch.no_grad():
        agent.window.linear.bias[4] = 1.0
    memory = agent.begin(seen)
    sight = agent.sight(seen, memory)
    torch.testing.assert_close(sight.boxes, torch.tensor([-1.0, -2, 11, 10]).expand(2, 1, 4))
    assert memory.window.intensity[0] > 1.5
    torch.testing.assert_close(memory.window.intensity[0] * sight.patch, read(seen["glimpse"][:, 0], memory.window, 4))
    assert torch.equal(sight.place, memory.window.place) and sight.share.amax((1, 2)).eq(1).all()


def test_filters_outside_the_picture_outshine_no_pixel_inside() -> None:
    """Sharp ones at the lower right corner, a pixel apart: two along each side read inside, two the last pixel."""
    agent, seen = make(), observe(1)
    sight = agent.sight(seen, agent.begin(seen)._replace(window=window(1.0, 1.0, 1.0, 0.01)))
    expected = torch.zeros(1, 8, 10)
    expected[:, 6:, 8:] = 1
    torch.testing.assert_close(sight.share, expected)
