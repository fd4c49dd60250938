"""Policy of looks over coarse grids of cells, one grid for each zoom, scored from glance and memory.

Axes: B episodes, D memory width, N cells of all grids, A policy width, F features of the glance, P places in a cell.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.choices import choose
from glimpse.agents.options import SigmaOptions
from glimpse.agents.vision.fourier_features import FourierFeatures
from glimpse.agents.vision.locators import Gaussian
from glimpse.agents.vision.look_cells import cell_centres, cells_along
from glimpse.agents.vision.look_policy import LookPolicy, ZoomChoice, chosen_entropy, chosen_log_prob, kept_noise
from glimpse.agents.vision.picture_encoder import PictureEncoder
from glimpse.agents.vision.salient_looks import local_variance

_LEAST_VARIANCE = 1e-4
"""Added to the variance in a cell, of pixels in [0, 1]: about that of differences that nobody sees."""


class GridLooks(LookPolicy):
    """Categorical over the cells of all grids, and with noise a Gaussian offset inside the cell.

    A cell c has a key k_c = W f_c + U p_c, of the glance's feature at its centre and of Fourier features of centre and
    zoom; the feature is of the glance's map by the agent's encoder, or by one of the policy's own. With several places
    in a cell, W f_c is the largest value of each unit at any of them. Its score is
    w . ReLU(k_c + Q h + v m_c), where m_c says whether a look was there. The grid of zoom z has round(cells^(1 - z))
    cells along each axis: `cells` of them at zoom 0, one at zoom 1.

    With a prior of saliency s > 0, cells that were not looked at have a score that is higher by s z_c, where z_c is the
    standardised logarithm of the glance's variance in the cell, among the cells of its zoom; s is learned on. Looks
    then begin at places where something is, and not anywhere.

    With offsets the distribution of looks of one zoom is a mixture of Gaussians, one for each cell, whose density is
    the log-probability: it does not matter which cell a sample came from.
    """

    centre: Tensor
    places: Tensor
    reach: Tensor
    level: Tensor
    side: Tensor
    first: Tensor

    def __init__(
        self,
        memory_width: int,
        width: int,
        zoom: ZoomChoice,
        cells: int,
        levels: int,
        glance_width: int,
        frequencies: int,
        sigma: SigmaOptions | None,
        saliency: float = 0.0,
        points: int = 1,
        reader: PictureEncoder | None = None,
    ) -> None:
        """Make a policy.

        Args:
            memory_width: D.
            width: A.
            zoom: how an action chooses a zoom.
            cells: cells along each axis of the finest grid.
            levels: zooms that have a grid, where any number may be chosen.
            glance_width: F; 0 without a glance.
            frequencies: octaves of the Fourier features.
            sigma: noise of offsets, in halves of a cell; None for the cells' centres.
            saliency: s, with which learning begins; 0 for no prior, which a glance is needed for.
            points: places along each axis of a cell at which the glance is read.
            reader: the policy's own encoder of the glance.
        """
        super().__init__()
        self.zoom, self.key_width = zoom, width + (saliency > 0)
        self.levels = zoom.levels or (levels if zoom.continuous else 1)
        self._make_grids(cells, points)
        self.reader = reader
        self.fourier = FourierFeatures(3, frequencies)
        self.place = nn.Linear(self.fourier.width, width)
        self.glance = nn.Linear(glance_width, width, bias=False) if glance_width else None
        self.query = nn.Linear(memory_width, width, bias=False)
        self.visited = nn.Parameter(torch.zeros(width))
        self.score = nn.Linear(width, 1, bias=False)
        self.gaussian: Gaussian | None = None if sigma is None else Gaussian(sigma)
        self.offset = None if sigma is None else nn.Linear(width, 2)
        self.saliency = nn.Parameter(torch.tensor(saliency)) if saliency > 0 else None

    def _make_grids(self, cells: int, points: int) -> None:
        zooms = [level / max(1, self.levels - 1) for level in range(self.levels)]
        self.alongs = sides = [cells_along(cells, zoom) for zoom in zooms]
        centres, halves, levels = [], [], []
        for level, side in enumerate(sides):
            centres.append(cell_centres(side))
            halves.append(torch.full((side * side,), 1 / side))
            levels.append(torch.full((side * side,), level))
        self.register_buffer("centre", torch.cat(centres), persistent=False)
        self.register_buffer("reach", torch.cat(halves), persistent=False)
        places = self.centre[:, None] + self.reach[:, None, None] * cell_centres(points)
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("level", torch.cat(levels), persistent=False)
        self.register_buffer("side", torch.tensor(sides), persistent=False)
        squares = torch.tensor([0, *(side * side for side in sides)]).cumsum(0)[:-1]
        self.register_buffer("first", squares, persistent=False)
        self.cells = len(self.centre)

    def keys(self, maps: Tensor | None, sides: Tensor, glance: Tensor | None = None) -> Tensor:
        """Return the keys of all cells; the glance is read at their places; see `LookPolicy.keys`."""
        place = self.centre * sides[:, None]
        zoom = (self.level / max(1, self.levels - 1))[None, :, None].expand(len(sides), -1, 1)
        keys = self.place(self.fourier(torch.cat([place, zoom], -1)))
        if self.reader is not None and glance is not None:
            maps = self.reader(glance)
        if self.glance is not None and maps is not None:
            places = (self.places * sides[:, None, None]).float()
            read = F.grid_sample(maps.float(), places, padding_mode="border", align_corners=False)  # (B, F, N, P)
            keys = keys + self.glance(read.permute(0, 2, 3, 1)).amax(2)
        if self.saliency is not None and glance is not None:
            keys = torch.cat([keys, self._salience(glance, sides).to(keys.dtype).unsqueeze(-1)], -1)
        return cast(Tensor, keys)

    def _salience(self, glance: Tensor, sides: Tensor) -> Tensor:
        """Return z, (B, N): the logarithm of the variance in each cell, standardised among the cells of its zoom."""
        parts = []
        for along in self.alongs:
            varied = (local_variance(glance, sides, along) + _LEAST_VARIANCE).log()
            spread = varied.std(-1, correction=0, keepdim=True)
            parts.append((varied - varied.mean(-1, keepdim=True)) / spread.clamp(min=1e-3))
        return torch.cat(parts, -1)

    def marks(self, location: Tensor, zoom: Tensor) -> Tensor:
        """Return 1 for the cell that holds a look, in the grid of the nearest zoom; see `LookPolicy.marks`."""
        return F.one_hot(self.cell_of(location, zoom.squeeze(-1)), self.cells).float()

    def cell_of(self, location: Tensor, zoom: Tensor) -> Tensor:
        """Return the cell (...,) int64 that holds locations (..., 2), in the grid of the nearest zoom (...,)."""
        level = (zoom * (self.levels - 1)).round().long()
        side = self.side[level]
        along = ((location.clamp(-1, 1) + 1) / 2 * side.unsqueeze(-1)).long().minimum(side.unsqueeze(-1) - 1)
        return self.first[level] + along[..., 1] * side + along[..., 0]

    def forward(self, hidden: Tensor, time: Tensor, keys: Tensor, visited: Tensor) -> dict[str, Tensor]:
        """Return `cell`, logits (..., N), and with offsets `location` (..., N, 2), the mean location in each cell."""
        known = keys if self.saliency is None else keys[..., :-1]
        # There are many cells: what is added is added in place, and one product gives scores and offsets.
        inner = (known + self.query(hidden).unsqueeze(-2)).addcmul_(visited.unsqueeze(-1), self.visited).relu_()
        if self.offset is None:
            outputs = self.score(inner)
        else:
            weight = torch.cat([self.score.weight, self.offset.weight])
            outputs = F.linear(inner, weight, F.pad(self.offset.bias, (1, 0)))
        scores = outputs[..., 0].float()
        if self.saliency is not None:
            scores = scores + self.saliency * keys[..., -1].float() * (1 - visited)
        parts = {"cell": scores}
        if self.offset is not None:
            parts["location"] = self.centre + self.reach[:, None] * torch.tanh(outputs[..., 1:].float())
        return parts

    def mean(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the centre, or the mean location, of the likeliest cell."""
        return self._locations(parts, parts["cell"].argmax(-1))

    def _locations(self, parts: dict[str, Tensor], cell: Tensor) -> Tensor:
        """Return the mean locations (..., 2) of cells (...,)."""
        if "location" not in parts:
            return self.centre[cell]
        return parts["location"].gather(-2, cell[..., None, None].expand(*cell.shape, 1, 2)).squeeze(-2)

    def sample(self, parts: dict[str, Tensor], noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Sample a cell and an offset, or take the likeliest cell and its mean location."""
        cell = choose(parts["cell"], noise[:, 2], greedy)
        look = self._locations(parts, cell)
        if self.gaussian is not None:
            look = look + self.reach[cell, None] * self.gaussian.current() * kept_noise(noise[:, :2], greedy)
        action = {"look": look.float()}
        if self.zoom.asked:
            action["zoom"] = self.zoom.action(self.level[cell] / max(1, self.levels - 1))
        return action

    def log_prob(self, parts: dict[str, Tensor], action: dict[str, Tensor]) -> Tensor:
        """Return the log-probability of cells, or the log-density of the mixture."""
        look = action["look"]
        zoom = self.zoom.value(action["zoom"]) if self.zoom.asked else torch.zeros_like(look[..., 0])
        if self.gaussian is None:
            return chosen_log_prob(parts["cell"], self.cell_of(look, zoom))
        sigma = self.reach * self.gaussian.current()
        distance = (look.unsqueeze(-2) - parts["location"]).square().sum(-1)
        density = -distance / (2 * sigma.square()) - 2 * sigma.log() - math.log(2 * math.pi)
        other = (zoom.unsqueeze(-1) * (self.levels - 1)).round().long() != self.level
        return (parts["cell"].log_softmax(-1) + density).masked_fill(other, -torch.inf).logsumexp(-1)

    def entropy(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the entropy of the cells."""
        return chosen_entropy(parts["cell"])
