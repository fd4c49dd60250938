"""The reader: sees a whole text at once, or two, and answers with a class or a score.

Axes: B texts, L words (or S sentences of L words), E width of a word's vector, V words of the vocabulary, N classes.
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.agent import LearningAgent, Memory, RateGroups, own_rate
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.text.explaining import taken_out
from glimpse.agents.text.heads import Head, expected_score, level_divergence, make_pair
from glimpse.agents.text_options import ReaderOptions


class WordVectors(NamedTuple):
    """Vectors that a task gives for its words: vectors (V, E) float32, and given (V,) bool, which words have one."""

    vectors: Tensor
    given: Tensor


class Reader(LearningAgent):
    """Word vectors, an encoder, and a head; one step, learned by backpropagation."""

    steps = 1
    plays = False
    samples = False

    def __init__(
        self,
        options: ReaderOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: WordVectors | None = None,
    ) -> None:
        """Make the networks.

        Args:
            options: which encoder and head.
            observation_space: has `text` (L,) or (S, L), word numbers, and `text2` where two are to be read.
            action_space: has `answer`, or `score` where a number is asked for.
            vectors: of the words, if the task gives any.
        """
        super().__init__()
        self.options = options
        words = int(cast(spaces.Box, observation_space["text"]).high.max()) + 1
        width = options.embedding_width if vectors is None else vectors.vectors.shape[-1]
        self.embedding = Embedding(words, width)
        if vectors is not None:
            self.embedding.take(vectors.vectors, vectors.given, options.embedding == "frozen")
        self.dropout = nn.Dropout(options.dropout)
        self.encoder = make_encoder(options.encoder, width)
        self.reads_two = "text2" in observation_space.spaces
        self.pair = make_pair(options.pair, self.encoder.width, options.hops) if self.reads_two else None
        self.lowest, classes = _levels(action_space)
        features = self.encoder.width if self.pair is None else self.pair.width
        self.head = Head(
            features,
            options.hidden,
            classes,
            options.activation,
            options.dropout,
            norm=options.head_norm,
            highway=options.highway,
        )

    def begin(self, observation: dict[str, Tensor]) -> Memory:
        """Nothing is remembered."""

    def embed(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Texts (B, L) or (B, S, L), cut to the longest of them: vectors (..., E), and (...) bool, the real words."""
        text = cut(text)
        vectors = self.embedding(text)
        if self.training and self.options.word_dropout:
            kept = torch.rand(text.shape, device=text.device) >= self.options.word_dropout
            vectors = vectors * kept.unsqueeze(-1)
        return self.dropout(vectors), text != PADDING

    def encode(self, text: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts (B, L) or (B, S, L); `need_weights` asks for the weights of pairs of tokens too."""
        return cast(Encoded, self.encoder(*self.embed(text), need_weights))

    def learning_rates(self) -> RateGroups:
        """The word vectors have a rate of their own."""
        return own_rate(self, self.embedding, self.options.embedding_rate)

    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """Answer; the activations are what was attended, by name, those of a second text with a 2 behind it."""
        logits, encoded = self.read(observation)
        seen = dict(encoded[0].weights)
        if self.reads_two:
            seen |= {f"{name}2": weights for name, weights in encoded[1].weights.items()}
        return Decision(logits.new_empty(len(logits), 0), logits, None, seen), None

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """The likeliest class as `answer` (B,) int64, or the expected `score` (B,) float32; no chance is in it."""
        return self.answer(decision.answer)

    def answer(self, logits: Tensor) -> dict[str, Tensor]:
        """What logits (B, N) come to: `answer` or `score`, (B,)."""
        if self.lowest is None:
            return {"answer": logits.argmax(-1)}
        return {"score": expected_score(logits, self.lowest)}

    def loss(self, episode: Episode) -> Loss:
        """Cross-entropy of the class, or the error of the score; and the encoder's penalty.

        Args:
            episode: B episodes, of which the first observation and the labels are read.

        Returns:
            The sum, and its terms: cross_entropy and accuracy, or score_error and score_distance; penalty.
        """
        logits, encoded = self.read({name: seen[0] for name, seen in episode.observation.items()})
        errors, terms = self.errors(logits, episode.label)
        error = errors.mean()
        penalties = [each.penalty for each in encoded if each.penalty is not None]
        if penalties:
            penalty = torch.stack(penalties).mean()
            error, terms = error + self.options.penalty * penalty, {**terms, "penalty": penalty}
        return Loss(error, {name: term.detach() for name, term in terms.items()})

    def read(self, observation: dict[str, Tensor], need_weights: bool = False) -> tuple[Tensor, list[Encoded]]:
        """Logits (B, N), and the texts behind them, one or two; `need_weights` asks for those of pairs of tokens."""
        encoded = [self.encode(text, need_weights) for text in observation.values()]
        return self.judge(encoded), encoded

    def salience(self, observation: dict[str, Tensor]) -> dict[str, Tensor] | None:
        """How much each word counts: its weight in the pooling, (B, L), the mean over hops where there are several.

        Of documents (B, S, L) the sentence's weight times the word's. None where the encoder weighs no words.
        """
        found = {}
        for (name, text), one in zip(observation.items(), self.read(observation)[1], strict=True):
            weights = _of_words(one.weights)
            if weights is None:
                return None
            found[name] = _as_wide(weights.float(), text)
        return found

    def read_only(self, observation: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        """Logits (B, N) of texts from which the words that are not kept, bool, were taken out."""
        return self.read({name: taken_out(text, kept[name]) for name, text in observation.items()})[0]

    def judge(self, encoded: list[Encoded]) -> Tensor:
        """Logits (B, N) of encoded texts, one or two."""
        vectors = [each.vector for each in encoded]
        return cast(Tensor, self.head(*vectors if self.pair is None else [self.pair(*vectors)]))

    def errors(self, logits: Tensor, label: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimised, (B,), and its terms, scalars."""
        if self.lowest is None:
            smoothing = self.options.label_smoothing
            cross_entropy = F.cross_entropy(logits, label, label_smoothing=smoothing, reduction="none")
            accuracy = (logits.argmax(-1) == label).float().mean()
            return cross_entropy, {"cross_entropy": cross_entropy.mean(), "accuracy": accuracy}
        distance = expected_score(logits, self.lowest) - label
        squared = distance.square() / 2
        error = squared if self.options.relatedness == "squared" else level_divergence(logits, label, self.lowest)
        return error, {"score_error": error.mean(), "score_distance": distance.abs().mean()}


def _levels(action_space: spaces.Dict) -> tuple[float | None, int]:
    """The lowest level where a score is asked for, else none; and how many classes or levels there are."""
    if "score" not in action_space.spaces:
        return None, int(cast(spaces.Discrete, action_space["answer"]).n)
    score = cast(spaces.Box, action_space["score"])
    return float(score.low.min()), round(float(score.high.max() - score.low.min())) + 1


def _of_words(weights: dict[str, Tensor]) -> Tensor | None:
    """Of what was attended, the weights of words: (B, L) or (B, S, L)."""
    if "words" in weights:
        return weights["words"] * weights["sentences"].unsqueeze(-1)
    return weights["hops"].mean(1) if "hops" in weights else weights.get("tokens")


def _as_wide(weights: Tensor, text: Tensor) -> Tensor:
    """Weights of texts whose padding was cut, with zeros in its place."""
    wide = weights.new_zeros(text.shape)
    wide[tuple(slice(size) for size in weights.shape)] = weights
    return wide


def cut(text: Tensor) -> Tensor:
    """Leave out what is padding in all texts, (B, L) or (B, S, L); one word and one sentence remain at least."""
    real = text != PADDING
    for axis in range(1, text.dim()):
        used = real.any([other for other in range(real.dim()) if other != axis])
        text = text.narrow(axis, 0, max(1, int(used.sum())))
    return text
