"""Grid: pixels and centres of cells, their features and scores."""

import pytest
import torch
from torch import Tensor

from glimpse.agents.options import NetworkOptions
from glimpse.agents.vision.glimpse_network import GlimpseNetwork
from glimpse.agents.vision.grid import CellEncoder, FeatureScores, Grid, MemoryScores


def coordinates(height: int, width: int) -> Tensor:
    """Return a picture (1, 1, H, W) whose pixels are 10 * row + column + 1."""
    return (10.0 * torch.arange(height)[:, None] + torch.arange(width) + 1)[None, None]


def test_cells_are_cut_row_by_row() -> None:
    """4 x 6 pixels in cells of 2 x 2 are two rows of three."""
    cells = Grid(4, 6, 2, 2).cut(coordinates(4, 6))
    assert cells.shape == (1, 6, 4)
    assert cells[0, 0].tolist() == [1, 2, 11, 12]
    assert cells[0, 2].tolist() == [5, 6, 15, 16]
    assert cells[0, 3].tolist() == [21, 22, 31, 32]


def test_cells_may_overlap_and_the_last_ones_are_padded_with_zeros() -> None:
    """3 x 5 pixels have 2 x 4 cells of 2 x 2 with stride 1; 3 x 3 pixels with stride 2 are padded to 4 x 4."""
    cells = Grid(3, 5, 2, 1).cut(coordinates(3, 5))
    assert cells.shape == (1, 8, 4) and cells[0, 5].tolist() == [12, 13, 22, 23]
    ragged = Grid(3, 3, 2, 2).cut(coordinates(3, 3))
    assert ragged[0].tolist() == [[1, 2, 11, 12], [3, 0, 13, 0], [21, 22, 0, 0], [23, 0, 0, 0]]
    assert Grid(1, 1, 4, 2).cut(torch.ones(1, 1, 1, 1)).sum() == 1  # A cell larger than the picture.


@pytest.mark.parametrize(("height", "width", "patch", "stride"), [(60, 60, 12, 6), (7, 11, 4, 3), (9, 5, 5, 5)])
def test_every_pixel_is_in_a_cell(height: int, width: int, patch: int, stride: int) -> None:
    """Cells have no other pixels than those of the picture and zeros."""
    picture = coordinates(height, width)
    seen = Grid(height, width, patch, stride).cut(picture).unique()
    assert set(seen.tolist()) - {0.0} == set(picture.unique().tolist())


def test_channels_stay_together() -> None:
    """A cell's pixels are ordered as C x P x P."""
    picture = torch.cat([coordinates(4, 4), -coordinates(4, 4)], 1)
    assert Grid(4, 4, 2, 2).cut(picture)[0, 1].tolist() == [3, 4, 13, 14, -3, -4, -13, -14]


def test_locations_are_the_centres_of_the_cells() -> None:
    """They are (x, y) in units of half the sides, x to the right and y down: 4 x 6 pixels in cells of 2 x 2."""
    thirds, halves = (-2 / 3, 0.0, 2 / 3), (-0.5, 0.5)
    expected = torch.tensor([(x, y) for y in halves for x in thirds])
    torch.testing.assert_close(Grid(4, 6, 2, 2).locations, expected)
    # 3 pixels in cells of 2, 2 apart, with a pixel of zeros after them: centres at 1 and 3 of 3 pixels.
    torch.testing.assert_close(Grid(3, 2, 2, 2).locations, torch.tensor([[0.0, -1 / 3], [0.0, 1.0]]))


@pytest.mark.parametrize("sides", [(60, 60, 12, 6), (7, 11, 4, 3)])
def test_the_nearest_cell_to_a_centre_is_its_own(sides: tuple[int, int, int, int]) -> None:
    """This holds for any leading axes, and with a little noise."""
    grid = Grid(*sides)
    cell = torch.arange(len(grid.locations))
    assert torch.equal(grid.nearest(grid.locations), cell)
    assert torch.equal(grid.nearest(grid.locations[:, None].expand(-1, 3, -1) + 0.01), cell[:, None].expand(-1, 3))
    assert grid.locations.abs().max() <= 1  # The environment leaves locations in the image as they are.


def test_a_cell_is_encoded_as_ram_encodes_a_glimpse() -> None:
    """The same weights give the same features."""
    options = NetworkOptions(name="grid", glimpse_width=7, location_width=5, feature_width=9)
    encoder, ram = CellEncoder(8, options), GlimpseNetwork(8, options)
    layers = {"see": ram.what.linears[0], "locate": ram.where.linears[0]}
    layers |= {"what": ram.both.linears[0], "where": ram.both.linears[1]}
    for name, layer in layers.items():
        getattr(encoder, name).load_state_dict(layer.state_dict())
    pixels, location = torch.rand(3, 6, 8), torch.rand(6, 2)
    expected = ram(pixels.view(3, 6, 1, 2, 2, 2), location.expand(3, -1, -1)).feature
    torch.testing.assert_close(encoder(pixels, location), expected)


def test_scores_by_hand() -> None:
    """e_i = v . tanh(U a_i + W h) for two features of one number each."""
    scores = FeatureScores(1, 1, 2)
    with torch.no_grad():
        scores.key.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        scores.query.weight.copy_(torch.tensor([[0.5], [2.0]]))
        scores.score.weight.copy_(torch.tensor([[3.0, 4.0]]))
        for bias in (scores.key.bias, scores.query.bias):
            bias.zero_()
    features, hidden = torch.tensor([[[0.2], [0.7]]]), torch.tensor([[0.4]])
    tanh = torch.tanh(torch.tensor([[0.2 + 0.2, -0.2 + 0.8], [0.7 + 0.2, -0.7 + 0.8]]))
    torch.testing.assert_close(scores(scores.key(features), hidden)[0], tanh @ torch.tensor([3.0, 4.0]))


def test_scores_of_the_memory_see_no_features() -> None:
    """There is one score for each cell, with or without keys."""
    scores = MemoryScores(5, 3)
    assert scores(scores.key(torch.rand(2, 5, 7)), torch.rand(2, 3)).shape == (2, 5)
    assert scores(None, torch.rand(4, 2, 3)).shape == (4, 2, 5)


def test_weights_of_cells_are_spread_over_their_pixels() -> None:
    """Two neighbours of half the weight each share a column, which weighs twice as much."""
    weights = torch.zeros(1, 8)
    weights[0, :2] = 0.5
    share = Grid(3, 5, 2, 1).spread(weights)
    assert share.tolist() == [[[0.5, 1, 0.5, 0, 0], [0.5, 1, 0.5, 0, 0], [0, 0, 0, 0, 0]]]
    ragged = Grid(3, 3, 2, 2).spread(torch.tensor([[0.2, 0.4, 0.2, 0.2]]))  # What lies outside is left out.
    torch.testing.assert_close(ragged, torch.tensor([[[0.5, 0.5, 1], [0.5, 0.5, 1], [0.5, 0.5, 0.5]]]))


def test_the_box_of_a_cell_bounds_its_pixels() -> None:
    """It is left, top, right, bottom; the last cell reaches into the padding."""
    torch.testing.assert_close(
        Grid(3, 5, 2, 1).boxes(torch.tensor([5, 0])), torch.tensor([[1.0, 1, 3, 3], [0, 0, 2, 2]])
    )
    torch.testing.assert_close(Grid(3, 3, 2, 2).boxes(torch.tensor(3)), torch.tensor([2.0, 2, 4, 4]))
