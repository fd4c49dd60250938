"""Drawings of attention weights: lines of tokens, documents, hops and their overlap, matrices of pairs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glimpse.agents.text.reader import Reader
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.text.whole_text import WholeText
from glimpse.evaluation.replay import evenly
from glimpse.reporting.drawing.svg import Drawing, below, beside, label, matrix, svg_file, title_line, token_lines
from glimpse.reporting.text.accounts import Account, Floats, Text, account
from glimpse.runs.durable import replace_file, reporting_write_errors

_WIDTH = 860
"""Width of lines of tokens in files, in pixels."""
MOST_TOKENS = 40
"""Maximum number of rows of a matrix."""
_MOST_WORDS = 120
"""Maximum number of words of a text in a file; the page has more."""


def relative_weights(weights: Floats) -> Floats:
    """Divide weights by the largest one, so that they are in [0, 1]."""
    highest = float(weights.max(initial=0.0))
    scaled: Floats = weights / np.float32(highest) if highest > 0 else np.zeros_like(weights)
    return scaled


def text_answer_caption(one: Account, classes: Sequence[str]) -> str:
    """Return the answer and its probability in words, and the true one if it is known and another."""
    if one.score is not None:
        return f"{one.score:.2f}" + ("" if one.true is None else f", is {one.true:.4g}")
    answered = f"{one.named(one.given, classes)} {100 * one.confidence:.0f} %"
    return answered if one.true is None or one.right else f"{answered}, is {one.true_name(classes)}"


def tokens_drawing(accounts: Sequence[Account], classes: Sequence[str]) -> Drawing:
    """Draw texts, each word on a background as strong as its weight, with the answers."""
    return below((_account_drawing(one, classes) for one in accounts), 20)


def tokens_picture(agent: Reader, env: WholeText, texts: int, path: Path) -> None:
    """Write an SVG of texts spread evenly over the environment's split, the same ones each time.

    Raises:
        UserError: if the file cannot be written.
    """
    accounts = [account(agent, env, EvaluateOptions(), number) for number in evenly(env.examples, texts)]
    with reporting_write_errors(path):
        words = f"{len(accounts)} validation texts, words coloured by their weights"
        replace_file(path, svg_file(tokens_drawing(accounts, env.classes), words))


def _account_drawing(one: Account, classes: Sequence[str]) -> Drawing:
    """Draw the texts of an example below its answer."""
    texts = [text_drawing(text) for text in one.texts]
    return below([title_line(text_answer_caption(one, classes)), *texts], 2)


def text_drawing(text: Text) -> Drawing:
    """Draw a text; a document in two colours, with one or more lines for each sentence."""
    if text.sentences is not None and text.colour is not None:
        return document_drawing(text)
    some = slice(0, _MOST_WORDS)
    words = [*text.words[some], *(["…"] if len(text.words) > _MOST_WORDS else [])]
    weights = None if text.weights is None else np.append(relative_weights(text.weights)[some], 0).astype(np.float32)
    struck = None if text.dropped is None else np.append(text.dropped[some], False)
    return token_lines(words, weights, _WIDTH, struck=struck)


def document_drawing(text: Text) -> Drawing:
    """Draw each sentence with its weight in one colour at the left, and sqrt(p_s) p_w of its words in another."""
    assert text.sentences is not None and text.colour is not None
    sentence, word = relative_weights(text.sentences), relative_weights(text.colour)
    lines = []
    for number, (begin, end) in enumerate(text.bounds):
        line = token_lines(text.words[begin:end], word[begin:end], _WIDTH, "word", left=52)
        chip = f'<rect class="sentence" fill-opacity="{sentence[number]:.2f}" width="42" height="19" rx="3"/>'
        weight = label(21, 14, f"{text.sentences[number]:.2f}", "small", "middle")
        lines.append(line._replace(body=chip + weight + line.body))
    return below(lines, 4)


def hops_drawing(text: Text) -> Drawing:
    """Draw a line of tokens for each hop."""
    assert text.hops is not None
    words, lines = text.words[:_MOST_WORDS], []
    for number, weights in enumerate(text.hops, 1):
        line = token_lines(words, relative_weights(weights[: len(words)]), _WIDTH, left=30)
        lines.append(line._replace(body=label(22, 14, str(number), "quiet small", "end") + line.body))
    return below(lines, 4)


def overlap_drawing(text: Text) -> Drawing:
    """Draw A A^T, the overlap of hops; hops differ if it is large on the diagonal alone."""
    assert text.hops is not None
    overlap = text.hops @ text.hops.T
    names = [str(number) for number in range(1, len(overlap) + 1)]
    title = title_line(f"A Aᵀ, up to {overlap.max(initial=0.0):.2f}", "quiet small")
    return below([title, matrix(relative_weights(overlap), names, names, 22 if len(names) <= 12 else 12)], 0)


def pair_drawings(text: Text) -> list[list[Drawing]]:
    """Draw matrices of token pairs, in lines.

    A line has the heads of a layer. For an encoder with directions it has one drawing, of both directions of a head.
    """
    if "forward" not in text.pairs:
        return [
            [_pair_matrix(text, head, _head_title(name, number, len(heads))) for number, head in enumerate(heads, 1)]
            for name, heads in text.pairs.items()
        ]
    count = min(len(heads) for heads in text.pairs.values())
    return [
        [
            beside(
                _pair_matrix(text, heads[number], _head_title(name, number + 1, count))
                for name, heads in text.pairs.items()
            )
        ]
        for number in range(count)
    ]


def _head_title(name: str, number: int, count: int) -> str:
    """Return a title such as `layer 2, head 3`."""
    title = name.replace("layer", "layer ")
    return f"{title}, head {number}" if count > 1 else title


def _pair_matrix(text: Text, weights: Floats, title: str) -> Drawing:
    """Draw the weights of token pairs (L, L) of one head."""
    words, shown = text.words[:MOST_TOKENS], weights[:MOST_TOKENS, :MOST_TOKENS]
    heading = title_line(f"{title}: up to {shown.max(initial=0.0):.2f}", "quiet small")
    size = min(22, max(10, 280 // max(1, len(words))))
    return below([heading, matrix(relative_weights(shown), words, words, size, struck=(text.silent, text.dropped))], 0)
