"""Tokenisation of the texts of a task, as its data set and options say."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.registry import TEXT_SETS
from glimpse.envs.text.characters import divide_unspaced
from glimpse.envs.text.chinese_words import divide_chinese
from glimpse.envs.text.corpus import Corpus, sentence_starts, tokenise_all
from glimpse.envs.text.learned_subwords import CONTINUES, dividing_into_subwords, learn_byte_pairs
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.token_spans import Span, word_spans
from glimpse.envs.text.tokenizer_file import read_tokenizer_file, tokenizer_file
from glimpse.envs.text.tokens import BREAK, SPLITTERS, dividing, tokenise


def make_tokenizer(options: TextOptions, training: Iterable[str]) -> str | None:
    """Learn the task's subwords from the training texts, or read its `tokenizer.json`.

    Returns:
        The tokenizer in JSON, which the other functions are given; None where the task needs none.

    Raises:
        DataError: The file is no tokenizer or cannot be read, or the tokenizers library is not installed.
    """
    if options.tokens == "subwords":
        splitter = SPLITTERS[_kind(options)]
        tokens = (tokenise(text, splitter, options.lower) for text in training)
        return learn_byte_pairs(
            (" ".join(token for token in some if token != BREAK) for some in tokens), options.subwords
        )
    return read_tokenizer_file(options.tokens.removeprefix("file:")) if _names_a_file(options) else None


def tokenise_texts(
    texts: Iterable[str], options: TextOptions, tokenizer: str | None = None
) -> tuple[Corpus, NDArray[np.bool_]]:
    """Tokenise texts of the task's data set.

    Args:
        texts: The texts.
        options: The task.
        tokenizer: What `make_tokenizer` returned.

    Returns:
        The tokens (M in all), and with which of them a sentence begins, (M,).

    Raises:
        DataError: A library that the tokens need is not installed.
    """
    kind = _kind(options)
    corpus = _corpus(texts, options, kind, tokenizer)
    return corpus, sentence_starts(corpus, by_marks=kind != "kept")


def split_text(text: str, options: TextOptions, tokenizer: str | None = None) -> list[list[str]]:
    """Tokenise a user's own text as the texts of a data set; returns its sentences as lists of tokens."""
    corpus = _corpus([text], options, _kind_of_own(options), tokenizer)
    words = [corpus.words[number] for number in corpus.tokens]
    if not words:
        return []
    begins = np.flatnonzero(sentence_starts(corpus, by_marks=True)).tolist()
    return [words[begin:end] for begin, end in zip(begins, [*begins[1:], len(words)], strict=True)]


def spans_of_tokens(text: str, options: TextOptions, tokenizer: str | None = None, own: bool = True) -> list[Span]:
    """Find where the tokens of a text stand in it: text[begin:end] is what a token was made of.

    Args:
        text: The text.
        options: The task.
        tokenizer: What `make_tokenizer` returned.
        own: Whether it is a user's own text, as those of `split_text`; else one of the data set's.

    Returns:
        The span of each token, in order.
    """
    if _names_a_file(options):
        return [Span(token.begin, token.end) for token in tokenizer_file(tokenizer or "").find(text)]
    kind = _kind_of_own(options) if own else _kind(options)
    return word_spans(text, _splitter(kind, options, tokenizer), options.lower, kind == "kept", CONTINUES)


def _corpus(texts: Iterable[str], options: TextOptions, kind: str, tokenizer: str | None) -> Corpus:
    if _names_a_file(options):
        return tokenizer_file(tokenizer or "").tokenise(texts, _missing_spaces(options))
    return tokenise_all(texts, _splitter(kind, options, tokenizer), options.lower, _missing_spaces(options))


def _kind(options: TextOptions) -> str:
    """Return how a text of this data set is tokenised: "kept", "split" or "bare"; see `TextSet.tokens`."""
    return TEXT_SETS[options.data].tokens if options.data in TEXT_SETS else "split"


def _kind_of_own(options: TextOptions) -> str:
    """Return the same for a user's text, which has no spaces before full stops even if the data set has."""
    return "split" if _kind(options) == "kept" else _kind(options)


def _names_a_file(options: TextOptions) -> bool:
    return options.tokens.startswith("file:")


def _missing_spaces(options: TextOptions) -> bool:
    return options.data in TEXT_SETS and TEXT_SETS[options.data].missing_spaces


def _splitter(kind: str, options: TextOptions, tokenizer: str | None) -> Callable[[str], list[str]]:
    """Return what divides a word into tokens."""
    splitter = SPLITTERS[kind]
    if options.tokens == "characters":
        return dividing(splitter, divide_unspaced)
    if options.tokens == "jieba":
        return dividing(splitter, divide_chinese)
    return dividing(splitter, dividing_into_subwords(tokenizer or "")) if options.tokens == "subwords" else splitter
