"""Greedy search and beam search, batched; the result of a sentence does not depend on the others.

Axes: B sentences, A of them still active, K hypotheses of each (the beam), M tokens of a translation, V tokens of the
vocabulary.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.agents.ordering import true_first
from glimpse.agents.translation.decoding import DecoderStep, EncodedSource, Tensors, take_lanes
from glimpse.agents.translation.symbols import BEGIN, END


class SearchableDecoder(Protocol):
    """The part of a decoder that a search calls itself; steps go through the translator."""

    def prepare(self, encoded: EncodedSource) -> Tensors:
        """Compute what all steps read of the sources."""
        ...

    def initial_memory(self, encoded: EncodedSource) -> Tensors:
        """Return the state before the first token."""
        ...


class SearchableTranslator(Protocol):
    """A model that can be searched: an agent that translates, or a test's table."""

    longest: int

    @property
    def decoder(self) -> SearchableDecoder:
        """The decoder."""
        ...

    def encode(self, source: Tensor) -> EncodedSource:
        """Encode sources (B, L)."""
        ...

    def step(self, token: Tensor, state: Tensors, source: Tensors, index: int) -> tuple[Tensor, DecoderStep]:
        """Compute log-probabilities (B, V) of target token `index` given the previous one, (B,)."""
        ...


class SearchResult(NamedTuple):
    """The best translation of each sentence.

    target: (B, M) int64, END last, then 0.
    log_prob: (B,), its log-probability.
    """

    target: Tensor
    log_prob: Tensor


class SearchResults(NamedTuple):
    """The K translations of each sentence that a beam search finished, the best first.

    target: (B, K, M) int64, END last, then 0; only 0 where fewer than K were finished.
    log_prob: (B, K), their log-probabilities; -inf where there is no translation.
    score: (B, K), log-probabilities with the length penalty, by which they are ranked.
    """

    target: Tensor
    log_prob: Tensor
    score: Tensor


def length_limits(source: Tensor, longest: int) -> Tensor:
    """Return the maximum length of a translation of each source (B, L), END included: (B,) int64."""
    return (2 * (source != PADDING).sum(1) + 10).clamp(max=longest)


@torch.no_grad()
def greedy_search(model: SearchableTranslator, source: Tensor) -> Tensor:
    """Translate sources (B, L) by the likeliest token at each step.

    Returns:
        (B, M) int64, END last, then 0; M is the maximum length.
    """
    encoded = model.encode(source)
    state, prepared = model.decoder.initial_memory(encoded), model.decoder.prepare(encoded)
    target = source.new_full((len(source), model.longest), PADDING)
    limit, lanes = length_limits(source, model.longest), torch.arange(len(source), device=source.device)
    token = torch.full_like(lanes, BEGIN)
    for index in range(model.longest):
        log_prob, step = model.step(token, state, prepared, index)
        token, state = log_prob.argmax(-1).where(limit[lanes] > index + 1, END), step.state
        target[lanes, index] = token
        # Drop the lanes that have ended.
        count = int((token != END).sum())  # The one number that a token waits for on a GPU.
        if not count:
            break
        if count < len(lanes):
            going = true_first(token != END)[:count]
            lanes, token = lanes[going], token[going]
            state, prepared = take_lanes(state, going), take_lanes(prepared, going)
    return target


def beam_search(model: SearchableTranslator, source: Tensor, beam: int, length_penalty: float) -> SearchResult:
    """Translate sources (B, L) by beam search, and return the best translation; see `beam_search_all`."""
    found = beam_search_all(model, source, beam, length_penalty)
    return SearchResult(found.target[:, 0], found.log_prob[:, 0])


@torch.no_grad()
def beam_search_all(
    model: SearchableTranslator,
    source: Tensor,
    beam: int,
    length_penalty: float,
    *,
    no_repeat: int = 0,
    prefix: Tensor | None = None,
) -> SearchResults:
    """Translate sources (B, L) by beam search, and return all translations that were finished.

    Finished hypotheses are ranked by log p / ((5 + tokens) / 6)^alpha (Wu et al., 2016, equation 14). The search of a
    sentence stops when K of its hypotheses have finished.

    Args:
        model: a translator.
        source: (B, L) int64.
        beam: K; 1 is greedy search.
        length_penalty: alpha.
        no_repeat: n, so that no n tokens in a row come twice in a translation; 0 allows all.
        prefix: (B, P) int64, tokens with which the translations begin, then padding 0; its log-probability counts.
    """
    encoded = model.encode(source)
    prepared, state = model.decoder.prepare(encoded), model.decoder.initial_memory(encoded)
    lanes = torch.arange(len(source), device=source.device).repeat_interleave(beam)
    prepared, state = take_lanes(prepared, lanes), take_lanes(state, lanes)
    limit = length_limits(source, model.longest)
    if prefix is not None:
        limit = limit.maximum((prefix != PADDING).sum(1) + 1).clamp(max=model.longest)
    hypotheses = _Beam(source, limit, beam, length_penalty, model.longest, no_repeat, prefix)
    for index in range(model.longest):
        log_prob, step = model.step(hypotheses.last, state, prepared, index)
        lanes = hypotheses.extend(log_prob, index)
        if not len(lanes):
            break
        state = take_lanes(step.state, lanes)
        if len(lanes) < len(log_prob):
            prepared = take_lanes(prepared, lanes)  # Some sentences are done: drop their sources.
    return hypotheses.ranked()


