"""Texts as HTML: words on backgrounds as strong as their weights, with the answer below."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from glimpse.reporting.drawing.svg import printable
from glimpse.reporting.text.accounts import Account, Floats, Text
from glimpse.reporting.text.token_drawings import relative_weights

_MOST_WORDS = 600
"""Maximum number of words of a text on the page."""


def text_figure(one: Account, classes: Sequence[str]) -> str:
    """Return a text, or a pair, with the answer below."""
    body = "".join(_document(text) if text.sentences is not None else _plain_text(text) for text in one.texts)
    caption = f"{answer_html(one, classes)}{_agreement(one.texts[0])}"
    return f'<figure class="reading">{body}<figcaption>{caption}</figcaption></figure>'


def _agreement(text: Text) -> str:
    """Return how many words, and how many of the human rationale, a selecting agent read; empty for other agents."""
    if text.human_rationale is None or text.dropped is None:
        return ""
    kept, human = ~text.dropped, text.human_rationale
    rationale = f"{(human & kept).sum():,} of the {human.sum():,} words of the human rationale"
    return f" <small>read {kept.sum():,} of {len(text.words):,} words, {rationale} among them</small>"


def answer_html(one: Account, classes: Sequence[str]) -> str:
    """Return the answer, its probability and, if it is wrong, the true one."""
    if one.score is not None:
        true = "" if one.true is None else f", is {one.true:.4g} <small>{one.miss:.2f} off</small>"
        return f"{one.score:.2f}{true}"
    answered, sure = escape(one.named(one.given, classes)), f"<small>{100 * one.confidence:.0f} %</small>"
    if one.true is None or one.right:
        return f"{answered} {sure}"
    return f'<span class="wrong">{answered}</span> {sure}, is {escape(one.true_name(classes))}'


def token_spans(
    words: Sequence[str],
    weights: Floats | None,
    strengths: Floats | None,
    unknown: NDArray[np.bool_],
    dropped: NDArray[np.bool_] | None = None,
    human_rationale: NDArray[np.bool_] | None = None,
) -> str:
    """Return words on backgrounds of given strengths.

    Unknown words are dotted, dropped words struck out, and words of the human rationale underlined.

    Args:
        words: L words.
        weights: (L,), shown as tooltips; None for none.
        strengths: (L,) in [0, 1], opacities of the backgrounds; None for none.
        unknown: (L,), unknown words.
        dropped: (L,), words that the agent did not read.
        human_rationale: (L,), words of the human rationale.
    """
    spans = []
    for number, word in enumerate(words):
        faint = strengths is None or strengths[number] < 0.005
        style = "" if faint or strengths is None else f' style="--w:{strengths[number]:.2f}"'
        tooltip = "" if weights is None else f' title="{weights[number]:.4f}"'
        kinds = ["unknown"] * bool(unknown[number]) + ["human-rationale"] * (
            human_rationale is not None and bool(human_rationale[number])
        )
        kind = f' class="{" ".join(kinds)}"' if kinds else ""
        tag = "s" if dropped is not None and dropped[number] else "span"
        spans.append(f"<{tag}{kind}{style}{tooltip}>{escape(printable(word))}</{tag}>")
    return " ".join(spans)


def token_line(text: Text, weights: Floats | None) -> str:
    """Return words with weights (L,); of a long text the first ones, and the total weight of the others."""
    strengths = None if weights is None else relative_weights(weights)
    shown = token_spans(text.words[:_MOST_WORDS], weights, strengths, text.unknown, text.dropped, text.human_rationale)
    rest = len(text.words) - _MOST_WORDS
    if rest <= 0:
        return shown or "<small>no words</small>"
    held = "" if weights is None else f", which have {100 * float(weights[_MOST_WORDS:].sum()):.0f} % of the weight"
    return f"{shown} <small>and {rest:,} more words{held}</small>"


def _plain_text(text: Text) -> str:
    """Return a text as one paragraph."""
    return f'<p class="tokens">{token_line(text, text.weights)}</p>'


def _document(text: Text) -> str:
    """Return a document, one sentence per line with its weight at the left."""
    assert text.sentences is not None and text.weights is not None and text.colour is not None
    of_sentences, strengths = relative_weights(text.sentences), relative_weights(text.colour)
    lines, shown = [], 0
    for number, (begin, end) in enumerate(text.bounds):
        if begin and end > _MOST_WORDS:
            break
        human_rationale = None if text.human_rationale is None else text.human_rationale[begin:end]
        words = token_spans(
            text.words[begin:end],
            text.weights[begin:end],
            strengths[begin:end],
            text.unknown[begin:end],
            None,
            human_rationale,
        )
        chip = f'<b style="--w:{of_sentences[number]:.2f}">{text.sentences[number]:.2f}</b>'
        lines.append(f'<li>{chip}<p class="tokens">{words}</p></li>')
        shown += 1
    rest = len(text.lengths) - shown
    held = 100 * float(text.sentences[shown:].sum())
    more = f"<li><small>and {rest:,} more sentences, which have {held:.0f} % of the weight</small></li>" if rest else ""
    return f'<ol class="document">{"".join(lines)}{more}</ol>'
