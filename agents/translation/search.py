"""Looking for a translation: greedily, or with a beam; sentences side by side, each as if it were alone.

Axes: B sentences, K translations of each that are kept (the beam), M pieces of a translation, V of the vocabulary.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.agents.translation.decoding import Encoded, Tensors, Written, take
from glimpse.agents.translation.symbols import BEGIN, END


class SearchedDecoder(Protocol):
    """What a search asks of a decoder; the steps are the writer's."""

    def prepare(self, encoded: Encoded) -> Tensors:
        """What stays of the sources."""
        ...

    def begin(self, encoded: Encoded) -> Tensors:
        """The state before the first piece."""
        ...


class Writer(Protocol):
    """What is searched with: an agent that translates."""

    longest: int

    @property
    def decoder(self) -> SearchedDecoder:
        """Which begins translations."""
        ...

    def encode(self, source: Tensor) -> Encoded:
        """Read sources (B, L)."""
        ...

    def step(self, piece: Tensor, state: Tensors, source: Tensors, number: int) -> tuple[Tensor, Written]:
        """Log-probabilities (B, V) of piece `number` after the one before it, (B,)."""
        ...


class Found(NamedTuple):
    """The best translation of each sentence: target (B, M) int64, END last, 0 behind that; log-probability (B,)."""

    target: Tensor
    log_prob: Tensor


def limits(source: Tensor, longest: int) -> Tensor:
    """The most pieces that a translation of each source (B, L) may have, END included: (B,) int64."""
    return (2 * (source != PADDING).sum(1) + 10).clamp(max=longest)


@torch.no_grad()
def greedy(writer: Writer, source: Tensor) -> Tensor:
    """The likeliest piece at each step: translations (B, M) of sources (B, L), M being the most that there may be.

    Sentences that have ended are left out of the steps that follow.
    """
    encoded = writer.encode(source)
    state, prepared = writer.decoder.begin(encoded), writer.decoder.prepare(encoded)
    target = source.new_full((len(source), writer.longest), PADDING)
    limit, lanes = limits(source, writer.longest), torch.arange(len(source), device=source.device)
    piece = torch.full_like(lanes, BEGIN)
    for number in range(writer.longest):
        log_prob, written = writer.step(piece, state, prepared, number)
        piece, state = log_prob.argmax(-1).where(limit[lanes] > number + 1, END), written.state
        target[lanes, number] = piece
        going = (piece != END).nonzero()[:, 0]
        if not len(going):
            break
        if len(going) < len(lanes):
            lanes, piece = lanes[going], piece[going]
            state, prepared = take(state, going), take(prepared, going)
    return target


@torch.no_grad()
def translate(writer: Writer, source: Tensor, beam: int, length_penalty: float) -> Found:
    """The best translations of sources (B, L) that a beam of K finds; K = 1 is greedy search.

    A translation that ends is ranked by log p / ((5 + pieces) / 6)^alpha (Wu et al., 2016, equation 14). A sentence is
    done when K of its translations have ended, and is left out of the steps that follow.
    """
    encoded = writer.encode(source)
    prepared, state = writer.decoder.prepare(encoded), writer.decoder.begin(encoded)
    lanes = torch.arange(len(source), device=source.device).repeat_interleave(beam)
    prepared, state = take(prepared, lanes), take(state, lanes)
    kept = _Kept(source, limits(source, writer.longest), beam, length_penalty, writer.longest)
    for number in range(writer.longest):
        log_prob, written = writer.step(kept.last, state, prepared, number)
        lanes = kept.extend(log_prob, number)
        if not len(lanes):
            break
        state = take(written.state, lanes)
        if len(lanes) < len(log_prob):
            prepared = take(prepared, lanes)  # A lane's source is that of the lane it came from.
    return kept.best()


