"""Locators: schedules, paths, and sampled locations."""

import math
from collections import Counter

import pytest
import torch

from glimpse.agents.options import SigmaOptions
from glimpse.agents.policy_gradient import gaussian_log_prob
from glimpse.agents.vision.locators import (
    FixedLocator,
    Gaussian,
    LearnedLocator,
    PathLocator,
    RandomLocator,
    path_bias,
    raster,
)

PATH = ((0.5, -0.5), (0.0, 0.9))


@pytest.mark.parametrize(
    ("schedule", "expected"), [("linear", [0.2, 0.15, 0.125, 0.05]), ("geometric", [0.2, 0.126, 0.1, 0.05])]
)
def test_sigma_follows_its_schedule(schedule: str, expected: list[float]) -> None:
    """From 0.2 to 0.05; geometrically, 0.2 / 4^(1/3) = 0.126 after a third and 0.2 / 4^(1/2) = 0.1 after a half."""
    gaussian = Gaussian(SigmaOptions.model_validate({"start": 0.2, "end": 0.05, "schedule": schedule}))
    sigmas = [gaussian.current().item()]
    for progress in (1 / 3, 1 / 2, 1.0):
        gaussian.set_progress(progress)
        sigmas.append(gaussian.current().item())
    assert sigmas == pytest.approx(expected, abs=1e-4)


def test_sigma_survives_a_checkpoint() -> None:
    """The current value of the schedule is part of the state."""
    options = SigmaOptions(start=0.2, end=0.1)
    gaussian, restored = Gaussian(options), Gaussian(options)
    gaussian.set_progress(0.25)
    restored.load_state_dict(gaussian.state_dict())
    assert restored.current().item() == pytest.approx(0.175)


def test_learned_sigma_has_a_gradient_and_no_schedule() -> None:
    """A worked example: d log p / d log sigma = |location - mean|^2 / sigma^2 - 2, in two dimensions."""
    gaussian = Gaussian(SigmaOptions(start=0.2, schedule="learned"))
    gaussian.set_progress(1.0)
    assert gaussian.current().item() == pytest.approx(0.2)
    gaussian_log_prob(torch.tensor([0.3, 0.4]), torch.zeros(2), gaussian.current()).backward()
    assert gaussian.log_sigma.grad is not None
    assert gaussian.log_sigma.grad.item() == pytest.approx(0.25 / 0.04 - 2, rel=1e-5)


def test_locations_are_sampled_around_the_mean() -> None:
    """They are float32 for any type of the mean, since eight bits are too few on a large image."""
    gaussian = Gaussian(SigmaOptions(start=0.5))
    location = gaussian.sample(torch.tensor([[0.25, -1.0]], dtype=torch.bfloat16), torch.tensor([[1.0, -2.0]]))
    assert location.dtype == torch.float32 and location.tolist() == [[0.75, -2.0]]


def test_an_untrained_policy_follows_the_initial_path() -> None:
    """The path is for glimpses 2 and 3 of three; the location after the last glimpse is the centre."""
    locator = PathLocator(path_bias(PATH, 3), SigmaOptions())
    locations, _ = locator(torch.zeros(3, 4), torch.arange(3))
    torch.testing.assert_close(locations, torch.tensor([*PATH, (0.0, 0.0)]))


def test_a_path_to_the_edge_does_not_saturate_the_tanh() -> None:
    """At the edge itself the policy's gradient would always be zero."""
    locator = PathLocator(path_bias(((1.0, -1.0),), 2), SigmaOptions())
    location, _ = locator(torch.zeros(1, 4), torch.tensor([0]))
    torch.testing.assert_close(location, torch.tensor([[0.95, -0.95]]))
    location.sum().backward()
    assert locator.bias.grad is not None and locator.bias.grad[0].min() > 0.09


def test_without_a_path_the_untrained_policy_looks_at_the_centre() -> None:
    """The bias is zero at each step."""
    assert path_bias(None, 4).tolist() == [[0.0, 0.0]] * 4


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_path_of_another_length_is_refused(steps: int) -> None:
    """The message has the expected and the given number of locations."""
    with pytest.raises(ValueError, match=f"expected {steps - 1}, got 2"):
        path_bias(PATH, steps)


@pytest.mark.parametrize("width", [0, 5])
def test_a_learned_location_depends_on_memory_and_step(width: int) -> None:
    """It is linear with width 0, and has a hidden layer with ReLU otherwise; then the step's bias and the tanh."""
    locator = LearnedLocator(4, width, path_bias(PATH, 3), SigmaOptions())
    assert (locator.hidden is None) == (width == 0)
    memory, time = torch.randn(2, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1])
    location, hidden = locator(memory, time)
    assert hidden is None or (hidden.shape == (2, width) and hidden.min() >= 0)
    expected = locator.mean(memory if hidden is None else hidden) + torch.atanh(torch.tensor(PATH))
    torch.testing.assert_close(location, expected.tanh())
    assert not torch.allclose(location, locator(memory.flip(0), time)[0])


def test_fixed_locations_ignore_memory_and_noise() -> None:
    """Entry t is the location after step t."""
    locator = FixedLocator(torch.tensor([[0.1, 0.2], [0.3, 0.4]]))
    mean, _ = locator(torch.ones(3, 4), torch.tensor([1, 0, 1]))
    assert mean[:, 0].tolist() == pytest.approx([0.3, 0.1, 0.3])
    assert locator.sample(mean, torch.ones(3, 2)) is mean


def test_random_locations_are_uniform() -> None:
    """Equally spaced quantiles of the noise become equally spaced locations."""
    quantiles = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])
    noise = torch.special.ndtri(quantiles)[:, None].expand(-1, 2)
    locator = RandomLocator()
    mean, _ = locator(torch.zeros(5, 3), torch.zeros(5, dtype=torch.long))
    locations = locator.sample(mean, noise)
    torch.testing.assert_close(locations, (2 * quantiles - 1)[:, None].expand(-1, 2))


@pytest.mark.parametrize("steps", range(1, 21))
def test_a_raster_is_even(steps: int) -> None:
    """T different locations are inside the image, in rows of almost equal length, centred on the image."""
    locations = raster(steps)
    assert locations.shape == (steps, 2) and len(set(map(tuple, locations.tolist()))) == steps
    assert locations.abs().max() < 1
    order = [(y, x) for x, y in locations.tolist()]
    assert order == sorted(order)
    rows = Counter(y for y, _ in order)
    assert max(rows.values()) - min(rows.values()) <= 1
    assert abs(len(rows) - math.sqrt(steps)) <= 0.5
    torch.testing.assert_close(locations.mean(0)[0], torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.tensor(sorted(rows)).mean(), torch.tensor(0.0), atol=1e-6, rtol=0)


def test_rasters_by_hand() -> None:
    """One location, two rows of three, and two rows of which one is shorter."""
    columns = [pytest.approx(-2 / 3), 0.0, pytest.approx(2 / 3)]
    assert raster(1).tolist() == [[0.0, 0.0]]
    assert raster(6).tolist() == [[x, y] for y in (-0.5, 0.5) for x in columns]
    assert raster(3).tolist() == [[-0.5, -0.5], [0.5, -0.5], [0.0, 0.5]]
