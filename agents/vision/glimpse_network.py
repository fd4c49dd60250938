"""The networks of recurrent attention: one that sees, and the cores that remember.

Axes: B episodes, T steps, K scales, C channels, P patch side, G feature width, D memory width.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from glimpse.agents.options import NetworkOptions
from glimpse.agents.vision.recall import RectifiedSum, recall_recurrence


class Seen(NamedTuple):
    """Activations of the glimpse network: what (..., h_g), where (..., h_l), and the feature of both (..., G)."""

    what: Tensor
    where: Tensor
    feature: Tensor


class GlimpseNetwork(nn.Module):
    """What was seen and where: g = Rect(Linear(h_g) + Linear(h_l)), h_g = Rect(Linear(patches)), h_l = Rect(Linear(l)).

    Mnih et al. (2014), section 4, "Glimpse network".
    """

    def __init__(self, pixels: int, options: NetworkOptions, place: int = 2) -> None:
        """Make it for glimpses of `pixels` = K * C * P * P numbers, at places of `place` numbers."""
        super().__init__()
        self.what = RectifiedSum((pixels,), options.glimpse_width)
        self.where = RectifiedSum((place,), options.place_width)
        self.both = RectifiedSum((options.glimpse_width, options.place_width), options.feature_width)

    def forward(self, glimpse: Tensor, location: Tensor, recorded: Seen | None = None) -> Seen:
        """(..., K, C, P, P) in [0, 1] and (..., 2) in [-1, 1] -> activations; see `recall.py` on `recorded`."""
        known = recorded or (None, None, None)
        what = self.what(glimpse.flatten(-4), recorded=known[0])
        where = self.where(location, recorded=known[1])
        return Seen(what, where, self.both(what, where, recorded=known[2]))


class RectifiedCore(nn.Module):
    """h_t = Rect(Linear(g_t) + Linear(h_{t-1})): Mnih et al. (2014), section 4, "Core network". Memory is h, (B, D)."""

    def __init__(self, feature_width: int, memory_width: int) -> None:
        """Make a core that turns features (B, G) into memories (B, D)."""
        super().__init__()
        self.width = self.memory_width = memory_width
        self.layer = RectifiedSum((feature_width, memory_width), memory_width)

    def forward(self, feature: Tensor, memory: Tensor) -> Tensor:
        """One step: (B, G) and (B, D) -> (B, D)."""
        return cast(Tensor, self.layer(feature, memory))

    def output(self, memory: Tensor) -> Tensor:
        """What the other networks read of the memory, (B, D): all of it."""
        return memory

    def unroll(self, features: Tensor, recorded: Tensor | None) -> tuple[Tensor, Tensor]:
        """All steps from an empty memory: (T, B, G) -> outputs (T, B, D), and the last one (B, D) by itself."""
        if recorded is not None:
            return recall_recurrence(self.layer, features, recorded)
        outputs = [self(features[0], features.new_zeros(features.shape[1], self.width))]
        for feature in features[1:]:
            outputs.append(self(feature, outputs[-1]))
        return torch.stack(outputs), outputs[-1]


class LstmCore(nn.Module):
    """The LSTM that Mnih et al. (2014) use in dynamic worlds. Memory is (h, c) side by side, (B, 2 D)."""

    def __init__(self, feature_width: int, memory_width: int) -> None:
        """Make a core that turns features (B, G) into outputs (B, D)."""
        super().__init__()
        self.width, self.memory_width = memory_width, 2 * memory_width
        self.lstm = nn.LSTM(feature_width, memory_width)

    def forward(self, feature: Tensor, memory: Tensor) -> Tensor:
        """One step: (B, G) and (B, 2 D) -> (B, 2 D)."""
        hidden, cell = memory.to(feature.dtype).contiguous().chunk(2, -1)
        _, (hidden, cell) = self.lstm(feature[None], (hidden[None].contiguous(), cell[None].contiguous()))
        return torch.cat([hidden[0], cell[0]], -1)

    def output(self, memory: Tensor) -> Tensor:
        """What the other networks read of the memory, (B, D): h."""
        return memory[..., : self.width]

    def unroll(self, features: Tensor, recorded: Tensor | None) -> tuple[Tensor, Tensor]:
        """As `RectifiedCore.unroll`; the gates are not recorded, so all steps are computed, in one fused call."""
        hidden = cast(Tensor, self.lstm(features)[0])
        return hidden, hidden[-1]


def make_core(options: NetworkOptions) -> RectifiedCore | LstmCore:
    """The core that the options name."""
    core = LstmCore if options.core == "lstm" else RectifiedCore
    return core(options.feature_width, options.memory_width)
