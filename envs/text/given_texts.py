"""Texts that stand in no data set, such as a user's own, with the classes and words of a run."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.text.corpus import offsets_of
from glimpse.envs.text.encoded_texts import EncodedSplit, Texts
from glimpse.envs.text.numbered_splits import NumberedSplit
from glimpse.envs.text.options import SkimOptions, TextOptions, WholeTextOptions
from glimpse.envs.text.text_data import DocumentData, TextData, document_data, text_data
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.envs.text.tokenisation import split_text
from glimpse.envs.text.vocabulary import Vocabulary


def given_texts(
    options: WholeTextOptions | SkimOptions, meaning: TextMeaning, texts: Sequence[Sequence[str]] = ()
) -> TextData | DocumentData:
    """Make data of N texts, or of N pairs, that have no labels: those in the data are 0.

    Args:
        options: The task.
        meaning: The classes and words of the run.
        texts: A text of one word or more for each example, or two; there may be none.

    Returns:
        Documents if the task divides texts into sentences.
    """
    numbered = _numbered(options, meaning, texts)
    if options.sentences:
        return document_data(numbered, options.max_sentences, options.max_words)
    return text_data(numbered, options.max_words)


def given_words(options: TextOptions, meaning: TextMeaning, texts: Sequence[Sequence[str]] = ()) -> TextData:
    """Make data as `given_texts` does, for a task that does not divide texts into sentences."""
    return text_data(_numbered(options, meaning, texts), options.max_words)


def _numbered(options: TextOptions, meaning: TextMeaning, texts: Sequence[Sequence[str]]) -> NumberedSplit:
    vocabulary = Vocabulary(meaning.words, meaning.tokenizer)
    split = [[split_text(text, options, meaning.tokenizer) for text in example] for example in texts]
    first = _texts([example[0] for example in split], vocabulary)
    second = _texts([example[1] for example in split], vocabulary) if len(meaning.shapes) > 1 else None
    label: NDArray[Any] = meaning.kind.no_labels(len(texts)).numpy()
    return NumberedSplit(EncodedSplit(first, second, label, None), meaning.classes, meaning.scores, vocabulary)


def _texts(texts: Sequence[Sequence[Sequence[str]]], vocabulary: Vocabulary) -> Texts:
    """Number the words of texts, given as sentences of tokens."""
    sentences = list(chain.from_iterable(texts))
    tokens = np.array(vocabulary.encode(chain.from_iterable(sentences)), np.int32)
    begins = np.zeros(len(tokens), bool)
    begins[offsets_of(np.array([len(sentence) for sentence in sentences], np.int64))[:-1]] = True
    lengths = np.array([sum(map(len, text)) for text in texts], np.int64)
    return Texts(tokens, offsets_of(lengths), begins)
