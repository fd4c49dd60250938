"""Recurrent cores that read one feature a step, and replay all steps at once to learn from them.

Axes: B episodes, T steps, G feature width, D width of what the other networks read of the memory.
"""

from abc import abstractmethod
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from glimpse.agents.recall import ReluSum, recall_recurrence
from glimpse.agents.recall_gates import GruRecorder, LstmRecorder, recall_gates
from glimpse.agents.recording import Recordable
from glimpse.agents.recurrent_core import RecurrentCore
from glimpse.agents.recurrent_cores import RECURRENT_CORES


class ReluCore(RecurrentCore):
    """h_t = Rect(Linear(g_t) + Linear(h_{t-1})): Mnih et al. (2014), section 4, "Core network". Memory is h, (B, D)."""

    def __init__(self, feature_width: int, memory_width: int) -> None:
        """Make a core that turns features (B, G) into memories (B, D)."""
        super().__init__()
        self.width = self.memory_width = memory_width
        self.layer = ReluSum((feature_width, memory_width), memory_width)

    def forward(self, feature: Tensor, memory: Tensor) -> Tensor:
        """Take one step: (B, G) and (B, D) -> (B, D)."""
        return cast(Tensor, self.layer(feature, memory))

    def output(self, memory: Tensor) -> Tensor:
        """Return what the other networks read of the memory, (B, D): all of it."""
        return memory

    def unroll(self, features: Tensor, recorded: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take all steps; recorded outputs are not computed again. See `RecurrentCore.unroll`."""
        if recorded is not None:
            return recall_recurrence(self.layer, features, recorded)
        outputs = [self(features[0], features.new_zeros(features.shape[1], self.width))]
        for feature in features[1:]:
            outputs.append(self(feature, outputs[-1]))
        return torch.stack(outputs), outputs[-1]


class GatedCore(RecurrentCore, Recordable):
    """Core with gates, a network of torch, whose recorded steps are not computed again."""

    recorder: LstmRecorder | GruRecorder | None = None

    @property
    @abstractmethod
    def network(self) -> nn.RNNBase:
        """The network, of one layer."""

    def unroll(self, features: Tensor, recorded: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take all steps in one fused call; the outputs alone do not tell the gates, so all steps are computed."""
        hidden = cast(Tensor, self.network(features)[0])
        return hidden, hidden[-1]

    def replay(self, features: Tensor, known: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Take all steps again; recorded ones are not computed anew. See `RecurrentCore.replay`."""
        return recall_gates(self.network, features, known) if "gates" in known else self.unroll(features, None)

    def activations(self) -> dict[str, Tensor]:
        """Return gates and memory of the last recorded step."""
        return {} if self.recorder is None else self.recorder.recorded


class LstmCore(GatedCore):
    """The LSTM that Mnih et al. (2014) use in dynamic environments. Memory is (h, c) side by side, (B, 2 D)."""

    def __init__(self, feature_width: int, memory_width: int) -> None:
        """Make a core that turns features (B, G) into outputs (B, D)."""
        super().__init__()
        self.width, self.memory_width = memory_width, 2 * memory_width
        self.lstm = nn.LSTM(feature_width, memory_width)

    @property
    def network(self) -> nn.LSTM:
        """The network, of one layer."""
        return self.lstm

    def make_recorder(self, steps: int) -> LstmRecorder:
        """Return what takes the T steps of a rollout."""
        return LstmRecorder(self.lstm, steps)

    def forward(self, feature: Tensor, memory: Tensor) -> Tensor:
        """Take one step: (B, G) and (B, 2 D) -> (B, 2 D)."""
        if self.recorder is not None and self.recorder.rows.fit(feature):
            return self.recorder(feature, memory)
        hidden, cell = memory.to(feature.dtype).contiguous().chunk(2, -1)
        if _needs_no_loop(feature):
            return torch.cat(torch.lstm_cell(feature, (hidden, cell), *self.lstm.all_weights[0]), -1)
        _, (hidden, cell) = self.lstm(feature[None], (hidden[None].contiguous(), cell[None].contiguous()))
        return torch.cat([hidden[0], cell[0]], -1)


class GruCore(GatedCore):
    """A gated recurrent unit (Cho et al., 2014). Memory is h, (B, D)."""

    def __init__(self, feature_width: int, memory_width: int) -> None:
        """Make a core that turns features (B, G) into memories (B, D)."""
        super().__init__()
        self.width = self.memory_width = memory_width
        self.gru = nn.GRU(feature_width, memory_width)

    @property
    def network(self) -> nn.GRU:
        """The network, of one layer."""
        return self.gru

    def make_recorder(self, steps: int) -> GruRecorder:
        """Return what takes the T steps of a rollout."""
        return GruRecorder(self.gru, steps)

    def forward(self, feature: Tensor, memory: Tensor) -> Tensor:
        """Take one step: (B, G) and (B, D) -> (B, D)."""
        if self.recorder is not None and self.recorder.rows.fit(feature):
            return self.recorder(feature, memory)
        if _needs_no_loop(feature):
            return torch.gru_cell(feature, memory.to(feature.dtype), *self.gru.all_weights[0])
        _, hidden = self.gru(feature[None], memory.to(feature.dtype)[None].contiguous())
        return cast(Tensor, hidden[0])


def _needs_no_loop(feature: Tensor) -> bool:
    """Return whether a network's cell takes the step: in graphs, and on the CPU, where setting up a loop costs more."""
    return torch.compiler.is_exporting() or (feature.device.type == "cpu" and not torch.is_grad_enabled())


class CoreOptions(Protocol):
    """Options that choose a step core and its widths; see `glimpse.agents.options.NetworkOptions`."""

    @property
    def recurrent_core(self) -> str:
        """Return the name of the core."""

    @property
    def feature_width(self) -> int:
        """Return the width of the features."""

    @property
    def memory_width(self) -> int:
        """Return the width of the memory."""


def make_recurrent_core(options: CoreOptions) -> RecurrentCore:
    """Make the step core that the options name, for features and memories of their widths."""
    step = resolve_name(RECURRENT_CORES[options.recurrent_core].step)
    core: RecurrentCore = step(options.feature_width, options.memory_width)
    return core


def sequence_network(name: str) -> Callable[..., nn.RNNBase]:
    """Return the class of the sequence network of a recurrent core.

    Raises:
        ValueError: if the core has none.
    """
    path = RECURRENT_CORES[name].sequence
    if path is None:
        names = ", ".join(repr(name) for name, entry in RECURRENT_CORES.items() if entry.sequence is not None)
        raise ValueError(f"the recurrent core {name!r} has no sequence network, choose one of {names}")
    network: Callable[..., nn.RNNBase] = resolve_name(path)
    return network
