"""Texts as HTML: words on grounds as strong as their weights, and below them the answer."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from glimpse.reporting.drawing.svg import printable
from glimpse.reporting.text.accounts import Account, Floats, Text
from glimpse.reporting.text.token_drawings import shares

_MOST_WORDS = 600
"""Words of a text that are on the page."""


def reading(one: Account, classes: Sequence[str]) -> str:
    """A text, or a pair, with the answer below."""
    body = "".join(_document(text) if text.sentences is not None else _plain(text) for text in one.texts)
    told = f"{answer(one, classes)}{_agreement(one.texts[0])}"
    return f'<figure class="reading">{body}<figcaption>{told}</figcaption></figure>'


def _agreement(text: Text) -> str:
    """How many of the words that people marked were read, and how many others, where an agent chose."""
    if text.marked is None or text.dropped is None:
        return ""
    both, read, marked = (text.marked & ~text.dropped).sum(), (~text.dropped).sum(), text.marked.sum()
    return f" <small>read {read:,} of {len(text.words):,} words, among them {both:,} of {marked:,} marked ones</small>"


def answer(one: Account, classes: Sequence[str]) -> str:
    """The answer, its probability, and what would have been right."""
    if one.score is not None:
        true = "" if one.true is None else f", is {one.true:.4g} <small>{one.miss:.2f} off</small>"
        return f"{one.score:.2f}{true}"
    said, sure = escape(classes[one.said]), f"<small>{100 * float(one.belief.max()):.0f} %</small>"
    if one.true is None or int(one.true) == one.said:
        return f"{said} {sure}"
    return f'<span class="wrong">{said}</span> {sure}, is {escape(classes[int(one.true)])}'


def token_spans(
    words: Sequence[str],
    weights: Floats | None,
    strengths: Floats | None,
    unknown: NDArray[np.bool_],
    dropped: NDArray[np.bool_] | None = None,
    marked: NDArray[np.bool_] | None = None,
) -> str:
    """Words with their weights, on grounds of their strengths in [0, 1], all (L,).

    Those not known are dotted, those that were left out are struck out, and those that people marked are underlined.
    """
    spans = []
    for number, word in enumerate(words):
        faint = strengths is None or strengths[number] < 0.005
        style = "" if faint or strengths is None else f' style="--w:{strengths[number]:.2f}"'
        told = "" if weights is None else f' title="{weights[number]:.4f}"'
        kinds = ["unknown"] * bool(unknown[number]) + ["marked"] * (marked is not None and bool(marked[number]))
        kind = f' class="{" ".join(kinds)}"' if kinds else ""
        tag = "s" if dropped is not None and dropped[number] else "span"
        spans.append(f"<{tag}{kind}{style}{told}>{escape(printable(word))}</{tag}>")
    return " ".join(spans)


def token_line(text: Text, weights: Floats | None) -> str:
    """All words with some weights (L,); of a long text the first ones, and how much of the weight the others have."""
    strengths = None if weights is None else shares(weights)
    shown = token_spans(text.words[:_MOST_WORDS], weights, strengths, text.unknown, text.dropped, text.marked)
    rest = len(text.words) - _MOST_WORDS
    if rest <= 0:
        return shown or "<small>no words</small>"
    held = "" if weights is None else f", which have {100 * float(weights[_MOST_WORDS:].sum()):.0f} % of the weight"
    return f"{shown} <small>and {rest:,} more words{held}</small>"


def _plain(text: Text) -> str:
    return f'<p class="tokens">{token_line(text, text.weights)}</p>'


def _document(text: Text) -> str:
    """A sentence a line, its weight at the left."""
    assert text.sentences is not None and text.weights is not None and text.colour is not None
    of_sentences, strengths = shares(text.sentences), shares(text.colour)
    lines, shown = [], 0
    for number, (begin, end) in enumerate(text.bounds):
        if begin and end > _MOST_WORDS:
            break
        marked = None if text.marked is None else text.marked[begin:end]
        words = token_spans(
            text.words[begin:end], text.weights[begin:end], strengths[begin:end], text.unknown[begin:end], None, marked
        )
        chip = f'<b style="--w:{of_sentences[number]:.2f}">{text.sentences[number]:.2f}</b>'
        lines.append(f'<li>{chip}<p class="tokens">{words}</p></li>')
        shown += 1
    rest = len(text.lengths) - shown
    held = 100 * float(text.sentences[shown:].sum())
    more = f"<li><small>and {rest:,} more sentences, which have {held:.0f} % of the weight</small></li>" if rest else ""
    return f'<ol class="document">{"".join(lines)}{more}</ol>'
