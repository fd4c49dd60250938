"""What all agents that translate share: vectors of pieces, the loss of a known translation, and writing one.

Axes: B sentences, L pieces of the source, M pieces of the target, V pieces of the vocabulary.
"""

from abc import abstractmethod
from typing import Any, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.agent import LearningAgent, Memory
from glimpse.agents.dropout import Dropout
from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.translation.decoding import Decoder, Encoded, Taught, Tensors, Written
from glimpse.agents.translation.options import TranslatorOptions
from glimpse.agents.translation.output_layer import OutputLayer, PieceLoss, piece_loss
from glimpse.agents.translation.search import greedy
from glimpse.agents.translation.symbols import BEGIN


class Translator(LearningAgent):
    """An encoder and a decoder, which learn from translations that are known; one step, without chance.

    drops: whether vectors of pieces, and what the output layer reads, have dropout; not where the networks see to it.
    """

    drops = True
    steps = 1
    plays = False
    samples = False

    def __init__(self, options: TranslatorOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks.

        Args:
            options: which encoder and decoder.
            observation_space: has `source` (L,), the numbers of pieces.
            action_space: has `target` (M,), the numbers of pieces.
        """
        super().__init__()
        self.options = options
        read, written = (
            cast(spaces.Box, observation_space["source"]),
            cast(spaces.MultiDiscrete, action_space["target"]),
        )
        self.longest, pieces = len(written.nvec), int(written.nvec[0])
        self.encoder, self.decoder, width = self.make(cast(Any, options))
        self.target_vectors = nn.Embedding(pieces, width, PADDING)
        nn.init.normal_(self.target_vectors.weight, 0, width**-0.5)
        tied = None if options.embeddings == "separate" else cast(nn.Parameter, self.target_vectors.weight)
        self.source_vectors = self.target_vectors
        if options.embeddings != "tied":
            self.source_vectors = nn.Embedding(int(read.high.max()) + 1, width, PADDING)
            nn.init.normal_(self.source_vectors.weight, 0, width**-0.5)
        self.output = OutputLayer(self.decoder.width, pieces, tied)
        self.dropout = Dropout(options.dropout) if self.drops else nn.Identity()
        self.output_bfloat16 = _use_bfloat16(options.output_precision)

    @abstractmethod
    def make(self, options: Any) -> tuple[nn.Module, Decoder, int]:
        """Encoder, decoder, and the width of the vectors that both read."""

    def embed(self, vectors: nn.Embedding, pieces: Tensor) -> Tensor:
        """Numbers (...) -> vectors (..., E)."""
        return cast(Tensor, self.dropout(vectors(pieces)))

    def encode(self, source: Tensor) -> Encoded:
        """Read sources (B, L) int64, which are cut to the longest of them."""
        real = source != PADDING
        longest = max(1, int(real.sum(1).max()))
        encoded: Encoded = self.encoder(self.embed(self.source_vectors, source[:, :longest]), real[:, :longest])
        return encoded

    def teach(self, source: Tensor, target: Tensor, need_weights: bool = False) -> Taught:
        """Features of targets (B, M) that are known, M being cut to the longest of them; with dropout in training."""
        encoded = self.encode(source)
        before = nn.functional.pad(target, (1, 0), value=BEGIN)[:, : target.shape[1]]
        vectors = self.embed(self.target_vectors, before)
        source_read = self.readable(self.decoder.prepare(encoded), target.shape[1])
        return self.decoder.teach(vectors, target != PADDING, self.decoder.begin(encoded), source_read, need_weights)

    def readable(self, source: Tensors, pieces: int) -> Tensors:
        """What each of M pieces of a target that is known may read of what `Decoder.prepare` gave: all of it."""
        return source

    def align(self, source: Tensor, target: Tensor) -> Tensors:
        """Weights of the source's pieces for each of the target's, by name: (B, M, L) or (B, h, M, L)."""
        return self.teach(source, _cut(target), need_weights=True).weights

    def step(self, piece: Tensor, state: Tensors, source: Tensors, number: int) -> tuple[Tensor, Written]:
        """Log-probabilities (B, V) of piece `number`, from 0, after the one before it, (B,)."""
        written = self.decoder.step(self.target_vectors(piece), state, source, number)
        log_prob: Tensor = self.output(written.features).float().log_softmax(-1)
        log_prob[:, [PADDING, BEGIN]] = -torch.inf  # They never stand in a translation.
        return log_prob, written

    def loss(self, episode: Episode) -> Loss:
        """Cross-entropy of each piece of the known translations, with label smoothing.

        Args:
            episode: B episodes, of which the first observation and the labels (B, M) are read.

        Returns:
            The mean over pieces, and its terms: cross_entropy, without smoothing, and accuracy, with known beginnings.
        """
        target = _cut(episode.label)
        taught = self.teach(episode.observation["source"][0], target)
        made = self._compare(taught, target, self.options.label_smoothing)
        loss = Loss(made.total, {"cross_entropy": made.cross_entropy, "accuracy": made.right})
        return self.with_draws(loss, taught, made.each, target, episode)

    def with_draws(self, loss: Loss, taught: Taught, each: Tensor, target: Tensor, episode: Episode) -> Loss:
        """The loss with that of what the decoder drew, if it draws anything.

        Args:
            loss: of the pieces.
            taught: what the decoder gave.
            each: cross-entropy of each of N real pieces.
            target: (B, M) int64, the pieces.
            episode: that is learned from.
        """
        return loss

    def errors(self, source: Tensor, target: Tensor, smoothing: float = 0.0) -> PieceLoss:
        """The loss of known targets (B, M), over all of their pieces."""
        target = _cut(target)
        return self._compare(self.teach(source, target), target, smoothing)

    def _compare(self, taught: Taught, target: Tensor, smoothing: float) -> PieceLoss:
        """The loss of features, over all real pieces of targets (B, M)."""
        real = target != PADDING
        features = self.dropout(taught.features[real])
        return piece_loss(features, target[real], self.output, smoothing, self.output_bfloat16 and self.training)

    def begin(self, observation: dict[str, Tensor]) -> Memory:
        """Nothing is remembered."""

    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """Translate greedily; the translation is the activation `target`, (B, M)."""
        target = greedy(self, observation["source"])
        nothing = torch.zeros(len(target), 0, device=target.device)
        return Decision(nothing, nothing, None, {"target": target}), None

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """The translation as `target`, (B, M) int64; no chance is in it."""
        return {"target": decision.activations["target"]}


def _cut(pieces: Tensor) -> Tensor:
    """Leave out what is padding in all sentences, (B, M); one piece remains at least."""
    return pieces[:, : max(1, int((pieces != PADDING).sum(1).max()))]


def _use_bfloat16(precision: str) -> bool:
    """Whether the output layer's products are of bfloat16: `auto` where a CPU has instructions for it, or on a GPU."""
    if precision != "auto":
        return precision == "bfloat16"
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
