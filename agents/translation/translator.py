"""Base class of all translators: token vectors, the loss of known translations, and greedy translation.

Axes: B sentences, L tokens of the source, M tokens of the target, V tokens of the vocabulary.
"""

from abc import abstractmethod
from typing import Any, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.agent import BatchAgent, Memory
from glimpse.agents.dropout import Dropout
from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Batch, Decision, Loss
from glimpse.agents.translation.decoding import Decoder, DecoderStep, EncodedSource, TeacherForced, Tensors
from glimpse.agents.translation.options import TranslatorOptions
from glimpse.agents.translation.output_layer import OutputLayer, TokenLoss, token_loss
from glimpse.agents.translation.search import greedy_search
from glimpse.agents.translation.symbols import BEGIN


class Translator(BatchAgent):
    """Encoder and decoder that learn from known translations by teacher forcing.

    An episode has one step, and is deterministic.

    drops: whether this class applies dropout to token vectors and to features; False where the networks do.
    """

    drops = True
    steps = 1
    stochastic = False

    def __init__(self, options: TranslatorOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks.

        Args:
            options: of encoder and decoder.
            observation_space: has `source` (L,), token numbers.
            action_space: has `target` (M,), token numbers.
        """
        super().__init__()
        self.options = options
        read, written = (
            cast(spaces.Box, observation_space["source"]),
            cast(spaces.MultiDiscrete, action_space["target"]),
        )
        self.longest, tokens = len(written.nvec), int(written.nvec[0])
        self.encoder, self.decoder, width = self.make_networks(cast(Any, options))
        self.target_vectors = nn.Embedding(tokens, width, PADDING)
        nn.init.normal_(self.target_vectors.weight, 0, width**-0.5)
        tied = None if options.embeddings == "separate" else cast(nn.Parameter, self.target_vectors.weight)
        self.source_vectors = self.target_vectors
        if options.embeddings != "tied":
            self.source_vectors = nn.Embedding(int(read.high.max()) + 1, width, PADDING)
            nn.init.normal_(self.source_vectors.weight, 0, width**-0.5)
        self.output = OutputLayer(self.decoder.width, tokens, tied)
        self.dropout = Dropout(options.dropout) if self.drops else nn.Identity()
        self.output_bfloat16 = _use_bfloat16(options.output_precision)

    @abstractmethod
    def make_networks(self, options: Any) -> tuple[nn.Module, Decoder, int]:
        """Return the encoder, the decoder, and the width of the token vectors that both read."""

    def embed(self, vectors: nn.Embedding, tokens: Tensor) -> Tensor:
        """Look up vectors (..., E) of tokens (...), with dropout in training."""
        return cast(Tensor, self.dropout(vectors(tokens)))

    def encode(self, source: Tensor) -> EncodedSource:
        """Encode sources (B, L) int64, cut to the longest of them."""
        real = source != PADDING
        if torch.compiler.is_exporting():  # Padding changes nothing but the time, and a graph has no sizes yet.
            return cast(EncodedSource, self.encoder(self.embed(self.source_vectors, source), real))
        source = self._cut(source)
        return cast(EncodedSource, self.encoder(self.embed(self.source_vectors, source), source != PADDING))

    def teacher_force(self, source: Tensor, target: Tensor, need_weights: bool = False) -> TeacherForced:
        """Run the decoder over known targets (B, M), with dropout in training; see `Decoder.teacher_force`."""
        encoded = self.encode(source)
        before = nn.functional.pad(target, (1, 0), value=BEGIN)[:, : target.shape[1]]
        vectors = self.embed(self.target_vectors, before)
        visible = self.visible_source(self.decoder.prepare(encoded), target.shape[1])
        return self.decoder.teacher_force(
            vectors, target != PADDING, self.decoder.initial_memory(encoded), visible, need_weights
        )

    def visible_source(self, source: Tensors, tokens: int) -> Tensors:
        """Restrict which source tokens each of M known target tokens may attend to; here none is hidden.

        Args:
            source: from `Decoder.prepare`.
            tokens: M.
        """
        return source

    def align(self, source: Tensor, target: Tensor) -> Tensors:
        """Return attention weights of a known target by name, (B, M, L) or (B, h, M, L)."""
        return self.teacher_force(source, self._cut(target), need_weights=True).weights

    def step(self, token: Tensor, state: Tensors, source: Tensors, index: int) -> tuple[Tensor, DecoderStep]:
        """Compute log-probabilities (B, V) of target token `index`, from 0, given the previous one, (B,)."""
        written = self.decoder.step(self.target_vectors(token), state, source, index)
        log_prob: Tensor = self.output(written.features).float().log_softmax(-1)
        log_prob[:, PADDING] = log_prob[:, BEGIN] = -torch.inf  # Never part of a translation.
        return log_prob, written

    def loss(self, batch: Batch) -> Loss:
        """Return the cross-entropy of the known translations, with label smoothing.

        Args:
            batch: B sentences with their translations, (B, M).

        Returns:
            The mean over tokens, and its terms: cross_entropy, without smoothing, and accuracy, under teacher forcing.
        """
        target = self._cut(batch.label)
        forced = self.teacher_force(batch.observation["source"], target)
        made = self._token_loss(forced, target, self.options.label_smoothing)
        loss = Loss(made.total, {"cross_entropy": made.cross_entropy, "accuracy": made.right})
        return self.add_position_loss(loss, forced, made.each, target)

    def add_position_loss(self, loss: Loss, forced: TeacherForced, each: Tensor, target: Tensor) -> Loss:
        """Add the policy loss of source positions that the decoder drew, if it draws any.

        Args:
            loss: of the tokens.
            forced: from `teacher_force`.
            each: cross-entropy of each real token, (N,), or of all tokens, (B * M,).
            target: (B, M) int64, the tokens.
        """
        return loss

    def target_loss(self, source: Tensor, target: Tensor, smoothing: float = 0.0) -> TokenLoss:
        """Return the loss of known targets (B, M), over all of their tokens."""
        target = self._cut(target)
        return self._token_loss(self.teacher_force(source, target), target, smoothing)

    def _token_loss(self, forced: TeacherForced, target: Tensor, smoothing: float) -> TokenLoss:
        """Compute the loss over all real tokens of targets (B, M)."""
        real, bfloat16 = target != PADDING, self.output_bfloat16 and self.training
        if target.device.type == "cpu":
            return token_loss(self.dropout(forced.features[real]), target[real], self.output, smoothing, bfloat16)
        features = self.dropout(forced.features).flatten(0, 1)
        return token_loss(features, target.flatten(), self.output, smoothing, bfloat16, real.flatten())

    def _cut(self, tokens: Tensor) -> Tensor:
        """Cut columns that are padding in all sentences (B, M); at least one remains.

        On a GPU, training sentences come cut to the longest of them, so that the host need not ask and wait.
        """
        if tokens.device.type != "cpu" and self.training:
            return tokens
        return tokens[:, : max(1, int((tokens != PADDING).sum(1).max()))]

    def initial_memory(self, observation: dict[str, Tensor]) -> Memory:
        """Return no memory: an episode has one step."""

    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """Translate greedily; the activation `target` is the translation, (B, M)."""
        target = greedy_search(self, observation["source"])
        nothing = torch.zeros(len(target), 0, device=target.device)
        return Decision(nothing, {"target": target}), None

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the translation as `target`, (B, M) int64; it is deterministic."""
        return {"target": decision.activations["target"]}


def _use_bfloat16(precision: str) -> bool:
    """Return whether the output layer computes in bfloat16; auto: where the CPU has instructions for it."""
    if precision != "auto":
        return precision == "bfloat16"
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
