"""Texts as an agent read them: its answers and attention weights, one text at a time.

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
from glimpse.agents.text.selecting_reader import SelectingReader
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.text.vocabulary import UNKNOWN
from glimpse.envs.text.whole_text import WholeText
from glimpse.errors import UserError
from glimpse.evaluation.rationale_scores import rationale_name
from glimpse.evaluation.scores import evaluation_keys
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import labelled_batch
from glimpse.runs.trained_run import TrainedRun

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Text:
    """A text with its attention weights. Weights that the encoder does not have are None, or empty.

    words: L tokens, those of a document sentence after sentence.
    unknown: (L,) bool, tokens outside the vocabulary.
    lengths: number of words of each of S sentences; a single number if the text is not divided into sentences.
    weights: (L,), weights of tokens; in a document they sum to 1 per sentence. The mean over hops, if there are any.
    sentences: (S,), weights of sentences, for documents.
    hops: (R, L), weights of tokens in each hop.
    pairs: (h, L, L) by name, weights of each token (a column) for each token (a row).
    dropped: (L,) bool, words that the agent selected not to read; None for agents that read all words.
    silent: (L,) bool, words that are not selected as heads, so they do not attend; None where all do.
    human_rationale: (L,) bool, the human rationale; None where there is none.
    rationale_name: what it is called: in generated texts no people marked it.
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
    human_rationale: NDArray[np.bool_] | None = None
    rationale_name: str = "human rationale"

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """First and last index (exclusive) of each sentence among the words."""
        ends = np.cumsum([0, *self.lengths]).tolist()
        return list(zip(ends[:-1], ends[1:], strict=True))

    @property
    def colour(self) -> Floats | None:
        """Strength (L,) of each word's colour: its weight; in documents sqrt(p_s) p_w (Yang et al., 2016)."""
        if self.weights is None or self.sentences is None:
            return self.weights
        spread = torch.from_numpy(np.repeat(self.sentences, self.lengths))
        colour: Floats = word_colour(spread, torch.from_numpy(self.weights)[:, None])[:, 0].numpy()
        return colour


@dataclass(frozen=True)
class Account:
    """A text, or a pair of texts, with the agent's answer.

    example: index in the split; None for a text of the user's own.
    texts: one or two texts.
    belief: (N,), probability of each class or label; empty if the answer is a score.
    score: the predicted score, if the answer is a score.
    true: the true class or score, or the numbers of the true labels, if known.
    many: whether the answer is any number of labels.
    """

    example: int | None
    texts: tuple[Text, ...]
    belief: Floats
    score: float | None = None
    true: float | tuple[int, ...] | None = None
    many: bool = False

    @property
    def answered(self) -> int:
        """The likeliest class."""
        return int(self.belief.argmax())

    @property
    def given(self) -> tuple[int, ...]:
        """The labels that are given, of a probability above 1/2; or the likeliest class alone."""
        return tuple(int(number) for number in (self.belief > 0.5).nonzero()[0]) if self.many else (self.answered,)

    @property
    def right(self) -> bool:
        """True if the class is the true one, or the labels are."""
        return self.given == (self.true if isinstance(self.true, tuple) else (self.true,))

    @property
    def confidence(self) -> float:
        """Probability of the class, or of all decisions about labels together."""
        return float(np.maximum(self.belief, 1 - self.belief).prod() if self.many else self.belief.max())

    @property
    def miss(self) -> float:
        """Distance from the true score; for others, the probability of a wrong answer, and 0 for a right one."""
        assert self.true is not None
        if self.score is not None and not isinstance(self.true, tuple):
            return abs(self.score - self.true)
        return 0.0 if self.right else self.confidence

    def named(self, numbers: Sequence[int], classes: Sequence[str]) -> str:
        """Return the names of classes; those of labels divided by commas, or that there are none."""
        return ", ".join(classes[number] for number in numbers) or "no label"

    def true_name(self, classes: Sequence[str]) -> str:
        """Return the name of the true class, or the names of the true labels."""
        assert self.true is not None
        return self.named(self.true if isinstance(self.true, tuple) else (int(self.true),), classes)


