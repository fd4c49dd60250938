"""RNNsearch, as defined in appendix A of Bahdanau, Cho and Bengio (2015).

Axes: B lanes, L tokens of the source, M tokens of the target, E width of a token's vector, U units.
"""

from collections.abc import Callable

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.attention.additive import AdditiveScore
from glimpse.agents.translation.decoding import Decoder, DecoderStep, EncodedSource, TeacherForced, Tensors
from glimpse.agents.translation.gated_unit import BidirectionalGatedUnit, GatedUnit
from glimpse.agents.translation.options import BahdanauOptions
from glimpse.agents.translation.source_attention import SourceAttention
from glimpse.agents.translation.translator import Translator
from glimpse.agents.translation.unrolled import UnrolledLinear

_Transition = Callable[[Tensor, Tensor, Tensors, int], tuple[Tensor, Tensor, Tensor]]


class RNNsearchEncoder(nn.Module):
    """Bidirectional encoder; the annotations h_j are the concatenated states of both directions (section 3.2)."""

    def __init__(self, embedding_width: int, width: int) -> None:
        """Make an encoder of vectors (B, L, E)."""
        super().__init__()
        self.layer = BidirectionalGatedUnit(embedding_width, width)

    def forward(self, vectors: Tensor, real: Tensor) -> EncodedSource:
        """Encode vectors (B, L, E) as annotations (B, L, 2 U), with the last state of the backward direction."""
        states, first = self.layer(vectors, real)
        return EncodedSource(states, real, {"first": first})


class RNNsearchDecoder(Decoder):
    """Decoder s_i = f(s_(i-1), y_(i-1), c_i), with context c_i attended to by s_(i-1), and a maxout output layer."""

    def __init__(self, options: BahdanauOptions) -> None:
        """Make a decoder of vectors (B, E) and annotations (B, L, 2 U)."""
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

    def prepare(self, encoded: EncodedSource) -> Tensors:
        """Return the annotations h_j, and their keys U_a h_j."""
        return self.attention.prepare(encoded)

    def initial_memory(self, encoded: EncodedSource) -> Tensors:
        """Return s_0 = tanh(W_s h_1), where h_1 is the last state of the backward direction."""
        return {"state": self.start(encoded.last["first"]).tanh()}

    def step(self, vector: Tensor, state: Tensors, source: Tensors, index: int) -> DecoderStep:
        """Generate one token; see `Decoder.step`."""
        old, transition = state["state"], self._transition()
        context, weights, new = transition(self.unit.input(vector), old, source, index)
        features = self._maxout(old if self.reads_old else new, vector, context)
        return DecoderStep(features, weights, {"state": new})

    def teacher_force(
        self, vectors: Tensor, real: Tensor, state: Tensors, source: Tensors, need_weights: bool
    ) -> TeacherForced:
        """Compute all steps of a known target, and their maxout layer at once; see `Decoder.teacher_force`."""
        states, contexts, seen, transition = [state["state"]], [], [], self._transition()
        for index, entered in enumerate(self.unit.input(vectors).unbind(1)):
            context, weights, new = transition(entered, states[-1], source, index)
            states.append(new)
            contexts.append(context)
            seen.append(weights)
        read = torch.stack(states[:-1] if self.reads_old else states[1:], 1)
        features = self._maxout(read, vectors, torch.stack(contexts, 1))
        return TeacherForced(features, {"attention": torch.stack(seen, 1)} if need_weights else {})

    def _transition(self) -> _Transition:
        """Return the step of one loop, which gives the context (B, 2 U), weights (B, L) and new state (B, U)."""
        unit, from_context = self.unit.unrolled(), UnrolledLinear(self.from_context.weight)

        def transition(entered: Tensor, old: Tensor, source: Tensors, index: int) -> tuple[Tensor, Tensor, Tensor]:
            attended = self.attention(old.unsqueeze(1), source, index)
            context, weights = attended.context[:, 0], attended.weights[:, 0]
            return context, weights, unit(entered + from_context(context), old)

        return transition

    def _maxout(self, state: Tensor, vector: Tensor, context: Tensor) -> Tensor:
        """Compute the maxout layer: the maximum of each pair of U_o s + V_o E y + C_o c."""
        pairs = self.output_state(state) + self.output_vector(vector) + self.output_context(context)
        larger: Tensor = pairs.unflatten(-1, (-1, 2)).amax(-1)
        return larger


class Bahdanau(Translator):
    """RNNsearch translator."""

    def __init__(self, options: BahdanauOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks, and initialise them as the options say; see `Translator`."""
        super().__init__(options, observation_space, action_space)
        if options.weights == "paper":
            for vectors in (self.source_vectors.weight, self.target_vectors.weight, self.output.weight):
                nn.init.normal_(vectors, 0, 0.01)

    def make_networks(self, options: BahdanauOptions) -> tuple[nn.Module, Decoder, int]:
        """Return the encoder, the decoder, and the width of token vectors."""
        encoder = RNNsearchEncoder(options.embedding_width, options.width)
        decoder = RNNsearchDecoder(options)
        initialise = _initialise_as_paper if options.weights == "paper" else _initialise_scaled
        for part in (encoder, decoder):
            initialise(part)
        return encoder, decoder, options.embedding_width


@torch.no_grad()
def _initialise_as_paper(part: nn.Module) -> None:
    """Initialise as the paper: recurrent matrices orthogonal, v_a and biases 0, others normal.

    The standard deviation is 0.001 for attention and 0.01 elsewhere.
    """
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
def _initialise_scaled(part: nn.Module) -> None:
    """Initialise recurrent matrices as orthogonal, all others as Glorot and Bengio (2010), biases as 0."""
    for name, weight in part.named_parameters():
        if weight.dim() < 2:
            weight.zero_()
        elif "gates" in name or "candidate" in name:
            _orthogonal(weight)
        else:
            nn.init.xavier_uniform_(weight)


def _orthogonal(weight: Tensor) -> None:
    """Make each square block of stacked matrices orthogonal."""
    for square in weight.split(weight.shape[1]):
        nn.init.orthogonal_(square)
