"""Texts as an agent read them: its answer, and all that it attended to, one text at a time.

Axes: L words, S sentences, R hops, h heads, N classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.attention.context_vector import word_colour
from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.text.reader import Reader
from glimpse.agents.text.selecting_reader import Chooser
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.text.vocabulary import UNKNOWN
from glimpse.envs.text.whole_text import Reading
from glimpse.errors import UserError
from glimpse.evaluation.scores import evaluation_keys
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import show
from glimpse.runs.trained_run import TrainedRun

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Text:
    """A text and what was attended of it. What an encoder does not weigh is None, or empty.

    words: the L tokens; those of a document sentence after sentence.
    unknown: (L,) bool, the words that the run does not know.
    lengths: how many of the words each of S sentences has; a single number where a text is read as one.
    weights: (L,), of tokens; in a document they sum to 1 in each sentence. The mean over hops, where there are some.
    sentences: (S,), of sentences, for documents.
    hops: (R, L), of tokens in each hop.
    pairs: (h, L, L) by name: how much each token (a row) read of each (a column).
    dropped: (L,) bool, words that the agent chose not to read; None of one that reads everything.
    silent: (L,) bool, words that it chose not to let read others; None where all do.
    marked: (L,) bool, words that people named as reasons; None where nobody was asked.
    """

    words: tuple[str, ...]
    unknown: NDArray[np.bool_]
    lengths: tuple[int, ...]
    weights: Floats | None = None
    sentences: Floats | None = None
    hops: Floats | None = None
    pairs: dict[str, Floats] = field(default_factory=dict)
    dropped: NDArray[np.bool_] | None = None
    silent: NDArray[np.bool_] | None = None
    marked: NDArray[np.bool_] | None = None

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """Where each sentence begins and ends among the words."""
        ends = np.cumsum([0, *self.lengths]).tolist()
        return list(zip(ends[:-1], ends[1:], strict=True))

    @property
    def colour(self) -> Floats | None:
        """(L,), how strongly each word is coloured: its weight; in documents sqrt(p_s) p_w (Yang et al., 2016)."""
        if self.weights is None or self.sentences is None:
            return self.weights
        spread = torch.from_numpy(np.repeat(self.sentences, self.lengths))
        colour: Floats = word_colour(spread, torch.from_numpy(self.weights)[:, None])[:, 0].numpy()
        return colour


@dataclass(frozen=True)
class Account:
    """A text, or a pair of them, with the answer.

    example: its number in the split; none for a text of the user's own.
    texts: one or two.
    belief: (N,), probability of each class; empty where a score is asked for.
    score: the score, where one is asked for.
    true: the right class or score, where it is known.
    """

    example: int | None
    texts: tuple[Text, ...]
    belief: Floats
    score: float | None = None
    true: float | None = None

    @property
    def said(self) -> int:
        """The likeliest class."""
        return int(self.belief.argmax())

    @property
    def miss(self) -> float:
        """How far the score is from the true one; for classes how sure of a wrong answer the agent is, 0 if right."""
        assert self.true is not None
        if self.score is not None:
            return abs(self.score - self.true)
        return 0.0 if self.said == self.true else float(self.belief.max())


def reader_of(trained: TrainedRun) -> tuple[Reader, Reading]:
    """The agent and the world of a run that reads texts.

    Raises:
        UserError: if it does not.
    """
    world: object = trained.world
    if isinstance(trained.agent, Reader) and isinstance(world, Reading):
        return trained.agent, world
    raise UserError(f"{trained.folder.path}: agent {trained.experiment.agent.name!r} is not one that reads whole texts")


def account(agent: Reader, world: Reading, options: EvaluateOptions, example: int, need_pairs: bool = False) -> Account:
    """Have an example of the world's split read.

    Args:
        agent: the reader.
        world: shows the split.
        options: say the precision.
        example: its number in the split.
        need_pairs: whether the weights of pairs of tokens are wanted.
    """
    numbers = torch.tensor([example], device=world.device)
    episode = show(world, numbers, evaluation_keys(world, options)[numbers])
    shown = {name: text[0, 0] for name, text in episode.observation.items()}
    words = world.vocabulary.words
    spelled = {name: [words[number] for number in text[text != PADDING].tolist()] for name, text in shown.items()}
    texts, belief, score = read(agent, shown, spelled, options, need_pairs)
    marks = world.marked(numbers)
    if marks is not None:
        named = marks[0][shown["text"] != PADDING].cpu().numpy()
        texts = (replace(texts[0], marked=named), *texts[1:])
    return Account(example, texts, belief, score, episode.label.item())


@torch.no_grad()
def read(
    agent: Reader,
    shown: dict[str, Tensor],
    spelled: dict[str, list[str]],
    options: EvaluateOptions,
    need_pairs: bool = False,
) -> tuple[tuple[Text, ...], Floats, float | None]:
    """Have one text, or a pair, read as the evaluation does.

    Args:
        agent: the reader.
        shown: `text`, and `text2` of a pair: numbers of words, (L,) or (S, L).
        spelled: the same as words, one after the other.
        options: say the precision.
        need_pairs: whether the weights of pairs of tokens are wanted.

    Returns:
        The texts, the probability of each class (N,), and the score where one is asked for.
    """
    observation = {name: numbers[None] for name, numbers in shown.items()}
    device = next(iter(shown.values())).device
    with torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, device)):
        logits, encoded = agent.read(observation, need_pairs)
    attention = getattr(agent.options.encoder, "attention", None)
    featured = getattr(attention, "kind", "") == "token2token"
    texts = tuple(
        _text(shown[name].cpu(), spelled[name], one, featured) for name, one in zip(observation, encoded, strict=True)
    )
    if isinstance(agent, Chooser):
        reads, heads = agent.reads(observation), agent.heads(observation)
        texts = tuple(
            replace(text, dropped=_not(reads[name], text), silent=_not(heads[name], text) if heads else None)
            for name, text in zip(observation, texts, strict=True)
        )
    answer = agent.answer(logits)
    if "score" in answer:
        return texts, np.zeros(0, np.float32), answer["score"].item()
    return texts, logits.float().softmax(-1)[0].cpu().numpy(), None


def _not(chosen: Tensor, text: Text) -> NDArray[np.bool_]:
    """Which words of a text are not chosen, of (1, L)."""
    left: NDArray[np.bool_] = ~chosen[0, : len(text.words)].cpu().numpy()
    return left


def _text(numbers: Tensor, words: Sequence[str], encoded: Encoded, featured: bool) -> Text:
    """A text (L,) or (S, L), and its part of what was encoded, whose padding may have been cut.

    With `featured`, pairs of tokens have a weight for each feature, of which the mean is kept.
    """
    seen = {name: weights[0].float().cpu() for name, weights in encoded.weights.items()}
    real = numbers != PADDING
    lengths = tuple(count for count in real.reshape(-1, real.shape[-1]).sum(-1).tolist() if count)
    unknown = (numbers[real] == UNKNOWN).numpy()
    if "sentences" in seen:
        kept = real[: seen["words"].shape[0], : seen["words"].shape[1]]
        sentences = seen["sentences"][: len(lengths)].numpy()
        return Text(tuple(words), unknown, lengths, seen["words"][kept].numpy(), sentences)
    size = len(words)
    hops = seen.pop("hops")[:, :size].numpy() if "hops" in seen else None
    tokens = seen.pop("tokens")[:size].numpy() if "tokens" in seen else None
    pairs = {}
    for name, weights in seen.items():
        by_head = weights.mean(-1) if featured else weights
        pairs[name] = by_head.reshape(-1, *by_head.shape[-2:])[:, :size, :size].numpy()
    return Text(tuple(words), unknown, (size,), tokens if hops is None else hops.mean(0), None, hops, pairs)