def reads_whole_texts(trained: TrainedRun) -> bool:
    """Return whether agent and environment of a run can show how a whole text is read."""
    return isinstance(trained.agent, Reader) and isinstance(trained.env, WholeText)


def reading_run(trained: TrainedRun) -> tuple[Reader, WholeText]:
    """Return agent and environment of a run that reads whole texts.

    Raises:
        UserError: if the run does not read whole texts.
    """
    if reads_whole_texts(trained):
        return trained.agent, trained.env
    raise UserError(
        f"{trained.folder.path}: agent {trained.experiment.agent.name!r} on {trained.experiment.task.name!r} cannot "
        "show how it reads a text: that takes a subclass of Reader on a subclass of WholeText"
    )


def account(agent: Reader, env: WholeText, options: EvaluateOptions, example: int, need_pairs: bool = False) -> Account:
    """Let an agent read an example of the environment's split.

    Args:
        agent: the reader.
        env: environment of the split.
        options: options of the evaluation, for its precision.
        example: index in the split.
        need_pairs: whether to return the weights of pairs of tokens.
    """
    numbers = torch.tensor([example], device=env.device)
    batch = labelled_batch(env, numbers, evaluation_keys(env, options)[numbers])
    shown = {name: text[0] for name, text in batch.observation.items()}
    words = env.vocabulary.words
    spelled = {name: [words[number] for number in text[text != PADDING].tolist()] for name, text in shown.items()}
    texts, belief, score = read_text(agent, shown, spelled, options, need_pairs)
    marks = env.human_rationale(numbers)
    if marks is not None:
        gold = marks[0][shown["text"] != PADDING].cpu().numpy()
        name = rationale_name(env.options)
        texts = (replace(texts[0], human_rationale=gold, rationale_name=name), *texts[1:])
    label = batch.label[0]
    true = tuple(label.nonzero()[:, 0].tolist()) if env.many else label.item()
    return Account(example, texts, belief, score, true, env.many)


@torch.no_grad()
def read_text(
    agent: Reader,
    shown: dict[str, Tensor],
    spelled: dict[str, list[str]],
    options: EvaluateOptions,
    need_pairs: bool = False,
) -> tuple[tuple[Text, ...], Floats, float | None]:
    """Let an agent read one text, or a pair, as in an evaluation.

    Args:
        agent: the reader.
        shown: `text`, and `text2` of a pair: token ids, (L,) or (S, L).
        spelled: the tokens of each text, sentence after sentence.
        options: options of the evaluation, for its precision.
        need_pairs: whether to return the weights of pairs of tokens.

    Returns:
        The texts, the probability of each class or label (N,), and the score if the answer is a score.
    """
    observation = {name: numbers[None] for name, numbers in shown.items()}
    device = next(iter(shown.values())).device
    with torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, device)):
        logits, encoded = agent.read(observation, need_pairs)
    featured = agent.options.pairs_have_features
    texts = tuple(
        _text(shown[name].cpu(), spelled[name], one, featured) for name, one in zip(observation, encoded, strict=True)
    )
    if isinstance(agent, SelectingReader):
        reads, heads = agent.words_read(observation), agent.heads(observation)
        texts = tuple(
            replace(
                text, dropped=_unselected(reads[name], text), silent=_unselected(heads[name], text) if heads else None
            )
            for name, text in zip(observation, texts, strict=True)
        )
    answer = agent.answer(logits)
    if "score" in answer:
        return texts, np.zeros(0, np.float32), answer["score"].item()
    return texts, agent.kind.belief(logits)[0].cpu().numpy(), None


def _unselected(chosen: Tensor, text: Text) -> NDArray[np.bool_]:
    """Return which words of a text are not selected, from a selection (1, L)."""
    left: NDArray[np.bool_] = ~chosen[0, : len(text.words)].cpu().numpy()
    return left


def _text(numbers: Tensor, words: Sequence[str], encoded: Encoded, featured: bool) -> Text:
    """Build a `Text` from token ids (L,) or (S, L) and the encoder's weights, whose padding may have been cut.

    If `featured`, pairs of tokens have a weight for each feature, and the mean over features is taken.
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