class _Beam:
    """Unfinished and finished hypotheses of each sentence."""

    def __init__(
        self,
        source: Tensor,
        limit: Tensor,
        beam: int,
        length_penalty: float,
        longest: int,
        no_repeat: int = 0,
        prefix: Tensor | None = None,
    ) -> None:
        """Begin with one empty hypothesis per sentence; the other K - 1 have score -inf."""
        device, count = source.device, len(source)
        self.beam, self.penalty, self.limit = beam, length_penalty, limit
        self.no_repeat, self.prefix = no_repeat, prefix
        self.sentence = torch.arange(count, device=device)  # (A,): the active sentences.
        self.score = torch.full((count, beam), -torch.inf, device=device)
        self.score[:, 0] = 0
        self.unfinished = torch.full((count, beam, 0), PADDING, dtype=torch.int64, device=device)
        # Of the finished ones there is a place more than are kept.
        self.finished = torch.full((count, beam + 1, longest), PADDING, dtype=torch.int64, device=device)
        self.finished_score = torch.full((count, beam + 1), -torch.inf, device=device)
        self.finished_log_prob = torch.zeros(count, beam + 1, device=device)
        self.count = torch.zeros(count, dtype=torch.int64, device=device)
        self.last = torch.full((count * beam,), BEGIN, device=device)

    def extend(self, log_prob: Tensor, index: int) -> Tensor:
        """Extend all unfinished hypotheses by one token.

        Args:
            log_prob: (A * K, V), of the next token.
            index: position of the token, from 0.

        Returns:
            For each of the A' * K hypotheses that remain unfinished, the lane, of A * K, that it extends; empty when
            all sentences are done.
        """
        beam, tokens = self.beam, log_prob.shape[-1]
        log_prob = log_prob.view(-1, beam, tokens)
        # At the maximum length only END is allowed.
        at_end = (self.limit[self.sentence] <= index + 1)[:, None, None]
        not_end = torch.arange(tokens, device=log_prob.device) != END
        log_prob = log_prob.masked_fill(at_end & not_end, -torch.inf)
        log_prob = self._restrict(log_prob, index)
        total = self.score.unsqueeze(-1) + log_prob
        # Take the best 2 K, so that K unfinished ones remain even if K finish.
        score, choice = total.flatten(1).topk(min(2 * beam, beam * tokens), dim=1)
        origin, token = choice // tokens, choice % tokens
        ends = (token == END) & (score > -torch.inf)
        self._finish(ends[:, :beam], score, origin, index)
        self.count[self.sentence] += ends[:, :beam].sum(1)
        # Keep the K best unfinished ones, in their order.
        growing = ends.byte().sort(dim=1, stable=True).indices[:, :beam]
        self.score, origin, token = (column.gather(1, growing) for column in (score, origin, token))
        self.score = self.score.masked_fill(ends.gather(1, growing), -torch.inf)
        before = self.unfinished.gather(1, origin.unsqueeze(-1).expand(-1, -1, index))
        self.unfinished = torch.cat([before, token.unsqueeze(-1)], -1)
        # Drop the sentences that are done.
        going = (self.count[self.sentence] < beam) & (self.score[:, 0] > -torch.inf)
        lanes = origin + beam * torch.arange(len(origin), device=origin.device)[:, None]
        left = int(going.sum())  # The one number that a token waits for on a GPU.
        if left < len(going):
            kept = true_first(going)[:left]
            lanes, token = lanes[kept], token[kept]
            self.sentence, self.score, self.unfinished = self.sentence[kept], self.score[kept], self.unfinished[kept]
        self.last = token.flatten()
        return lanes.flatten()

    def _restrict(self, log_prob: Tensor, index: int) -> Tensor:
        """Forbid tokens that leave the prefix or repeat an n-gram: log-probabilities (A, K, V) -> (A, K, V)."""
        forced = self.unfinished.new_full((len(self.sentence), 1, 1), PADDING)
        if self.prefix is not None and index < self.prefix.shape[1]:
            forced = self.prefix[self.sentence, index][:, None, None]
            other = torch.arange(log_prob.shape[-1], device=log_prob.device) != forced
            log_prob = log_prob.masked_fill(other & (forced != PADDING), -torch.inf)
        n = self.no_repeat
        if n and index >= n:
            grams = self.unfinished.unfold(2, n, 1)  # (A, K, index - n + 1, n)
            repeats = (grams[..., : n - 1] == self.unfinished[:, :, None, index - n + 1 :]).all(-1)
            repeats &= forced == PADDING
            banned = torch.zeros_like(log_prob).scatter_add(2, grams[..., -1], repeats.to(log_prob.dtype)) > 0
            banned[..., END] = False
            log_prob = log_prob.masked_fill(banned, -torch.inf)
        return log_prob

    def _finish(self, ends: Tensor, score: Tensor, origin: Tensor, index: int) -> None:
        """Store those of the best K (A, K) that end, until a sentence has K."""
        sentence, best = self.sentence[:, None], ends.shape[1]
        slot = self.count[sentence] + ends.cumsum(1) - 1
        slot = slot.where(ends & (slot < self.beam), self.beam)  # What does not count goes to a place of its own.
        self.finished[sentence, slot, :index] = self.unfinished.take_along_dim(origin[:, :best, None], 1)
        self.finished[sentence, slot, index] = END
        log_prob = score[:, :best]
        self.finished_log_prob[sentence, slot] = log_prob
        self.finished_score[sentence, slot] = log_prob / ((5 + index + 1) / 6) ** self.penalty

    def ranked(self) -> SearchResults:
        """Return the finished hypotheses of each sentence, the best first; at least one finishes at the limit."""
        order = self.finished_score[:, : self.beam].sort(dim=1, descending=True, stable=True).indices
        score = self.finished_score.gather(1, order)
        log_prob = self.finished_log_prob.gather(1, order).masked_fill(score == -torch.inf, -torch.inf)
        return SearchResults(self.finished.take_along_dim(order.unsqueeze(-1), 1), log_prob, score)
