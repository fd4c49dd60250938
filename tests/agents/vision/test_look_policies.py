"""Policies of looks: their grids, their densities, and the marks of cells that were looked at."""

import math

import pytest
import torch

from glimpse.agents.options import SigmaOptions
from glimpse.agents.vision.encoder_options import ConvolutionEncoderOptions
from glimpse.agents.vision.gaussian_looks import GaussianLooks
from glimpse.agents.vision.grid_looks import GridLooks
from glimpse.agents.vision.look_policy import LookPolicy, ZoomChoice
from glimpse.agents.vision.plain_encoders import ConvolutionEncoder

SIGMA = SigmaOptions(start=0.2, end=0.2)


def grid(zoom: ZoomChoice, cells: int = 4, sigma: SigmaOptions | None = None, glance: int = 0) -> GridLooks:
    """Return a small policy over cells, for memories of 3 numbers."""
    torch.manual_seed(0)
    return GridLooks(3, 5, zoom, cells, 3, glance, 2, sigma)


def test_each_zoom_has_a_grid() -> None:
    """4 cells along an axis at zoom 0, 4^(1/2) = 2 at zoom 1/2, and 1 at zoom 1: 16 + 4 + 1 cells."""
    policy = grid(ZoomChoice(levels=3))
    assert policy.cells == 21 and policy.side.tolist() == [4, 2, 1]
    assert policy.centre[[0, 3, 4, 15]].tolist() == [[-0.75, -0.75], [0.75, -0.75], [-0.75, -0.25], [0.75, 0.75]]
    assert policy.centre[[16, 19, 20]].tolist() == [[-0.5, -0.5], [0.5, 0.5], [0.0, 0.0]]


def test_a_cell_holds_its_centre() -> None:
    """Each cell is found by its centre and its zoom; the border belongs to the last cell."""
    policy = grid(ZoomChoice(levels=3))
    assert policy.cell_of(policy.centre, policy.level / 2).tolist() == list(range(21))
    border = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [2.0, 0.1]])
    assert policy.cell_of(border, torch.zeros(3)).tolist() == [15, 0, 11]
    marks = policy.marks(torch.tensor([[0.6, -0.6]]), torch.tensor([[0.5]]))
    assert marks.argmax(-1).tolist() == [17] and marks.sum() == 1


def test_an_action_names_the_level() -> None:
    """Levels are whole numbers, any zoom is a number in [0, 1]; both are read back."""
    zoom = torch.tensor([0.0, 0.5, 1.0])
    levels, free = ZoomChoice(levels=3), ZoomChoice(continuous=True)
    assert levels.action(zoom).tolist() == [0, 1, 2] and levels.value(levels.action(zoom)).tolist() == zoom.tolist()
    assert free.action(zoom).shape == (3, 1) and free.value(free.action(zoom)).tolist() == zoom.tolist()


def policies() -> dict[str, LookPolicy]:
    """Return a policy of each kind and with each kind of zoom."""
    zooms = {"no zoom": ZoomChoice(), "levels": ZoomChoice(levels=3), "any zoom": ZoomChoice(continuous=True)}
    found: dict[str, LookPolicy] = {}
    for name, zoom in zooms.items():
        found |= {f"grid, {name}": grid(zoom), f"both, {name}": grid(zoom, sigma=SIGMA)}
        found[f"gaussian, {name}"] = GaussianLooks(3, 5, 2, zoom, SIGMA)
    return found


@pytest.mark.parametrize("name", policies())
def test_greedy_looks_are_the_likeliest(name: str) -> None:
    """A greedy look is at the mean, ignores the noise, and is likelier than a sampled one of the same zoom."""
    policy = policies()[name]
    time, sides = torch.zeros(64, dtype=torch.int64), torch.ones(64, 2)
    parts = policy(torch.randn(64, 3), time, policy.keys(None, sides), torch.zeros(64, policy.cells))
    noise = torch.randn(64, 3)
    greedy, sampled = policy.sample(parts, noise, True), policy.sample(parts, noise, False)
    assert torch.equal(greedy["look"], policy.mean(parts)) and greedy["look"].dtype == torch.float32
    masked = policy.sample(parts, noise, torch.arange(64) < 32)
    for action, part in masked.items():
        assert torch.equal(part[:32], greedy[action][:32]) and torch.equal(part[32:], sampled[action][32:])
    if not name.startswith("both"):  # A mixture's mode is not at the mean of one part.
        assert (policy.log_prob(parts, greedy) >= policy.log_prob(parts, sampled) - 1e-5).all()


def test_the_mixture_is_a_density() -> None:
    """Over the plane, and over all zooms, it integrates to 1."""
    policy = grid(ZoomChoice(levels=2), cells=2, sigma=SIGMA)
    parts = policy(
        torch.randn(1, 3), torch.zeros(1, dtype=torch.int64), policy.keys(None, torch.ones(1, 2)), torch.zeros(1, 5)
    )
    line = torch.linspace(-2, 2, 161)
    look = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(-1, 1, 2)
    total = 0.0
    for level in (0, 1):
        zoom = torch.full((len(look), 1), level)
        repeated = {key: part.expand(len(look), *part.shape) for key, part in parts.items()}
        total += float(policy.log_prob(repeated, {"look": look, "zoom": zoom}).detach().exp().sum()) * (4 / 160) ** 2
    assert total == pytest.approx(1, abs=0.01)