class _Kept:
    """The translations that are kept of each sentence, growing and ended."""

    def __init__(self, source: Tensor, limit: Tensor, beam: int, length_penalty: float, longest: int) -> None:
        """Begin with one empty translation of each; the other K - 1 can never be chosen before it."""
        device, count = source.device, len(source)
        self.beam, self.penalty, self.limit = beam, length_penalty, limit
        self.sentence = torch.arange(count, device=device)  # (A,): those that are not done.
        self.score = torch.full((count, beam), -torch.inf, device=device)
        self.score[:, 0] = 0
        self.grown = torch.full((count, beam, 0), PADDING, dtype=torch.int64, device=device)
        self.ended = torch.full((count, beam, longest), PADDING, dtype=torch.int64, device=device)
        self.ended_score = torch.full((count, beam), -torch.inf, device=device)
        self.ended_log_prob = torch.zeros(count, beam, device=device)
        self.count = torch.zeros(count, dtype=torch.int64, device=device)
        self.last = torch.full((count * beam,), BEGIN, device=device)

    def extend(self, log_prob: Tensor, number: int) -> Tensor:
        """Add piece `number` to all that grow.

        Args:
            log_prob: (A * K, V), of the pieces.
            number: of the piece, from 0.

        Returns:
            The lanes, of those A * K, that the A' * K which grow on came from; none when all is done.
        """
        beam, pieces = self.beam, log_prob.shape[-1]
        log_prob = log_prob.view(-1, beam, pieces)
        at_end = (self.limit[self.sentence] <= number + 1)[:, None, None]
        not_end = torch.arange(pieces, device=log_prob.device) != END
        log_prob = log_prob.masked_fill(at_end & not_end, -torch.inf)
        total = self.score.unsqueeze(-1) + log_prob
        # As many again as are kept, so that enough are left to grow on where some end.
        score, choice = total.flatten(1).topk(min(2 * beam, beam * pieces), dim=1)
        origin, piece = choice // pieces, choice % pieces
        ends = (piece == END) & (score > -torch.inf)
        self._end(ends[:, :beam], score, origin, number)
        self.count[self.sentence] += ends[:, :beam].sum(1)
        # Those that do not end come first, in their order.
        growing = ends.byte().sort(dim=1, stable=True).indices[:, :beam]
        self.score, origin, piece = (column.gather(1, growing) for column in (score, origin, piece))
        self.score = self.score.masked_fill(ends.gather(1, growing), -torch.inf)
        before = self.grown.gather(1, origin.unsqueeze(-1).expand(-1, -1, number))
        self.grown = torch.cat([before, piece.unsqueeze(-1)], -1)
        going = (self.count[self.sentence] < beam) & (self.score[:, 0] > -torch.inf)
        lanes = origin + beam * torch.arange(len(origin), device=origin.device)[:, None]
        if not going.all():
            lanes, piece = lanes[going], piece[going]
            self.sentence, self.score, self.grown = self.sentence[going], self.score[going], self.grown[going]
        self.last = piece.flatten()
        return lanes.flatten()

    def _end(self, ends: Tensor, score: Tensor, origin: Tensor, number: int) -> None:
        """Keep those of the best K (A, K) that end, as far as there is room."""
        row, column = ends.nonzero(as_tuple=True)
        sentence = self.sentence[row]
        place = self.count[sentence] + (ends.cumsum(1) - 1)[row, column]
        fits = place < self.beam
        row, column, sentence, place = row[fits], column[fits], sentence[fits], place[fits]
        self.ended[sentence, place, :number] = self.grown[row, origin[row, column]]
        self.ended[sentence, place, number] = END
        log_prob = score[row, column]
        self.ended_log_prob[sentence, place] = log_prob
        self.ended_score[sentence, place] = log_prob / ((5 + number + 1) / 6) ** self.penalty

    def best(self) -> Found:
        """The best that ended of each sentence; all do at their limit."""
        first = self.ended_score.argmax(1, keepdim=True)
        target = self.ended.take_along_dim(first.unsqueeze(-1), 1)[:, 0]
        return Found(target, self.ended_log_prob.take_along_dim(first, 1)[:, 0])
