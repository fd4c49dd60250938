"""Stacked LSTMs without attention (Sutskever et al., 2014) and with it (Luong, Pham and Manning, 2015).

Vectors of pieces are multiplied by sqrt(D), as the Transformer does it: tied vectors are as short as an output layer
needs them, and LSTMs would do nothing with them for hundreds of updates.
Axes: B lanes, L pieces of the source, M pieces of the target, D width, N layers.
"""

import math
from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Episode, Loss
from glimpse.agents.selection.options import BaselineOptions
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.translation.decoding import Decoder, Encoded, Taught, Tensors, Written
from glimpse.agents.translation.hard_attention import HardAttention, Looked, make_hard, worth
from glimpse.agents.translation.options import HardOptions, LuongOptions, Seq2SeqOptions
from glimpse.agents.translation.source_attention import SourceAttention
from glimpse.agents.translation.translator import Translator


class StackedEncoder(nn.Module):
    """LSTMs over the source: from its first piece to its last, the other way round, or both."""

    def __init__(self, options: Seq2SeqOptions) -> None:
        """Make it for vectors (B, L, D)."""
        super().__init__()
        self.both, self.turned = options.direction == "both", options.direction == "reversed"
        self.scale = math.sqrt(options.width)
        units = options.width // 2 if self.both else options.width
        dropout = options.dropout if options.layers > 1 else 0.0
        self.network = nn.LSTM(
            options.width, units, options.layers, batch_first=True, bidirectional=self.both, dropout=dropout
        )

    def forward(self, vectors: Tensor, real: Tensor) -> Encoded:
        """(B, L, D) -> states (B, L, D), of the last layer, and all layers' last `hidden` and `cell`, (B, N, D)."""
        length, vectors = real.sum(1), vectors * self.scale
        if self.turned:
            place = torch.arange(real.shape[1], device=real.device)
            turned = torch.where(place < length[:, None], length[:, None] - 1 - place, place).unsqueeze(-1)
            vectors = vectors.take_along_dim(turned, 1)
        packed = pack_padded_sequence(vectors, length.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        states, last = self.network(packed)
        states, _ = pad_packed_sequence(states, batch_first=True, total_length=real.shape[1])
        if self.turned:
            states = states.take_along_dim(turned, 1)
        hidden, cell = (self._by_lane(kind) for kind in last)
        return Encoded(states * real.unsqueeze(-1), real, {"hidden": hidden, "cell": cell})

    def _by_lane(self, last: Tensor) -> Tensor:
        """(N, B, D), or (2 N, B, D / 2) of both directions, -> (B, N, D)."""
        if self.both:
            last = last.unflatten(0, (-1, 2)).transpose(1, 2).flatten(2)
        return last.transpose(0, 1)


class StackedDecoder(Decoder):
    """LSTMs over the target; with attention h~ = tanh(W_c [c; h]) is put out (equation 5), and may be fed back."""

    def __init__(self, options: Seq2SeqOptions) -> None:
        """Make it for vectors (B, D) and states of the source (B, L, D)."""
        super().__init__()
        self.width = width = options.width
        self.scale = math.sqrt(width)
        self.attention: SourceAttention | HardAttention | None = None
        self.feeds = False
        if isinstance(options, LuongOptions):
            chosen, self.feeds = options.attention, options.input_feeding
            if isinstance(chosen, HardOptions):
                self.attention = make_hard(chosen, width)
            else:
                self.attention = SourceAttention(chosen, width, width)
            self.combine = nn.Linear(2 * width, width, bias=False)
        dropout = options.dropout if options.layers > 1 else 0.0
        self.network = nn.LSTM(width * (1 + self.feeds), width, options.layers, batch_first=True, dropout=dropout)

    def prepare(self, encoded: Encoded) -> Tensors:
        """What attention computes of the source once; nothing without it."""
        if isinstance(self.attention, HardAttention):
            return {"states": encoded.states, "real": encoded.real}
        return {} if self.attention is None else self.attention.prepare(encoded)

    def begin(self, encoded: Encoded) -> Tensors:
        """The encoder's last states; and, where it is fed back, an h~ of zeros."""
        state = dict(encoded.last)
        if self.feeds:
            state["fed"] = torch.zeros_like(encoded.last["hidden"][:, 0])
        if isinstance(self.attention, HardAttention):
            state["place"] = torch.zeros(len(encoded.real), dtype=torch.int64, device=encoded.real.device)
        return state

    def step(self, vector: Tensor, state: Tensors, source: Tensors, first: int) -> Written:
        """See `Decoder.step`."""
        vector = vector * self.scale
        if self.feeds:
            vector = torch.cat([vector, state["fed"]], -1)
        read, after = self._run(vector.unsqueeze(1), state)
        features, weights, looked = self._attend(read, source, state, first)
        if self.feeds:
            after["fed"] = features[:, 0]
        if looked is not None:
            after["place"] = looked.place
        return Written(features[:, 0], None if weights is None else weights[:, 0], after)

    def teach(self, vectors: Tensor, real: Tensor, state: Tensors, source: Tensors, need_weights: bool) -> Taught:
        """See `Decoder.teach`; where nothing is fed back, the LSTMs run through and all attend at once."""
        if not self.feeds:
            features, weights, looked = self._attend(self._run(vectors * self.scale, state)[0], source, state, 0)
            shown = {"attention": weights} if need_weights and weights is not None else {}
            return Taught(features, shown, None if looked is None else looked.chosen)
        written = []
        for number, vector in enumerate(vectors.unbind(1)):
            one = self.step(vector, state, source, number)
            written.append(one)
            state = one.state
        features = torch.stack([one.features for one in written], 1)
        if not need_weights:
            return Taught(features, {})
        return Taught(features, {"attention": torch.stack([cast(Tensor, one.weights) for one in written], 1)})

    def _run(self, vectors: Tensor, state: Tensors) -> tuple[Tensor, Tensors]:
        """The last layer's h (B, M, D), and the state after it."""
        before = tuple(state[name].transpose(0, 1).contiguous() for name in ("hidden", "cell"))
        read, (hidden, cell) = self.network(vectors, before)
        return read, {"hidden": hidden.transpose(0, 1), "cell": cell.transpose(0, 1)}

    def _attend(
        self, read: Tensor, source: Tensors, state: Tensors, first: int
    ) -> tuple[Tensor, Tensor | None, Looked | None]:
        """h~ (B, M, D), the weights (B, M, L) and, where attention is hard, more of it; without attention h itself."""
        if self.attention is None:
            return read, None, None
        looked: Looked | None = None
        if isinstance(self.attention, HardAttention):
            looked = self.attention(read, source["states"], source["real"], state["place"])
            context, weights = looked.context, looked.weights
        else:
            context, weights = self.attention(read, source, first)
        return self.combine(torch.cat([context, read], -1)).tanh(), weights, looked


class Seq2Seq(Translator):
    """Stacked LSTMs, with attention or without; hard attention learns by REINFORCE beside the cross-entropy."""

    def __init__(self, options: Seq2SeqOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks; see `Translator`."""
        super().__init__(options, observation_space, action_space)
        self.hard = options.attention if isinstance(options, LuongOptions) else None
        if isinstance(self.hard, HardOptions):
            self.reinforcement = Reinforcement(BaselineOptions(baseline=self.hard.baseline), 2 * options.width)

    def make(self, options: Seq2SeqOptions) -> tuple[nn.Module, Decoder, int]:
        """Encoder, decoder, and the width of vectors."""
        return StackedEncoder(options), StackedDecoder(options), options.width

    def with_draws(self, loss: Loss, taught: Taught, each: Tensor, target: Tensor, episode: Episode) -> Loss:
        """With what drawn places gained; see `worth`."""
        if taught.chosen is None or not isinstance(self.hard, HardOptions):
            return loss
        chosen, real = taught.chosen, target != PADDING
        own = torch.zeros_like(chosen.log_prob, dtype=each.dtype).masked_scatter(real, -each)
        gained = worth(own, self.hard.discount if self.hard.monotone else 0.0)[real]
        # A baseline may know the piece that is to be written: the place has no part in which one that is.
        seen = torch.cat([chosen.seen[real], self.target_vectors(target[real])], -1)
        # It learns from sentences that read the expected context as well, whose places nothing was decided by.
        log_prob = torch.where(chosen.hard[:, None], chosen.log_prob, 0)[real]
        gain, entropy = self.reinforcement(log_prob, gained, seen, episode), chosen.entropy[real].mean()
        total = loss.total + self.hard.policy * gain.policy + gain.baseline - self.hard.entropy * entropy
        told = {"policy": gain.policy, "baseline": gain.baseline, "entropy": entropy}
        return Loss(total, {**loss.terms, **{name: term.detach() for name, term in told.items()}})

    def set_progress(self, progress: float) -> None:
        """Hard attention draws once its time has come."""
        if isinstance(self.decoder, StackedDecoder) and isinstance(self.decoder.attention, HardAttention):
            self.decoder.attention.set_progress(progress)