def test_one_cell_is_a_gaussian() -> None:
    """With one cell of half-width 1 the log-density at the mean is - 2 log sigma - log 2 pi."""
    policy = grid(ZoomChoice(), cells=1, sigma=SIGMA)
    parts = policy(
        torch.randn(1, 3), torch.zeros(1, dtype=torch.int64), policy.keys(None, torch.ones(1, 2)), torch.zeros(1, 1)
    )
    log_prob = policy.log_prob(parts, {"look": policy.mean(parts)})
    assert log_prob.item() == pytest.approx(-2 * math.log(0.2) - math.log(2 * math.pi), abs=1e-5)


def test_keys_are_read_where_the_cells_are() -> None:
    """In a glance of a picture half as wide as high, its left edge is at half the way from the centre."""
    policy = grid(ZoomChoice(), cells=2, glance=1)
    assert policy.glance is not None
    with torch.no_grad():
        policy.place.weight.zero_()
        policy.place.bias.zero_()
        policy.glance.weight.fill_(1.0)
    columns = torch.arange(8.0).expand(1, 1, 8, 8)
    whole, narrow = (policy.keys(columns, torch.tensor([sides]))[0, :, 0] for sides in ((1.0, 1.0), (0.5, 1.0)))
    assert whole.tolist() == pytest.approx([1.5, 5.5, 1.5, 5.5]) and narrow.tolist() == pytest.approx([2.5, 4.5] * 2)


def test_keys_are_the_largest_at_several_places_of_a_cell() -> None:
    """Two cells along an axis over a map of 8 x 8: with four places each of a cell's 16 features is read, else none."""
    torch.manual_seed(0)
    several, one = (GridLooks(3, 5, ZoomChoice(), 2, 1, 4, 2, None, points=points) for points in (4, 1))
    one.load_state_dict(several.state_dict())
    assert several.glance is not None
    dark, maps, sides = torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8), torch.ones(1, 2)
    maps[0, :, 0, 7] = feature = torch.randn(4)  # In the corner of the second cell of the first row.
    gained = several.keys(maps, sides) - several.keys(dark, sides)
    torch.testing.assert_close(gained[0, 1], several.glance(feature).relu())
    assert not gained[0, [0, 2, 3]].any() and torch.equal(one.keys(maps, sides), one.keys(dark, sides))


def test_uniform_looks_are_uniform() -> None:
    """Locations fill [-1, 1], and each level has its share."""
    policy = grid(ZoomChoice(levels=3))
    action = policy.uniform(torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)))
    assert action["look"].abs().max() <= 1
    assert action["look"].mean(0).abs().max() < 0.05 and (action["look"].square().mean(0) - 1 / 3).abs().max() < 0.02
    assert (torch.bincount(action["zoom"], minlength=3) / 4000 - 1 / 3).abs().max() < 0.03


def test_a_prior_of_saliency_prefers_cells_that_vary_and_were_not_looked_at() -> None:
    """One varied cell of four has z = sqrt(3), the others -1/sqrt(3); a look removes it; no glance, no prior."""
    torch.manual_seed(0)
    policy = GridLooks(3, 5, ZoomChoice(), 2, 1, 4, 2, None, saliency=2.0)
    glance = torch.zeros(1, 1, 8, 8)
    glance[..., 1:3, 5:7] = 1.0  # In the second cell of the first row.
    keys = policy.keys(torch.zeros(1, 4, 2, 2), torch.ones(1, 2), glance)
    assert keys.shape == (1, 4, policy.key_width) and policy.key_width == 6
    z = torch.tensor([[-1.0, 3.0, -1.0, -1.0]]) / 3**0.5
    torch.testing.assert_close(keys[..., -1], z)
    hidden, time, none = torch.zeros(1, 3), torch.zeros(1, dtype=torch.int64), torch.zeros(1, 4)
    plain = GridLooks(3, 5, ZoomChoice(), 2, 1, 4, 2, None)
    plain.load_state_dict({name: part for name, part in policy.state_dict().items() if name != "saliency"})
    without = plain(hidden, time, keys[..., :-1], none)["cell"]
    torch.testing.assert_close(policy(hidden, time, keys, none)["cell"], without + 2 * z)
    seen = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    torch.testing.assert_close(policy(hidden, time, keys, seen)["cell"], without + 2 * z * (1 - seen))


def test_an_encoder_of_its_own_reads_the_glance() -> None:
    """Cells are scored by what the reader sees: a bright pixel in the third of four cells, whatever the map shows."""
    torch.manual_seed(0)
    reader = ConvolutionEncoder(ConvolutionEncoderOptions(widths=(4,)), (1, 4, 4))
    policy = GridLooks(3, 5, ZoomChoice(), 2, 1, reader.width, 2, None, reader=reader)
    sides, dark = torch.ones(1, 2), torch.zeros(1, 1, 8, 8)
    bright = dark.clone()
    bright[0, 0, 5:7, 1:3] = 1
    maps = torch.randn(1, 64, 2, 2)
    change = (policy.keys(maps, sides, bright) - policy.keys(None, sides, dark)).abs().sum(-1)[0]
    assert change[2] > 0.01 and change[[0, 1, 3]].max() < 1e-6
