"""What was attended, drawn: lines of tokens, documents, hops and their overlap, matrices of pairs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glimpse.agents.text.reader import Reader
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.text.whole_text import Reading
from glimpse.evaluation.replay import evenly
from glimpse.reporting.drawing.svg import Drawing, below, beside, label, matrix, svg_file, title_line, token_lines
from glimpse.reporting.text.accounts import Account, Floats, Text, account
from glimpse.runs.durable import reporting_write_errors

_WIDTH = 860
"""Of lines of tokens in files, in pixels."""
MOST_TOKENS = 40
"""A matrix has no more rows than this."""
_MOST_WORDS = 120
"""Words of a text in a file; the page has more of them."""


def shares(weights: Floats) -> Floats:
    """Weights as shares of the largest one, in [0, 1]."""
    highest = float(weights.max(initial=0.0))
    scaled: Floats = weights / np.float32(highest) if highest > 0 else np.zeros_like(weights)
    return scaled


def verdict(one: Account, classes: Sequence[str]) -> str:
    """The answer, its probability, and what would have been right, as far as it is known."""
    if one.score is not None:
        return f"{one.score:.2f}" + ("" if one.true is None else f", is {one.true:.4g}")
    said = f"{classes[one.said]} {100 * float(one.belief.max()):.0f} %"
    return said if one.true is None or int(one.true) == one.said else f"{said}, is {classes[int(one.true)]}"


def tokens_drawing(accounts: Sequence[Account], classes: Sequence[str]) -> Drawing:
    """Texts, each word on a ground as strong as its weight, with the answers."""
    return below((_answered(one, classes) for one in accounts), 20)


def tokens_picture(agent: Reader, world: Reading, texts: int, path: Path) -> None:
    """Write an SVG of texts spread evenly over the world's split; the same ones each time.

    Raises:
        UserError: if it cannot be written.
    """
    accounts = [account(agent, world, EvaluateOptions(), number) for number in evenly(world.examples, texts)]
    with reporting_write_errors(path):
        path.write_bytes(svg_file(tokens_drawing(accounts, world.classes), "tokens"))


def _answered(one: Account, classes: Sequence[str]) -> Drawing:
    texts = [text_drawing(text) for text in one.texts]
    return below([title_line(verdict(one, classes)), *texts], 2)


def text_drawing(text: Text) -> Drawing:
    """A text; a document in two colours, a line or more for each sentence."""
    if text.sentences is not None and text.colour is not None:
        return document_drawing(text)
    some = slice(0, _MOST_WORDS)
    words = [*text.words[some], *(["…"] if len(text.words) > _MOST_WORDS else [])]
    weights = None if text.weights is None else np.append(shares(text.weights)[some], 0).astype(np.float32)
    struck = None if text.dropped is None else np.append(text.dropped[some], False)
    return token_lines(words, weights, _WIDTH, struck=struck)


def document_drawing(text: Text) -> Drawing:
    """Sentence by sentence: its weight in one colour at the left, sqrt(p_s) p_w of its words in the other."""
    assert text.sentences is not None and text.colour is not None
    sentence, word = shares(text.sentences), shares(text.colour)
    lines = []
    for number, (begin, end) in enumerate(text.bounds):
        line = token_lines(text.words[begin:end], word[begin:end], _WIDTH, "word", left=52)
        chip = f'<rect class="sentence" fill-opacity="{sentence[number]:.2f}" width="42" height="19" rx="3"/>'
        weight = label(21, 14, f"{text.sentences[number]:.2f}", "small", "middle")
        lines.append(line._replace(body=chip + weight + line.body))
    return below(lines, 4)


def hops_drawing(text: Text) -> Drawing:
    """A line of tokens for each hop."""
    assert text.hops is not None
    words, lines = text.words[:_MOST_WORDS], []
    for number, weights in enumerate(text.hops, 1):
        line = token_lines(words, shares(weights[: len(words)]), _WIDTH, left=30)
        lines.append(line._replace(body=label(22, 14, str(number), "quiet small", "end") + line.body))
    return below(lines, 4)


def overlap_drawing(text: Text) -> Drawing:
    """A A^T: how much each two hops attend to the same tokens; large on the diagonal alone, they differ."""
    assert text.hops is not None
    overlap = text.hops @ text.hops.T
    names = [str(number) for number in range(1, len(overlap) + 1)]
    title = title_line(f"A Aᵀ, up to {overlap.max(initial=0.0):.2f}", "quiet small")
    return below([title, matrix(shares(overlap), names, names, 22 if len(names) <= 12 else 12)], 0)


def pair_drawings(text: Text) -> list[list[Drawing]]:
    """Matrices of tokens by tokens, in lines that belong together.

    A line has the heads of a layer; of an encoder with directions, those of a head as one drawing.
    """
    if "forward" not in text.pairs:
        return [
            [_pair_matrix(text, head, _headed(name, number, len(heads))) for number, head in enumerate(heads, 1)]
            for name, heads in text.pairs.items()
        ]
    count = min(len(heads) for heads in text.pairs.values())
    return [
        [
            beside(
                _pair_matrix(text, heads[number], _headed(name, number + 1, count))
                for name, heads in text.pairs.items()
            )
        ]
        for number in range(count)
    ]


def _headed(name: str, number: int, count: int) -> str:
    """`layer2` and head 3 in words."""
    named = name.replace("layer", "layer ")
    return f"{named}, head {number}" if count > 1 else named


def _pair_matrix(text: Text, weights: Floats, title: str) -> Drawing:
    words, shown = text.words[:MOST_TOKENS], weights[:MOST_TOKENS, :MOST_TOKENS]
    heading = title_line(f"{title}: up to {shown.max(initial=0.0):.2f}", "quiet small")
    size = min(22, max(10, 280 // max(1, len(words))))
    return below([heading, matrix(shares(shown), words, words, size, struck=(text.silent, text.dropped))], 0)
