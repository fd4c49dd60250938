"""Stacked LSTMs without attention (Sutskever et al., 2014) and with it (Luong, Pham and Manning, 2015).

Token vectors are multiplied by sqrt(D), as in the Transformer: tied vectors have the small norm that an output layer
needs, from which LSTMs would learn nothing for hundreds of updates.

Axes: B lanes, L tokens of the source, M tokens of the target, D width, N layers.
"""

import math
from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import gather_tokens
from glimpse.agents.encoders.ragged_recurrence import read_texts
from glimpse.agents.episode import Loss
from glimpse.agents.selection.options import BaselineOptions
from glimpse.agents.selection.reinforcement import ReinforceLoss, Reinforcement
from glimpse.agents.translation.decoding import Decoder, DecoderStep, EncodedSource, TeacherForced, Tensors
from glimpse.agents.translation.hard_attention import HardAttended, HardAttention, make_hard_attention, position_rewards
from glimpse.agents.translation.options import HardOptions, LuongOptions, Seq2SeqOptions
from glimpse.agents.translation.source_attention import SourceAttention
from glimpse.agents.translation.translator import Translator


class StackedEncoder(nn.Module):
    """Stacked LSTMs over the source: forward, reversed or bidirectional."""

    def __init__(self, options: Seq2SeqOptions) -> None:
        """Make an encoder of vectors (B, L, D)."""
        super().__init__()
        self.both, self.turned = options.direction == "both", options.direction == "reversed"
        self.scale = math.sqrt(options.width)
        units = options.width // 2 if self.both else options.width
        dropout = options.dropout if options.layers > 1 else 0.0
        self.network = nn.LSTM(
            options.width, units, options.layers, batch_first=True, bidirectional=self.both, dropout=dropout
        )

    def forward(self, vectors: Tensor, real: Tensor) -> EncodedSource:
        """Encode vectors (B, L, D) as the last layer's states (B, L, D).

        The final `hidden` and `cell` states are those of all layers, (B, N, D).
        """
        length, vectors = real.sum(1), vectors * self.scale
        if self.turned:
            position = torch.arange(real.shape[1], device=real.device)
            turned = torch.where(position < length[:, None], length[:, None] - 1 - position, position)
            vectors = gather_tokens(vectors, turned)
        states, hidden, cell = read_texts(self.network, vectors, length.clamp(min=1))
        if self.turned:
            states = gather_tokens(states, turned)
        return EncodedSource(torch.where(real.unsqueeze(-1), states, 0.0), real, {"hidden": hidden, "cell": cell})


class StackedDecoder(Decoder):
    """Stacked LSTMs over the target.

    With attention the output is h~ = tanh(W_c [c; h]) (equation 5), which input feeding gives back to the LSTMs.
    """

    def __init__(self, options: Seq2SeqOptions) -> None:
        """Make a decoder of vectors (B, D) and source states (B, L, D)."""
        super().__init__()
        self.width = width = options.width
        self.scale = math.sqrt(width)
        self.attention: SourceAttention | HardAttention | None = None
        self.feeds = False
        if isinstance(options, LuongOptions):
            chosen, self.feeds = options.attention, options.input_feeding
            if isinstance(chosen, HardOptions):
                self.attention = make_hard_attention(chosen, width)
            else:
                self.attention = SourceAttention(chosen, width, width)
            self.combine = nn.Linear(2 * width, width, bias=False)
        dropout = options.dropout if options.layers > 1 else 0.0
        self.network = nn.LSTM(width * (1 + self.feeds), width, options.layers, batch_first=True, dropout=dropout)

    def prepare(self, encoded: EncodedSource) -> Tensors:
        """Return what attention computes once per source; nothing without attention."""
        if isinstance(self.attention, HardAttention):
            return {"states": encoded.states, "real": encoded.real}
        return {} if self.attention is None else self.attention.prepare(encoded)

    def initial_memory(self, encoded: EncodedSource) -> Tensors:
        """Return the encoder's final states; for input feeding, h~ = 0; for hard attention, position 0."""
        state = dict(encoded.last)
        if self.feeds:
            state["fed"] = torch.zeros_like(encoded.last["hidden"][:, 0])
        if isinstance(self.attention, HardAttention):
            state["position"] = torch.zeros(len(encoded.real), dtype=torch.int64, device=encoded.real.device)
        return state

    def step(self, vector: Tensor, state: Tensors, source: Tensors, index: int) -> DecoderStep:
        """Generate one token; see `Decoder.step`."""
        vector = vector * self.scale
        if self.feeds:
            vector = torch.cat([vector, state["fed"]], -1)
        hidden, after = self._run(vector.unsqueeze(1), state)
        features, weights, hard = self._attend(hidden, source, state, index)
        if self.feeds:
            after["fed"] = features[:, 0]
        if hard is not None:
            after["position"] = hard.position
        return DecoderStep(features[:, 0], None if weights is None else weights[:, 0], after)

    def teacher_force(
        self, vectors: Tensor, real: Tensor, state: Tensors, source: Tensors, need_weights: bool
    ) -> TeacherForced:
        """Compute all steps of a known target; without input feeding all steps attend at once."""
        if not self.feeds:
            features, weights, hard = self._attend(self._run(vectors * self.scale, state)[0], source, state, 0)
            shown = {"attention": weights} if need_weights and weights is not None else {}
            return TeacherForced(features, shown, None if hard is None else hard.drawn)
        steps = []
        for index, vector in enumerate(vectors.unbind(1)):
            one = self.step(vector, state, source, index)
            steps.append(one)
            state = one.state
        features = torch.stack([one.features for one in steps], 1)
        if not need_weights:
            return TeacherForced(features, {})
        return TeacherForced(features, {"attention": torch.stack([cast(Tensor, one.weights) for one in steps], 1)})

    def _run(self, vectors: Tensor, state: Tensors) -> tuple[Tensor, Tensors]:
        """Run the LSTMs over vectors (B, M, .): the last layer's h (B, M, D), and the final state."""
        before = tuple(state[name].transpose(0, 1).contiguous() for name in ("hidden", "cell"))
        output, (hidden, cell) = self.network(vectors, before)
        return output, {"hidden": hidden.transpose(0, 1), "cell": cell.transpose(0, 1)}

    def _attend(
        self, hidden: Tensor, source: Tensors, state: Tensors, first: int
    ) -> tuple[Tensor, Tensor | None, HardAttended | None]:
        """Attend to the source from h (B, M, D), the first of which is step `first`.

        Returns:
            h~ (B, M, D), or h itself without attention; the weights (B, M, L); and the result of hard attention.
        """
        if self.attention is None:
            return hidden, None, None
        hard: HardAttended | None = None
        if isinstance(self.attention, HardAttention):
            hard = self.attention(hidden, source["states"], source["real"], state["position"])
            context, weights = hard.context, hard.weights
        else:
            context, weights = self.attention(hidden, source, first)
        return self.combine(torch.cat([context, hidden], -1)).tanh(), weights, hard


