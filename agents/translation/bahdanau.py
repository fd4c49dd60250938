"""RNNsearch (Bahdanau, Cho and Bengio, 2015), as its appendix A defines it.

Axes: B lanes, L pieces of the source, M pieces of the target, E width of a piece's vector, U units.
"""

from collections.abc import Callable

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.attention.additive import AdditiveScore
from glimpse.agents.translation.decoding import Decoder, Encoded, Taught, Tensors, Written
from glimpse.agents.translation.gated_unit import BothWays, GatedUnit
from glimpse.agents.translation.options import BahdanauOptions
from glimpse.agents.translation.source_attention import SourceAttention
from glimpse.agents.translation.translator import Translator
from glimpse.agents.translation.unrolled import Unrolled

_Move = Callable[[Tensor, Tensor, Tensors, int], tuple[Tensor, Tensor, Tensor]]


class SearchEncoder(nn.Module):
    """Gated units both ways; the annotations h_j are their states side by side (section 3.2)."""

    def __init__(self, embedding_width: int, width: int) -> None:
        """Make it for vectors (B, L, E)."""
        super().__init__()
        self.layer = BothWays(embedding_width, width)

    def forward(self, vectors: Tensor, real: Tensor) -> Encoded:
        """(B, L, E) -> annotations (B, L, 2 U), and the last state of the way back."""
        states, first = self.layer(vectors, real)
        return Encoded(states, real, {"first": first})


class SearchDecoder(Decoder):
    """s_i = f(s_(i-1), y_(i-1), c_i) with c_i attended to by s_(i-1), and an output through a maxout layer."""

    def __init__(self, options: BahdanauOptions) -> None:
        """Make it for vectors (B, E) and annotations of 2 U."""
        super().__init__()
        embedding, units, self.width = options.embedding_width, options.width, options.output_width
        self.reads_old = options.output_state == "old"
        self.start = nn.Linear(units, units)
        self.attention = SourceAttention(options.attention, units, 2 * units)
        self.unit = GatedUnit(embedding, units)
        self.from_context = nn.Linear(2 * units, 3 * units, bias=False)
        self.output_state = nn.Linear(units, 2 * self.width)
        self.output_vector = nn.Linear(embedding, 2 * self.width, bias=False)
        self.output_context = nn.Linear(2 * units, 2 * self.width, bias=False)

    def prepare(self, encoded: Encoded) -> Tensors:
        """The annotations, and U_a h_j of them."""
        return self.attention.prepare(encoded)

    def begin(self, encoded: Encoded) -> Tensors:
        """s_0 = tanh(W_s h_1), of the way back."""
        return {"state": self.start(encoded.last["first"]).tanh()}

    def step(self, vector: Tensor, state: Tensors, source: Tensors, first: int) -> Written:
        """See `Decoder.step`."""
        old, move = state["state"], self._moves()
        context, weights, new = move(self.unit.input(vector), old, source, first)
        features = self._put_out(old if self.reads_old else new, vector, context)
        return Written(features, weights, {"state": new})

    def teach(self, vectors: Tensor, real: Tensor, state: Tensors, source: Tensors, need_weights: bool) -> Taught:
        """See `Decoder.teach`; the output is made of all steps at once."""
        states, contexts, seen, move = [state["state"]], [], [], self._moves()
        for number, entered in enumerate(self.unit.input(vectors).unbind(1)):
            context, weights, new = move(entered, states[-1], source, number)
            states.append(new)
            contexts.append(context)
            seen.append(weights)
        read = torch.stack(states[:-1] if self.reads_old else states[1:], 1)
        features = self._put_out(read, vectors, torch.stack(contexts, 1))
        return Taught(features, {"attention": torch.stack(seen, 1)} if need_weights else {})

    def _moves(self) -> "_Move":
        """From a state to the next one, for one loop: the context (B, 2 U), its weights (B, L), the state (B, U)."""
        unit, from_context = self.unit.unrolled(), Unrolled(self.from_context.weight)

        def move(entered: Tensor, old: Tensor, source: Tensors, number: int) -> tuple[Tensor, Tensor, Tensor]:
            attended = self.attention(old.unsqueeze(1), source, number)
            context, weights = attended.context[:, 0], attended.weights[:, 0]
            return context, weights, unit(entered + from_context(context), old)

        return move

    def _put_out(self, state: Tensor, vector: Tensor, context: Tensor) -> Tensor:
        """The larger of each two of U_o s + V_o E y + C_o c."""
        pairs = self.output_state(state) + self.output_vector(vector) + self.output_context(context)
        larger: Tensor = pairs.unflatten(-1, (-1, 2)).amax(-1)
        return larger


class Bahdanau(Translator):
    """RNNsearch."""

    def __init__(self, options: BahdanauOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks; see `Translator`."""
        super().__init__(options, observation_space, action_space)
        if options.weights == "paper":
            for vectors in (self.source_vectors.weight, self.target_vectors.weight, self.output.weight):
                nn.init.normal_(vectors, 0, 0.01)

    def make(self, options: BahdanauOptions) -> tuple[nn.Module, Decoder, int]:
        """Encoder, decoder, and the width of vectors."""
        encoder = SearchEncoder(options.embedding_width, options.width)
        decoder = SearchDecoder(options)
        begin = _begin_as_paper if options.weights == "paper" else _begin_scaled
        for part in (encoder, decoder):
            begin(part)
        return encoder, decoder, options.embedding_width


@torch.no_grad()
def _begin_as_paper(part: nn.Module) -> None:
    """Recurrent matrices orthogonal, those of attention of deviation 0.001, v_a and biases 0, all others 0.01."""
    for name, weight in part.named_parameters():
        if weight.dim() < 2:
            weight.zero_()
        elif "gates" in name or "candidate" in name:
            _orthogonal(weight)
        else:
            nn.init.normal_(weight, 0, 0.001 if "attention" in name else 0.01)
    for module in part.modules():
        if isinstance(module, AdditiveScore):
            module.out.weight.zero_()


@torch.no_grad()
def _begin_scaled(part: nn.Module) -> None:
    """Recurrent matrices orthogonal, all others as Glorot and Bengio (2010), biases 0."""
    for name, weight in part.named_parameters():
        if weight.dim() < 2:
            weight.zero_()
        elif "gates" in name or "candidate" in name:
            _orthogonal(weight)
        else:
            nn.init.xavier_uniform_(weight)


def _orthogonal(weight: Tensor) -> None:
    """Each square of a matrix that holds several."""
    for square in weight.split(weight.shape[1]):
        nn.init.orthogonal_(square)
