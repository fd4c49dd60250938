"""The sections of the report that show texts, as HTML: answers, texts, mistakes, pairs of tokens, hops and masks."""

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape

from glimpse.reporting.drawing.svg import Drawing, inline, matrix, scatter
from glimpse.reporting.text.accounts import Account, Text
from glimpse.reporting.text.mask_drawing import mask_drawing
from glimpse.reporting.text.text_contents import TextContents
from glimpse.reporting.text.text_survey import confusion
from glimpse.reporting.text.token_drawings import MOST_TOKENS, overlap_drawing, pair_drawings
from glimpse.reporting.text.token_html import answer, reading, token_line

_NUMBERED = 12
"""Classes up to which a matrix of answers has room for numbers."""


def answers_drawing(contents: TextContents) -> Drawing:
    """Which classes were answered for which; or given scores over the true ones."""
    found, classes = contents.found, contents.classes
    if contents.scores is not None:
        return scatter(found.true, found.given, *contents.scores, side=360)
    counts = confusion(found, len(classes))
    of_row = counts / counts.sum(1, keepdims=True).clip(1)
    few = len(classes) <= _NUMBERED
    return matrix(of_row, classes, classes, 38 if few else 14, numbers=counts if few else None)


def answers(contents: TextContents) -> str:
    """The same with what is to be known of it."""
    total = f"{len(contents.found.true):,} validation texts"
    told = (
        f"Given scores over the true ones, {total}; on the diagonal they are equal."
        if contents.scores is not None
        else f"{total}. A row is a true class, and a column an answer; a square is as strong as its share of the row."
    )
    return f"<p>{told}</p>\n{_scrolled(answers_drawing(contents), 'Answers on the validation split')}"


def texts(contents: TextContents) -> str:
    """Texts spread over the split, with what was attended."""
    count, first = len(contents.shown), contents.shown[0].texts[0]
    struck = struck_mean(first)
    struck += " Underlined words are those that people marked as the reasons." if first.marked is not None else ""
    several = f"{count} texts, spread evenly over the validation split and not chosen otherwise."
    which = several if count > 1 else "The first text of the validation split."
    return f"<p>{which} {_colours_mean(contents)}{struck}</p>\n{_readings(contents, contents.shown)}"


def struck_mean(text: Text) -> str:
    """What it says of an answer that words were not chosen; nothing where all are read."""
    if text.dropped is None:
        return ""
    chosen = " Words that are struck out were left out by the likeliest choice"
    if text.silent is None:
        return f"{chosen}; the answer comes from the others alone."
    return (
        f"{chosen}, and are not read one by one. They still have a part in the answer, through the mean of all words "
        "and through the gate: what is chosen does not explain it."
    )


def _colours_mean(contents: TextContents) -> str:
    """What the ground of a word says."""
    text = contents.shown[0].texts[0]
    if text.weights is None:
        return "This encoder has no weights of tokens, so none is coloured."
    if text.sentences is not None:
        return (
            "At the left the weight of each sentence, p<sub>s</sub>; the ground of a word is √p<sub>s</sub> "
            "p<sub>w</sub>, so that the important words of unimportant sentences stay visible (Yang et al., 2016). The "
            "strongest colours are those of the largest values of a document."
        )
    encoder = getattr(contents.trained.experiment.agent, "encoder", None)
    kind = getattr(getattr(encoder, "pooling", None), "kind", "source2token")
    meaning = {
        "max": "the share of features whose maximum it holds",
        "mean": "the weight of the mean, the same for all",
        "source2token": "its weight in the pooling, the mean over features",
        "structured": "its weight, the mean over hops",
    }
    ground = meaning.get(kind, "its weight in the pooling")
    return f"The ground of a word is {ground}; the strongest colour is that of the largest value of a text."


