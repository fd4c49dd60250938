"""Texts as HTML: words on backgrounds as strong as their weights, with the answer below."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from glimpse.reporting.html_parts import ShownAnswer
from glimpse.reporting.html_templates import render
from glimpse.reporting.text.accounts import Account, Floats, Text
from glimpse.reporting.text.token_drawings import relative_weights

MOST_WORDS = 600
"""Maximum number of words of a text on the page."""


class Word(NamedTuple):
    """A word: its classes in the page's style, the opacity and the weight as text, and whether it is struck out."""

    text: str
    kinds: str
    strength: str
    weight: str
    struck: bool


class Line(NamedTuple):
    """Words, and a note on those that are left out."""

    words: list[Word]
    note: str = ""


class Sentence(NamedTuple):
    """A sentence of a document: its words, its weight as text, and the opacity of its background."""

    line: Line
    weight: str
    strength: str


class ReadText(NamedTuple):
    """A text as one line, or a document as sentences with a note on those that are left out."""

    line: Line
    sentences: Sequence[Sentence] = ()
    note: str = ""


class Reading(NamedTuple):
    """A text, or a pair, as it is shown: with the answer, and with what a selecting agent read."""

    parts: list[ReadText]
    answer: ShownAnswer
    agreement: str


def text_figure(one: Account, classes: Sequence[str], most: int = MOST_WORDS) -> Markup:
    """Return a text, or a pair, with the answer below; at most `most` words of each text."""
    parts = [
        _document(text, most) if text.sentences is not None else ReadText(_line(text, text.weights, most))
        for text in one.texts
    ]
    return render("text_figure.html", one=Reading(parts, account_answer(one, classes), _agreement(one.texts[0])))


def token_line(text: Text, weights: Floats | None, most: int = MOST_WORDS) -> Markup:
    """Return words with weights (L,); of a long text the first ones, and the total weight of the others."""
    return render("token_line.html", line=_line(text, weights, most))


def account_answer(one: Account, classes: Sequence[str]) -> ShownAnswer:
    """Return the answer, its probability and, if it is wrong, the true one."""
    if one.score is not None:
        if one.true is None:
            return ShownAnswer(f"{one.score:.2f}")
        return ShownAnswer(f"{one.score:.2f}, is {one.true:.4g}", f"{one.miss:.2f} off")
    answered, sure = one.named(one.given, classes), f"{100 * one.confidence:.0f} %"
    if one.true is None or one.right:
        return ShownAnswer(answered, sure)
    return ShownAnswer(answered, sure, one.true_name(classes), wrong=True)


def _agreement(text: Text) -> str:
    """Return how many words, and how many of the rationale, a selecting agent read; empty for other agents."""
    if text.human_rationale is None or text.dropped is None:
        return ""
    kept, known = ~text.dropped, text.human_rationale
    found, total = int((known & kept).sum()), int(known.sum())
    rationale = f"{found:,} of the {total:,} words of the {text.rationale_name}"
    if total == 1:
        rationale = f"{'the' if found else 'not the'} one word of the {text.rationale_name}"
    return f"read {kept.sum():,} of {len(text.words):,} words, {rationale} among them"


def _words(text: Text, part: slice, weights: Floats | None, strengths: Floats | None) -> list[Word]:
    """Return words of a part of a text, on backgrounds of given strengths.

    Unknown words are dotted, dropped words struck out, and words of the rationale underlined.

    Args:
        text: the text.
        part: which of its words.
        weights: (L,), shown as tooltips; None for none.
        strengths: (L,) in [0, 1], opacities of the backgrounds; None for none.
    """

    def marked(marks: NDArray[np.bool_] | None, at: int) -> bool:
        return marks is not None and bool(marks[at])

    found = []
    for at in range(*part.indices(len(text.words))):
        kinds = ["unknown"] * marked(text.unknown, at) + ["rationale"] * marked(text.human_rationale, at)
        faint = strengths is None or strengths[at] < 0.005
        strength = "" if faint or strengths is None else f"{strengths[at]:.2f}"
        weight = "" if weights is None else f"{weights[at]:.4f}"
        found.append(Word(text.words[at], " ".join(kinds), strength, weight, marked(text.dropped, at)))
    return found


def _line(text: Text, weights: Floats | None, most: int) -> Line:
    """Return words with weights (L,), at most `most` of them."""
    strengths = None if weights is None else relative_weights(weights)
    words, rest = _words(text, slice(0, most), weights, strengths), len(text.words) - most
    if not words:
        return Line(words, "no words")
    if rest <= 0:
        return Line(words)
    held = "" if weights is None else f", which have {100 * float(weights[most:].sum()):.0f} % of the weight"
    return Line(words, f"and {rest:,} more words{held}")


def _document(text: Text, most: int) -> ReadText:
    """Return a document, one sentence per line with its weight at the left."""
    assert text.sentences is not None and text.weights is not None and text.colour is not None
    of_sentences, strengths = relative_weights(text.sentences), relative_weights(text.colour)
    shown: list[Sentence] = []
    for number, (begin, end) in enumerate(text.bounds):
        if begin and end > most:
            break
        line = Line(_words(text, slice(begin, end), text.weights, strengths))
        shown.append(Sentence(line, f"{text.sentences[number]:.2f}", f"{of_sentences[number]:.2f}"))
    rest, held = len(text.lengths) - len(shown), 100 * float(text.sentences[len(shown) :].sum())
    more = f"and {rest:,} more sentences, which have {held:.0f} % of the weight" if rest else ""
    return ReadText(Line([]), shown, more)