class Seq2Seq(Translator):
    """Translator of stacked LSTMs, with attention or without; hard attention learns by REINFORCE."""

    def __init__(self, options: Seq2SeqOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks; see `Translator`."""
        super().__init__(options, observation_space, action_space)
        self.hard = options.attention if isinstance(options, LuongOptions) else None
        if isinstance(self.hard, HardOptions):
            self.reinforcement = Reinforcement(BaselineOptions(baseline=self.hard.baseline), 2 * options.width)

    def make_networks(self, options: Seq2SeqOptions) -> tuple[nn.Module, Decoder, int]:
        """Return the encoder, the decoder, and the width of token vectors."""
        return StackedEncoder(options), StackedDecoder(options), options.width

    def add_position_loss(self, loss: Loss, forced: TeacherForced, each: Tensor, target: Tensor) -> Loss:
        """Add the REINFORCE loss of the drawn positions; see `position_rewards`."""
        if forced.drawn is None or not isinstance(self.hard, HardOptions):
            return loss
        drawn, real = forced.drawn, target != PADDING
        # The reward: log-probabilities of the known tokens.
        if len(each) == real.numel():
            own = torch.where(real, -each.view_as(real), 0)
        else:
            own = torch.zeros_like(drawn.log_prob, dtype=each.dtype).masked_scatter(real, -each)
        reward = position_rewards(own, self.hard.discount if self.hard.monotone else 0.0)
        # Sentences that read the expected context train the baseline alone: their draws had no effect.
        log_prob = torch.where(drawn.hard[:, None], drawn.log_prob, 0)
        gain, count = self._reinforce(log_prob, reward, drawn.seen, target), real.sum()
        policy_loss = gain.policy_loss * (count / over_all_ranks(count))  # A mean over tokens, not over sentences.
        entropy = torch.where(real, drawn.entropy, 0).sum() / over_all_ranks(count)
        total = loss.total + self.hard.policy * policy_loss + gain.value_loss - self.hard.entropy * entropy
        terms = {"policy_loss": policy_loss, "value_loss": gain.value_loss, "entropy": entropy}
        return Loss(total, {**loss.terms, **{name: term.detach() for name, term in terms.items()}})

    def _reinforce(self, log_prob: Tensor, reward: Tensor, seen: Tensor, target: Tensor) -> ReinforceLoss:
        """Compute the losses of drawn positions (B, M) with queries (B, M, D); a baseline may read the token too.

        The position does not affect which token is known. On a GPU padding is counted out, not left out.
        """
        real = target != PADDING
        if real.device.type == "cpu":
            log_prob, reward, seen, target = (each[real] for each in (log_prob, reward, seen, target))
            counts = None
        else:
            log_prob, reward, seen, target = (each.flatten(0, 1) for each in (log_prob, reward, seen, target))
            counts = real.flatten()
        features = torch.cat([seen, self.target_vectors(target)], -1)
        return cast(ReinforceLoss, self.reinforcement(log_prob, reward, features, counts))

    def set_progress(self, progress: float) -> None:
        """Tell hard attention how far training is, which says whether it draws."""
        if isinstance(self.decoder, StackedDecoder) and isinstance(self.decoder.attention, HardAttention):
            self.decoder.attention.set_progress(progress)
