"""Batched environment for selecting the words that a classifier reads, in one step.

Heads and dependents are those of ReSAN (Shen et al., 2018, section 3).

Axes: B lanes, N texts, L words, C classes, V words of the vocabulary.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.core import Action, Observation, StepResult
from glimpse.envs.errors import DataError
from glimpse.envs.meaning import Meaning
from glimpse.envs.text.given_texts import given_words
from glimpse.envs.text.naive_bayes import NaiveBayes
from glimpse.envs.text.options import SelectOptions
from glimpse.envs.text.ragged import PAD
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.text.text_data import TextData, load_text
from glimpse.envs.text.text_env import TextEnv
from glimpse.envs.text.text_meaning import SelectMeaning


class TextsAndPredictor(NamedTuple):
    """One split of the texts, and a classifier that was fitted to training texts; the width if there are no texts."""

    texts: TextData
    predictor: NaiveBayes
    width: int = 1


class BestSelection(NamedTuple):
    """Highest reward that a text allows, and a selection with this reward: heads and dependents, (L,) bool both."""

    reward: float
    head: Tensor
    dependent: Tensor


class Selecting(TextEnv):
    """Select heads and dependents among a text's words; a classifier reads the dependents that have another head.

    A word is read if it is a dependent and some other word is a head: a head attends to all dependents except itself
    (Shen et al., 2018). The classifier is naive Bayes, fitted to the training texts. It does not learn during episodes,
    so that the best selection of a text is known.

    Observation: `text` (L,), the numbers of its words, 0 behind its end; `text2` (L,) where texts come in pairs. L is
    `max_words`, if that is given, or the longest text's length.
    Action: `head` and `dependent` (L,), zeros and ones; `head2` and `dependent2` where there are two texts. Selected
    padding is ignored.
    Reward: log p(label | words read) less `cost` times the sparsity term of the shares of heads and dependents (of a
    pair the mean of both texts). It is at most 0.
    Start: with a text. End: after one step, whose observation repeats the text.

    Version 0.
    """

    meaning_kind: ClassVar[type[Meaning]] = SelectMeaning
    answers = 0
    classes: tuple[str, ...] = ()

    def __init__(
        self,
        options: SelectOptions,
        data: TextsAndPredictor,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        """Put the texts on the device.

        Args:
            options: the task.
            data: one split of the texts, and the classifier.
            device: where all tensors live.
        """
        texts = data.texts
        super().__init__(texts, device)
        self.options, self.labels = options, texts.classes
        self._predictor = data.predictor.to(self.device)
        self._texts = {"text": texts.text.to(self.device)}
        if texts.second is not None:
            self._texts["text2"] = texts.second.to(self.device)
        # `max_words` makes the width the same in every split, so that a policy of fixed width fits them all.
        self._width = options.max_words or (int(texts.lengths.max()) if len(texts.lengths) else data.width)
        word = spaces.Box(0, len(self.vocabulary.words) - 1, (self._width,), np.int64)
        self.observation_space = spaces.Dict(dict.fromkeys(self._texts, word))
        bits: dict[str, spaces.Space[Any]] = {
            self._part(kind, name): spaces.MultiBinary(self._width) for name in self._texts for kind in _KINDS
        }
        self.action_space = spaces.Dict(bits)

    @staticmethod
    def load_data(
        options: SelectOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: SelectMeaning | None = None,
    ) -> TextsAndPredictor:
        """Load one split of the texts, and fit the classifier to the training split, or take that of a run.

        Raises:
            DataError: if the labels are scores, or as `load_text`.
        """
        if meaning is not None:
            texts = load_text(options, split, root=root, meaning=meaning)
            return TextsAndPredictor(texts, _kept_predictor(meaning))
        training = load_text(options, "train", root=root)
        if not training.classes:
            raise DataError(f"{options.name} needs classes, and {options.data} has scores")
        columns = [training.text] + ([training.second] if training.second is not None else [])
        words = len(training.vocabulary.words)
        predictor = NaiveBayes(columns, training.labels, words, len(training.classes))
        return TextsAndPredictor(load_text(options, split, root=root), predictor)

    @staticmethod
    def data_without_examples(options: SelectOptions, meaning: SelectMeaning) -> TextsAndPredictor:
        """Return data of a run without texts."""
        return Selecting.data_of_texts(options, meaning, ())

    @staticmethod
    def data_of_texts(
        options: SelectOptions, meaning: SelectMeaning, texts: Sequence[Sequence[str]]
    ) -> TextsAndPredictor:
        """Return data of texts that stand in no data set; see `given_words`."""
        return TextsAndPredictor(given_words(options, meaning, texts), _kept_predictor(meaning), meaning.shapes[0][0])

    def shown_examples(self) -> Any:
        """Return the texts, and the options of the reward."""
        return super().shown_examples(), self.options.cost, self.options.sparsity

    def meaning(self) -> SelectMeaning:
        """Return what the texts mean, and what the classifier has counted."""
        predictor = self._predictor
        counts = tuple(tuple(map(tuple, text)) for text in predictor.word_counts.tolist())
        return SelectMeaning(
            **self._meaning_parts(), class_counts=tuple(predictor.class_counts.tolist()), word_counts=counts
        )

    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self._width,),) * len(self._texts)

    def _initial_lanes(self, example: Tensor) -> Observation:
        return {name: text.batch(example, self._width).tokens for name, text in self._texts.items()}

    def step(self, action: Action) -> StepResult:
        """Select words in all lanes.

        Args:
            action: `head` and `dependent`, and for pairs `head2` and `dependent2`, (B, L) bool or zeros and ones.

        Returns:
            The step's result. In terminated lanes the reward is 0.
        """
        chosen = self.chosen_words(action)
        active, label = ~self._terminated, self.label
        reward = self.selection_reward(self._lanes, chosen, label)
        self._terminated = torch.ones_like(self._terminated)
        return StepResult(self._observe(), reward * active, self._terminated, label)

    def selection_reward(self, texts: Observation, chosen: dict[str, tuple[Tensor, ...]], label: Tensor) -> Tensor:
        """Compute the reward of selections.

        Args:
            texts: (B, L) int64 each, as observed.
            chosen: heads and dependents of each text, (B, L) bool.
            label: (B,) int64.

        Returns:
            (B,) float32.
        """
        costs = []
        for name, text in texts.items():
            real = text != PAD
            head, dependent = (each & real for each in chosen[name])
            count = real.sum(-1).clamp(min=1)
            costs.append(self._sparsity(head.sum(-1) / count, dependent.sum(-1) / count))
        likely = self._predictor(list(texts.values()), list(self.words_read(texts, chosen).values()))
        return likely.gather(-1, label.unsqueeze(-1)).squeeze(-1) - self.options.cost * torch.stack(costs).mean(0)

    def words_read(self, texts: Observation, chosen: dict[str, tuple[Tensor, ...]]) -> dict[str, Tensor]:
        """Return which words of each text the classifier reads, (B, L) bool; for the arguments see the reward."""
        read = {}
        for name, text in texts.items():
            head, dependent = (each & (text != PAD) for each in chosen[name])
            # A word is read by a head other than itself.
            others = head.sum(-1, keepdim=True) - head.long()
            read[name] = dependent & (others > 0)
        return read

    def belief(self, texts: Observation, read: dict[str, Tensor]) -> Tensor:
        """Return the classifier's probability of each class, (B, C), given the words of each text that it reads."""
        return self._predictor(list(texts.values()), [read[name] for name in texts]).exp()

    def chosen_words(self, action: Action) -> dict[str, tuple[Tensor, ...]]:
        """Return an action's heads and dependents of each text, (B, L) bool."""
        return {name: tuple(action[self._part(kind, name)] > 0 for kind in _KINDS) for name in self._texts}

    def optimum(self, example: int) -> BestSelection:
        """Find the best selection for a single text of at most eight words by exhaustive search.

        Only selections with at most two heads are searched: two heads read every dependent, and more cost more.

        Raises:
            ValueError: if the text is longer, or is one of a pair.
        """
        index = torch.tensor([example], device=self.device)
        text = self._texts["text"].batch(index, self._width).tokens
        n = int((text != PAD).sum())
        if n > _LONGEST or len(self._texts) > 1:
            raise ValueError(f"the optimum is known for single texts of at most {_LONGEST} words, not of {n}")
        # Enumerate up to two heads, with every subset of dependents.
        few = [set(each) for size in range(3) for each in combinations(range(n), size)]
        heads = torch.tensor([[word in each for word in range(n)] for each in few], dtype=torch.bool).view(-1, n)
        every = torch.tensor(list(product([False, True], repeat=n)))
        pairs = heads.repeat_interleave(len(every), 0), every.repeat(len(heads), 1)
        wide = tuple(torch.nn.functional.pad(each, (0, self._width - n)).to(self.device) for each in pairs)
        # The best of them by reward.
        shown = {"text": text.expand(len(wide[0]), -1)}
        reward = self.selection_reward(shown, {"text": wide}, self._labels[index].expand(len(wide[0])))
        best = int(reward.argmax())
        return BestSelection(float(reward[best]), wide[0][best], wide[1][best])

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane's text as an RGB picture (height, width, 3) uint8, the same at each step."""
        words = self.vocabulary.words
        return draw_page([[words[number] for number in text if number] for text in seen[-1].values()])

    def _part(self, kind: str, name: str) -> str:
        return f"{kind}{name.removeprefix('text')}"

    def _sparsity(self, heads: Tensor, dependents: Tensor) -> Tensor:
        if self.options.sparsity == "product":
            return heads * dependents
        return (heads + dependents) / (2 if self.options.sparsity == "mean" else 1)


def _kept_predictor(meaning: SelectMeaning) -> NaiveBayes:
    """Return the classifier of a run."""
    return NaiveBayes.from_counts(torch.tensor(meaning.class_counts), torch.tensor(meaning.word_counts))


_KINDS = ("head", "dependent")
_LONGEST = 8
