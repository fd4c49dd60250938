"""DRAW's foveal read: filters with known answers, gradients to all five parameters, and the agent's window."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.vision.draw import DrawReader, FilterWindow, WindowNetwork, filter_rows, make_draw, read_patch
from glimpse.agents.vision.options import DrawOptions


def window(x: float, y: float, stride: float, deviation: float, intensity: float = 1.0) -> FilterWindow:
    """Return the window of one picture."""
    return FilterWindow(torch.tensor([[x, y]]), *(torch.tensor([value]) for value in (stride, deviation, intensity)))


@pytest.mark.parametrize("centre", [-500.0, 0.0, 3.3, 1e4])
@pytest.mark.parametrize("deviation", [1e-3, 0.5, 40.0])
def test_filters_sum_to_one(centre: float, deviation: float) -> None:
    """This holds also far outside the picture, and for tiny and huge variances; no weight is negative."""
    rows = filter_rows(torch.tensor([centre]), torch.tensor([1.7]), torch.tensor([deviation]), 5, 9)
    assert rows.shape == (1, 5, 9) and (rows >= 0).all()
    torch.testing.assert_close(rows.sum(-1), torch.ones(1, 5))


def test_filters_are_a_stride_apart_around_their_centre() -> None:
    """The mean of filter i is centre + (i - (N - 1) / 2) * stride: equations 19 and 20."""
    rows = filter_rows(torch.tensor([20.0]), torch.tensor([2.5]), torch.tensor([1.0]), 4, 40)
    mean = (rows * (torch.arange(40) + 0.5)).sum(-1)
    torch.testing.assert_close(mean, torch.tensor([[16.25, 18.75, 21.25, 23.75]]), atol=1e-3, rtol=0)
    variance = (rows * (torch.arange(40) + 0.5 - mean[..., None]) ** 2).sum(-1)
    torch.testing.assert_close(variance, torch.ones(1, 4), atol=1e-3, rtol=0)


def test_a_read_at_unit_stride_and_tiny_variance_is_a_crop() -> None:
    """Rows 2 to 4 and columns 5 to 7 of 8 x 10 pixels, in all channels."""
    picture = torch.rand(1, 2, 8, 10, generator=torch.Generator().manual_seed(1))
    patch = read_patch(picture, window(2 * 6.5 / 10 - 1, 2 * 3.5 / 8 - 1, 1.0, 0.01), 3)
    torch.testing.assert_close(patch[:, 0], picture[..., 2:5, 5:8])
    even = read_patch(picture, window(0.0, 0.0, 1.0, 0.01), 4)
    torch.testing.assert_close(even[:, 0], picture[..., 2:6, 3:7])


def test_a_wide_stride_leaves_pixels_out_and_intensity_multiplies() -> None:
    """It reads every second pixel, three times as bright."""
    picture = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    patch = read_patch(picture, window(2 * 2.5 / 6 - 1, 2 * 2.5 / 6 - 1, 2.0, 0.01, 3.0), 3)
    torch.testing.assert_close(patch[:, 0], 3 * picture[..., ::2, ::2])


def test_a_read_of_a_uniform_picture_is_uniform() -> None:
    """Location, stride and blur do not matter."""
    patch = read_patch(torch.full((1, 1, 7, 9), 0.25), window(0.9, -2.0, 3.0, 5.0), 4)
    torch.testing.assert_close(patch, torch.full((1, 1, 1, 4, 4), 0.25))


def test_windows_of_a_batch_are_independent() -> None:
    """Two windows in a batch read what each reads alone."""
    picture = torch.rand(2, 1, 6, 6)
    one, other = window(0.3, 0.1, 1.0, 0.5), window(-0.4, 0.2, 2.0, 0.8, 2.0)
    both = FilterWindow(*(torch.cat(pair) for pair in zip(one, other, strict=True)))
    alone = torch.cat([read_patch(picture[:1], one, 3), read_patch(picture[1:], other, 3)])
    torch.testing.assert_close(read_patch(picture, both, 3), alone)


def test_gradients_of_a_read_equal_finite_differences() -> None:
    """They are checked for the picture and all five parameters, in double precision."""
    noise = torch.Generator().manual_seed(1)
    picture = torch.rand(2, 1, 5, 6, generator=noise, dtype=torch.float64).requires_grad_()
    location = (torch.rand(2, 2, generator=noise, dtype=torch.float64) - 0.5).requires_grad_()
    others = [(torch.rand(2, generator=noise, dtype=torch.float64) + 0.5).requires_grad_() for _ in range(3)]
    assert torch.autograd.gradcheck(
        lambda x, *parts: read_patch(x, FilterWindow(*parts), 3, 2), (picture, location, *others)
    )


def test_an_untrained_window_is_the_whole_picture() -> None:
    """It is centred, with the outer filters half a pixel from the edges of the longer side: equation 24 at 0."""
    found = WindowNetwork(4, 5, 1, 9, 13)(torch.zeros(2, 4))
    assert found.location.tolist() == [[0, 0]] * 2 and found.intensity.tolist() == [1, 1]
    assert found.stride.tolist() == [3, 3] and found.deviation.tolist() == [3, 3]  # (13 - 1) / (5 - 1)
    large = WindowNetwork(4, 5, 1, 9, 13)
    torch.nn.init.normal_(large.linear.weight)
    extreme = large(torch.full((1, 4), 1e6))
    assert all(part.isfinite().all() and (part > -1.01).all() for part in extreme)
    coarsest = 4 * WindowNetwork(4, 5, 3, 9, 13)(torch.zeros(2, 4)).stride
    assert torch.equal(coarsest, found.stride)


def test_scales_are_reads_of_twice_the_stride_and_blur() -> None:
    """All scales have the same centre."""
    picture = torch.rand(1, 2, 8, 10)
    patch = read_patch(picture, window(0.2, -0.1, 0.7, 0.4, 1.5), 3, scales=3)
    assert patch.shape == (1, 3, 2, 3, 3)
    for scale, zoom in enumerate((1, 2, 4)):
        alone = read_patch(picture, window(0.2, -0.1, 0.7 * zoom, 0.4 * zoom, 1.5), 3)
        torch.testing.assert_close(patch[:, scale], alone[:, 0])


def make(core: str = "lstm", **options: Any) -> DrawReader:
    """Make a small DRAW agent for 8 x 10 pixels in two channels, three steps and four classes."""
    observation_space = spaces.Dict(
        {
            "glimpse": spaces.Box(0.0, 1.0, (1, 2, 8, 10), np.float32),
            "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
            "time": spaces.Discrete(4),
        }
    )
    action_space = spaces.Dict({"look": spaces.Box(-1.0, 1.0, (2,), np.float32), "answer": spaces.Discrete(4)})
    torch.manual_seed(1)
    widths = {"glimpse_width": 7, "location_width": 5, "feature_width": 9, "memory_width": 8}
    given = DrawOptions.model_validate({**widths, "patch": 4, "recurrent_core": core, **options})
    return make_draw(given, observation_space, action_space)


def observe(episodes: int) -> dict[str, Tensor]:
    """Return an observation of noise."""
    picture = torch.rand(episodes, 1, 2, 8, 10, generator=torch.Generator().manual_seed(2))
    return {"glimpse": picture, "location": torch.zeros(episodes, 2)}


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_the_answer_has_gradients_to_all_five_parameters_of_the_window(core: str) -> None:
    """The last answer depends on the windows before it, even in an untrained agent."""
    agent, seen = make(core), observe(6)
    memory = agent.initial_memory(seen)
    for _ in range(3):
        decision, memory = agent(seen, memory)
    decision.answer.square().sum().backward()
    gradient = agent.window.linear.weight.grad
    assert gradient is not None and (gradient.abs().sum(-1) > 0).all()


def test_the_window_has_its_own_learning_rate() -> None:
    """Each parameter is in exactly one group."""
    agent = make(locator_lr_scale=0.25)
    (others, one), (window_parameters, rate) = agent.learning_rates()
    assert (one, rate) == (1.0, 0.25)
    assert {id(p) for p in window_parameters} == {id(p) for p in agent.window.parameters()}
    assert len(others) + len(window_parameters) == len(list(agent.parameters()))


def test_the_look_is_the_centre_of_the_next_read() -> None:
    """A drawn scanpath therefore shows where the agent reads."""
    agent, seen = make(), observe(3)
    torch.nn.init.normal_(agent.window.linear.weight)
    decision, memory = agent(seen, agent.initial_memory(seen))
    assert torch.equal(decision.location, memory.window.location)
    assert torch.equal(agent.act(decision, torch.randn(3, 3), False)["look"], memory.window.location)
    assert len(memory.window.location.unique(dim=0)) == 3  # Each picture has its own.


def test_the_readout_is_what_the_filters_read() -> None:
    """An untrained window is centred at (5, 4), with a side of four strides of 3; intensity does not matter."""
    agent, seen = make(), observe(2)
    with torch.no_grad():
        agent.window.linear.bias[4] = 1.0
    memory = agent.initial_memory(seen)
    readout = agent.readout(seen, memory)
    torch.testing.assert_close(readout.boxes, torch.tensor([-1.0, -2, 11, 10]).expand(2, 1, 4))
    assert memory.window.intensity[0] > 1.5
    torch.testing.assert_close(
        memory.window.intensity[0] * readout.patch, read_patch(seen["glimpse"][:, 0], memory.window, 4)
    )
    assert torch.equal(readout.location, memory.window.location) and readout.share.amax((1, 2)).eq(1).all()


def test_filters_outside_the_picture_weigh_no_more_than_a_pixel_inside() -> None:
    """Sharp filters at the lower right corner: two along each side read inside, two read the last pixel."""
    agent, seen = make(), observe(1)
    readout = agent.readout(seen, agent.initial_memory(seen)._replace(window=window(1.0, 1.0, 1.0, 0.01)))
    expected = torch.zeros(1, 8, 10)
    expected[:, 6:, 8:] = 1
    torch.testing.assert_close(readout.share, expected)
