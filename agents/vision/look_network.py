"""Networks of the anytime agent that see: a glimpse with its location, and the glance at the whole.

Axes: B episodes, K scales, C channels, P patch side, G glance side, F features of the encoder, E feature width.
"""

from pkgutil import resolve_name
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.context_vector import ContextVector
from glimpse.agents.vision.encoder_options import PictureEncoderOptions
from glimpse.agents.vision.fourier_features import FourierFeatures
from glimpse.agents.vision.glimpse_encoders import GLIMPSE_ENCODERS
from glimpse.agents.vision.picture_encoder import PictureEncoder

_GLANCE_CHANNELS, _GLANCE_SIDE = 32, 4
"""Channels and side to which the map of a glance is reduced, to be read as a whole."""


def make_glimpse_encoder(options: PictureEncoderOptions, shape: tuple[int, int, int]) -> PictureEncoder:
    """Make the encoder that options name, for patches of `shape` (C, H, W)."""
    encoder: PictureEncoder = resolve_name(GLIMPSE_ENCODERS[options.kind].factory)(options, shape)
    return encoder


def _map_side(encoder: PictureEncoder, shape: tuple[int, int, int]) -> int:
    """Return the smaller side of the map of a picture of this shape."""
    with torch.no_grad():
        maps: Tensor = encoder(torch.zeros(1, *shape))
    return min(maps.shape[-2:])


class LookNetwork(nn.Module):
    """Network from a glimpse, its location and its zoom to a feature; an encoder sees each scale.

    g = ReLU(W what + U where): `what` are the reduced maps of all scales, normalised where they are reduced by the
    maximum; `where` are Fourier features of the place.
    """

    def __init__(
        self, encoder: PictureEncoder, glimpse: tuple[int, ...], place: int, frequencies: int, width: int
    ) -> None:
        """Make the network.

        Args:
            encoder: sees the patches.
            glimpse: shape (K, C, H, W) of a glimpse.
            place: numbers of a place: 2 of a location, and 1 of a zoom.
            frequencies: octaves of the Fourier features.
            width: E.
        """
        super().__init__()
        scales, *shape = glimpse
        self.encoder = encoder
        self.pooled = min(encoder.pooled, _map_side(encoder, (shape[0], shape[1], shape[2])))
        self.fourier = FourierFeatures(place, frequencies)
        seen = scales * encoder.width * self.pooled**2
        self.norm = nn.LayerNorm(seen) if encoder.reduction == "max" else nn.Identity()
        self.what = nn.Linear(seen, width)
        self.where = nn.Linear(self.fourier.width, width)

    def maps(self, glimpse: Tensor) -> Tensor:
        """Return the encoder's maps of glimpses: (..., K, C, P, P) -> (..., K, F, h, w)."""
        maps = self.encoder(glimpse.flatten(0, -4))
        return cast(Tensor, maps.view(*glimpse.shape[:-3], *maps.shape[1:]))

    def reduce(self, maps: Tensor) -> Tensor:
        """Reduce maps (..., K, F, h, w) to at most `pooled` places along each side: (..., K * F * pooled^2)."""
        flat = maps.flatten(0, -4)
        if self.encoder.reduction == "max":
            reduced = F.adaptive_max_pool2d(flat, self.pooled)
        else:
            reduced = F.adaptive_avg_pool2d(flat, self.pooled) if self.pooled > 1 else flat.mean((-2, -1))
        return reduced.flatten(1).view(*maps.shape[:-4], -1)

    def forward(self, seen: Tensor, place: Tensor) -> Tensor:
        """Return features (..., E) of what was seen (..., K * F * pooled^2) at locations (..., 2 or 3)."""
        return cast(Tensor, (self.what(self.norm(seen)) + self.where(self.fourier(place))).relu())


class BlindNetwork(nn.Module):
    """Stand-in for a `LookNetwork` where no glimpse is read: it holds the encoder, which sees the glance."""

    def __init__(self, encoder: PictureEncoder) -> None:
        """Hold the encoder."""
        super().__init__()
        self.encoder = encoder


class GlanceNetwork(nn.Module):
    """Network from the map of a glance to a feature, of a few channels at 4 x 4 places."""

    def __init__(self, encoder: PictureEncoder, shape: tuple[int, int, int], width: int) -> None:
        """Make the network for glances of `shape` (C, G, G), and features of `width` E."""
        super().__init__()
        self.side = min(_GLANCE_SIDE, _map_side(encoder, shape))
        self.reduce = nn.Conv2d(encoder.width, _GLANCE_CHANNELS, 1)
        self.both = nn.Linear(_GLANCE_CHANNELS * self.side**2, width)

    def forward(self, maps: Tensor) -> Tensor:
        """Return features (B, E) of maps (B, F, h, w)."""
        reduced = F.adaptive_avg_pool2d(self.reduce(maps).relu(), self.side)
        return cast(Tensor, self.both(reduced.flatten(1)).relu())


class PooledGlance(nn.Module):
    """Network from the map of a glance to a feature: the mean of its places, or their sum by soft attention."""

    def __init__(self, encoder: PictureEncoder, width: int, attends: bool) -> None:
        """Make the network for features of `width` E; attention has a learned query, and scores each place."""
        super().__init__()
        self.attention = ContextVector(encoder.width, width) if attends else None
        self.both = nn.Linear(encoder.width, width)

    def forward(self, maps: Tensor) -> Tensor:
        """Return features (B, E) of maps (B, F, h, w)."""
        return cast(Tensor, self.both(self.pooled(maps)).relu())

    def pooled(self, maps: Tensor) -> Tensor:
        """Return the weighted sums (B, F) of the places of maps (B, F, h, w)."""
        places = maps.flatten(2).transpose(1, 2)
        if self.attention is None:
            return places.mean(1)
        return cast(Tensor, self.attention(None, places, places, need_weights=False).context.squeeze(1))


def make_glance_network(
    encoder: PictureEncoder, shape: tuple[int, int, int], width: int, reading: str
) -> GlanceNetwork | PooledGlance:
    """Make the network that reads the map of a glance of `shape` (C, G, G): by `map`, `mean` or `attention`."""
    if reading == "map":
        return GlanceNetwork(encoder, shape, width)
    return PooledGlance(encoder, width, reading == "attention")