def mistakes(contents: TextContents) -> str:
    """Wrong answers, the most confident first; or the scores that are farthest off."""
    total, listed = len(contents.found.true), _readings(contents, contents.mistakes)
    if contents.scores is not None:
        return f"<p>The {len(contents.mistakes)} farthest off of {total:,} validation texts.</p>\n{listed}"
    count = int(contents.found.wrong.sum())
    if not contents.mistakes:
        return f"<p>{count or 'None'} in {total:,} validation texts.</p>"
    which = "all of them" if len(contents.mistakes) == count else f"the {len(contents.mistakes)} most confident"
    return f"""<p>{count:,} of {total:,} validation texts ({100 * count / total:.2f} %) were answered wrongly; here are
{which}.{_commonest(contents)}</p>
{listed}"""


def _commonest(contents: TextContents) -> str:
    """Which classes are most often taken for which."""
    found, classes = contents.found, contents.classes
    pairs = Counter(zip(found.true[found.wrong].astype(int), found.given[found.wrong].astype(int), strict=True))
    common = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:3]
    said = (f"{escape(classes[one])} as {escape(classes[two])} ({count})" for (one, two), count in common)
    return f" Most often: {', '.join(said)}."


def pairs(contents: TextContents) -> str:
    """Which token read which, matrix by matrix."""
    what = (
        "forward each token reads those before it, backward those after it"
        if contents.directed
        else "a line of matrices is a layer, and each of them a head"
    )
    silent = any(text.silent is not None for one in contents.detailed for text in one.texts)
    struck = " Rows that are struck out were not chosen to read (heads), columns not to be read (dependents)." * silent
    return f"""<p>Each row is a token that reads, and each column one that is read; {what}. The strongest square is the
largest weight of its matrix, which is named above it.{struck}</p>
{_in_detail(contents, _pair_figures)}"""


def _pair_figures(text: Text) -> str:
    count = len(text.words)
    note = f"<p><small>The first {MOST_TOKENS} of {count} tokens.</small></p>" if count > MOST_TOKENS else ""
    lines = pair_drawings(text)
    if "forward" in text.pairs:
        lines = [[one for line in lines for one in line]]
    return note + "".join(_drawings(line, "Weights of pairs of tokens") for line in lines)


def hops(contents: TextContents) -> str:
    """Hop by hop, and their overlap."""
    return f"""<p>Each hop reads the text with weights of its own; the strongest colour is that of its largest one.
Where the matrix A Aᵀ is strong beside its diagonal, two hops read the same tokens.</p>
{_in_detail(contents, _hop_figures)}"""


def _hop_figures(text: Text) -> str:
    assert text.hops is not None
    lines = "".join(f'<li><p class="tokens">{token_line(text, weights)}</p></li>' for weights in text.hops)
    return f'<ol class="hops">{lines}</ol>\n{_scrolled(overlap_drawing(text), "Overlap of hops")}'


def masks(contents: TextContents) -> str:
    """What the encoder's tokens may read of each other."""
    size = contents.mask_size
    return f"""<p>Which tokens (columns) each token (a row) may read, of {size} real ones.</p>
{_drawings([mask_drawing(one, size) for one in contents.masks], "Mask")}"""


def _in_detail(contents: TextContents, figures: Callable[[Text], str]) -> str:
    """Figures of a few texts, with the answers above."""
    return "".join(
        f'<div class="detail"><h3>{answer(one, contents.classes)}</h3>{"".join(map(figures, one.texts))}</div>'
        for one in contents.detailed
    )


def _readings(contents: TextContents, accounts: list[Account]) -> str:
    return f'<div class="readings">{"".join(reading(one, contents.classes) for one in accounts)}</div>'


def _drawings(drawn: Sequence[Drawing], title: str) -> str:
    """Drawings side by side, a little smaller where more of them then have room."""
    wide = max(one.width for one in drawn)
    figures = "".join(f'<div class="scroll">{inline(one, title)}</div>' for one in drawn)
    return f'<div class="drawings" style="--wide:{0.85 * wide:.0f}px">{figures}</div>'


def _scrolled(drawing: Drawing, title: str) -> str:
    return f'<div class="scroll">{inline(drawing, title)}</div>'
