"""Agent that reads a whole text at once, or two, and answers with a class, a score or several labels.

Axes: B texts, L words (or S sentences of L words), E width of a word's vector, V words of the vocabulary, N classes,
levels or labels.
"""

from typing import NamedTuple, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.agent import BatchAgent, LrGroups, Memory, scaled_lr_group
from glimpse.agents.answer_kinds import answer_kind
from glimpse.agents.classification_loss import weighed
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.episode import Batch, Decision, Loss
from glimpse.agents.text.explaining import remove_words
from glimpse.agents.text.heads import Head
from glimpse.agents.text.make_pair import make_pair
from glimpse.agents.text.options import ReaderOptions


class GivenVectors(NamedTuple):
    """Pre-trained word vectors of a task.

    vectors: (V, E) float32.
    given: (V,) bool, which words have one.
    """

    vectors: Tensor
    given: Tensor


class Reader(BatchAgent):
    """Word vectors, an encoder and a head, trained by backpropagation; an episode has one step."""

    steps = 1
    stochastic = False
    class_weights: Tensor | None = None

    def __init__(
        self,
        options: ReaderOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
    ) -> None:
        """Make the networks.

        Args:
            options: of encoder and head.
            observation_space: has `text` (L,) or (S, L), word numbers, and `text2` where two are to be read.
            action_space: has `answer`, or `score` where the label is a number, or `labels` where it is several labels.
            vectors: pre-trained word vectors, if the task has any.
        """
        super().__init__()
        self.options = options
        words = int(cast(spaces.Box, observation_space["text"]).high.max()) + 1
        width = options.embedding_width if vectors is None else vectors.vectors.shape[-1]
        self.embedding = Embedding(words, width)
        if vectors is not None:
            self.embedding.load_vectors(vectors.vectors, vectors.given, options.embedding == "frozen")
        self.dropout = nn.Dropout(options.dropout)
        self.encoder = make_encoder(options.encoder, width)
        self.reads_two = "text2" in observation_space.spaces
        self.pair = make_pair(options, self.encoder) if self.reads_two else None
        self.kind = answer_kind(action_space, options.relatedness)
        features = self.encoder.width if self.pair is None else self.pair.width
        self.head = Head(
            features,
            options.hidden,
            self.kind.outputs,
            options.activation,
            options.dropout,
            norm=options.head_norm,
            highway=options.highway,
        )

    def initial_memory(self, observation: dict[str, Tensor]) -> Memory:
        """Return None: nothing is remembered."""

    def embed(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Look up the word vectors of texts, with dropout.

        Args:
            text: (B, L) or (B, S, L); padding that all texts share is cut off.

        Returns:
            Vectors (..., E), and (...) bool, True = a real word.
        """
        text = self.trim(text)
        return self.look_up(text), text != PADDING

    def trim(self, text: Tensor) -> Tensor:
        """Cut off the padding that all texts share, where that costs no wait for a GPU, or nothing is learned."""
        return trim_padding(text) if text.device.type == "cpu" or not self.training else text

    def look_up(self, text: Tensor) -> Tensor:
        """Look up the word vectors (..., E) of words (...), with dropout."""
        vectors = self.embedding(text)
        if self.training and self.options.word_dropout:
            kept = torch.rand(text.shape, device=text.device) >= self.options.word_dropout
            vectors = vectors * kept.unsqueeze(-1)
        return cast(Tensor, self.dropout(vectors))

    def encode(self, text: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts (B, L) or (B, S, L); with `need_weights`, the weights of pairs of tokens are returned too."""
        return self.encoder.read(self.trim(text), self.look_up, need_weights)

    def learning_rates(self) -> LrGroups:
        """Return two groups: the word vectors with their own rate, after all other parameters."""
        return scaled_lr_group(self, self.embedding, self.options.embedding_lr_scale)

    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """Answer; the activations are the attention weights by name, with the suffix 2 for those of a second text."""
        logits, encoded = self.read(observation)
        seen = dict(encoded[0].weights)
        if self.reads_two:
            seen |= {f"{name}2": weights for name, weights in encoded[1].weights.items()}
        return Decision(logits, seen), None

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the likeliest answer; nothing is sampled.

        It is the class `answer` (B,) int64, the expected `score` (B,) float32, or `labels` (B, N) int64.
        """
        return self.answer(decision.answer)

    def answer(self, logits: Tensor) -> dict[str, Tensor]:
        """Turn logits (B, N) into `answer` or `score`, (B,), or `labels`, (B, N)."""
        return self.kind.act(logits)

    def loss(self, batch: Batch) -> Loss:
        """Compute the cross-entropy of the class or the labels, or the error of the score, plus the encoder's penalty.

        Args:
            batch: B examples.

        Returns:
            The sum, and its terms: those of the kind of answers, see `AnswerKind.terms`; penalty.
        """
        logits, encoded = self.read(batch.observation)
        errors, terms = self.errors(logits, batch.label)
        error = self.weigh(errors, batch.label).mean()
        penalties = [each.penalty for each in encoded if each.penalty is not None]
        if penalties:
            penalty = torch.stack(penalties).mean()
            error, terms = error + self.options.penalty * penalty, {**terms, "penalty": penalty}
        return Loss(error, {name: term.detach() for name, term in terms.items()})

    def read(self, observation: dict[str, Tensor], need_weights: bool = False) -> tuple[Tensor, list[Encoded]]:
        """Compute logits (B, N), and return the encoded texts too; `need_weights` is as in `encode`."""
        encoded = [self.encode(text, need_weights) for text in observation.values()]
        return self.classify(encoded), encoded

    def salience(self, observation: dict[str, Tensor]) -> dict[str, Tensor] | None:
        """Compute how much each word counts: its weight in the pooling, (B, L), averaged over hops.

        For documents (B, S, L) it is the sentence's weight times the word's. None where the encoder weighs no words.
        """
        found = {}
        for (name, text), one in zip(observation.items(), self.read(observation)[1], strict=True):
            weights = word_weights(one.weights)
            if weights is None:
                return None
            found[name] = pad_like(weights.float(), text)
        return found

    def read_only(self, observation: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        """Compute logits (B, N) of texts from which the words that are not kept, bool, are removed."""
        return self.read({name: remove_words(text, kept[name]) for name, text in observation.items()})[0]

    def classify(self, encoded: list[Encoded]) -> Tensor:
        """Compute logits (B, N) of encoded texts, one or two."""
        return cast(Tensor, self.head(encoded[0].vector if self.pair is None else self.pair(*encoded)))

    def weigh(self, errors: Tensor, label: Tensor) -> Tensor:
        """Multiply errors (B,) by the weights of their classes, if the task gives classes weights."""
        return weighed(errors, label, self.class_weights)

    def errors(self, logits: Tensor, label: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the error of each answer, (B,), and its terms, scalars."""
        errors = self.kind.errors(logits, label, self.options.label_smoothing)
        return errors, self.kind.terms(logits, label, errors.mean())


def word_weights(weights: dict[str, Tensor]) -> Tensor | None:
    """Return the weights of single words among an encoder's weights, (B, L) or (B, S, L); None where it has none."""
    if "words" in weights:
        return weights["words"] * weights["sentences"].unsqueeze(-1)
    return weights["hops"].mean(1) if "hops" in weights else weights.get("tokens")


def pad_like(weights: Tensor, text: Tensor) -> Tensor:
    """Pad weights of trimmed texts with zeros to the shape of `text`."""
    if weights.shape == text.shape:
        return weights
    wide = weights.new_zeros(text.shape)
    wide[tuple(slice(size) for size in weights.shape)] = weights
    return wide


def trim_padding(text: Tensor) -> Tensor:
    """Cut off the padding that all texts share, (B, L) or (B, S, L).

    At least one word, and one sentence, remain.
    """
    if torch.compiler.is_exporting():  # Padding changes nothing but the time, and a graph has no sizes yet.
        return text
    real = text != PADDING
    for axis in range(1, text.dim()):
        used = real.any([other for other in range(real.dim()) if other != axis])
        text = text.narrow(axis, 0, max(1, int(used.sum())))
    return text
