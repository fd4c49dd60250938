"""Sections of the report that show texts, as HTML: answers, texts, mistakes, token pairs, hops and masks."""

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape

from glimpse.agents.abilities import pooling_kind
from glimpse.reporting.drawing.svg import Drawing, inline_svg, matrix, scatter
from glimpse.reporting.text.accounts import Account, Text
from glimpse.reporting.text.mask_drawing import mask_drawing
from glimpse.reporting.text.text_contents import TextContents
from glimpse.reporting.text.text_survey import confusion, label_counts
from glimpse.reporting.text.token_drawings import MOST_TOKENS, overlap_drawing, pair_drawings
from glimpse.reporting.text.token_html import answer_html, text_figure, token_line

_NUMBERED = 12
"""Maximum number of classes for which the confusion matrix has numbers."""


def answers_drawing(contents: TextContents) -> Drawing:
    """Draw the confusion matrix, or how often labels are given, or predicted scores over true ones."""
    found, classes = contents.found, contents.classes
    if contents.scores is not None:
        return scatter(found.true, found.given, *contents.scores, side=360)
    if found.true.ndim > 1:
        counts = label_counts(found)
        shares = counts / counts.sum(1, keepdims=True).clip(1)
        return matrix(shares, classes, ("given rightly", "left out wrongly", "given wrongly"), 44, numbers=counts)
    counts = confusion(found, len(classes))
    of_row = counts / counts.sum(1, keepdims=True).clip(1)
    few = len(classes) <= _NUMBERED
    return matrix(of_row, classes, classes, 38 if few else 14, numbers=counts if few else None)


def answers_body(contents: TextContents) -> str:
    """Return the HTML of the confusion matrix or of the scores, with an explanation."""
    total = f"{len(contents.found.true):,} validation texts"
    of_labels = f"{total}. How often each label is given rightly, left out wrongly and given wrongly."
    caption = (
        f"Predicted over true scores of {total}; on the diagonal they are equal."
        if contents.scores is not None
        else of_labels
        if contents.found.true.ndim > 1
        else f"{total}. A row is a true class, a column an answer; the shade is the share of the row."
    )
    return f"<p>{caption}</p>\n{_scrolled(answers_drawing(contents), 'Answers on the validation split')}"


def texts_body(contents: TextContents) -> str:
    """Return the HTML of texts spread evenly over the split, with their attention weights."""
    count, first = len(contents.shown), contents.shown[0].texts[0]
    struck = struck_words_note(first)
    struck += " Underlined words are the human rationale." if first.human_rationale is not None else ""
    several = f"{count} texts, spread evenly over the validation split and not selected otherwise."
    which = several if count > 1 else "The first text of the validation split."
    return f"<p>{which} {_colours_note(contents)}{struck}</p>\n{_text_figures(contents, contents.shown)}"


def struck_words_note(text: Text) -> str:
    """Return what struck-out words mean for the answer; empty if all words are read."""
    if text.dropped is None:
        return ""
    chosen = " Words that are struck out are not in the greedy selection"
    if text.silent is None:
        return f"{chosen}; the answer comes from the others alone."
    return (
        f"{chosen}. They still contribute to the answer, through the mean of all words and through the gate: the "
        "selection does not explain the answer."
    )


def _colours_note(contents: TextContents) -> str:
    """Return what the background of a word means."""
    text = contents.shown[0].texts[0]
    if text.weights is None:
        return "This encoder has no weights of tokens, so no word is coloured."
    if text.sentences is not None:
        return (
            "At the left is the weight of each sentence, p<sub>s</sub>; the background of a word is √p<sub>s</sub> "
            "p<sub>w</sub>, so that the important words of unimportant sentences stay visible (Yang et al., 2016). The "
            "strongest colours are those of the largest values of a document."
        )
    kind = pooling_kind(contents.trained.experiment.agent) or "source2token"  # As DiSAN's encoder pools.
    meaning = {
        "max": "the share of features whose maximum it holds",
        "mean": "the weight of the mean, the same for all",
        "source2token": "its weight in the pooling, the mean over features",
        "structured": "its weight, the mean over hops",
    }
    strength = meaning.get(kind, "its weight in the pooling")
    return f"The background of a word is {strength}; the strongest colour is that of the largest value of a text."


def text_mistakes_body(contents: TextContents) -> str:
    """Return the HTML of wrong answers, the most confident first, or of scores with the largest errors."""
    total, listed = len(contents.found.true), _text_figures(contents, contents.mistakes)
    if contents.scores is not None:
        return f"<p>The {len(contents.mistakes)} largest errors of {total:,} validation texts.</p>\n{listed}"
    count = int(contents.found.wrong.sum())
    if not contents.mistakes:
        return f"<p>{count or 'None'} in {total:,} validation texts.</p>"
    which = "all of them" if len(contents.mistakes) == count else f"the {len(contents.mistakes)} most confident"
    return f"""<p>{count:,} of {total:,} validation texts ({100 * count / total:.2f} %) were answered wrongly; here are
{which}.{_confusions(contents)}</p>
{listed}"""


def _confusions(contents: TextContents) -> str:
    """Return the most frequent confusions in words."""
    found, classes = contents.found, contents.classes
    if found.true.ndim > 1:
        return ""
    pairs = Counter(zip(found.true[found.wrong].astype(int), found.given[found.wrong].astype(int), strict=True))
    common = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:3]
    answered = (f"{escape(classes[true])} as {escape(classes[answer])} ({count})" for (true, answer), count in common)
    return f" Most often: {', '.join(answered)}."


def pairs_body(contents: TextContents) -> str:
    """Return the HTML of attention weights between tokens, matrix by matrix."""
    what = (
        "forward each token attends to earlier ones, backward to later ones"
        if contents.directed
        else "a line of matrices is a layer, and each of them a head"
    )
    silent = any(text.silent is not None for one in contents.detailed for text in one.texts)
    struck = " Rows that are struck out are not selected as heads, columns not as dependents." * silent
    return f"""<p>A row is a token that attends, a column one that is attended to; {what}. The darkest square has the
largest weight of its matrix, which is given above it.{struck}</p>
{_in_detail(contents, _pair_figures)}"""


def _pair_figures(text: Text) -> str:
    """Return the matrices of token pairs of one text, with a note if it is cut."""
    count = len(text.words)
    note = f"<p><small>The first {MOST_TOKENS} of {count} tokens.</small></p>" if count > MOST_TOKENS else ""
    lines = pair_drawings(text)
    if "forward" in text.pairs:
        lines = [[one for line in lines for one in line]]
    return note + "".join(_side_by_side_svg(line, "Weights of pairs of tokens") for line in lines)


def hops_body(contents: TextContents) -> str:
    """Return the HTML of each hop, and of their overlap."""
    return f"""<p>Each hop has weights of its own; the strongest colour is that of its largest weight.
Where the matrix A Aᵀ is large off its diagonal, two hops attend to the same tokens.</p>
{_in_detail(contents, _hop_figures)}"""


def _hop_figures(text: Text) -> str:
    """Return the hops of one text and their overlap."""
    assert text.hops is not None
    lines = "".join(f'<li><p class="tokens">{token_line(text, weights)}</p></li>' for weights in text.hops)
    return f'<ol class="hops">{lines}</ol>\n{_scrolled(overlap_drawing(text), "Overlap of hops")}'


def masks_body(contents: TextContents) -> str:
    """Return the HTML of the encoder's attention masks."""
    size = contents.mask_size
    return f"""<p>Which tokens (columns) each token (row) may attend to, for {size} tokens without padding.</p>
{_side_by_side_svg([mask_drawing(one, size) for one in contents.masks], "Mask")}"""


def _in_detail(contents: TextContents, figures: Callable[[Text], str]) -> str:
    """Return figures of the detailed texts, with the answers above."""
    return "".join(
        f'<div class="detail"><h3>{answer_html(one, contents.classes)}</h3>{"".join(map(figures, one.texts))}</div>'
        for one in contents.detailed
    )


def _text_figures(contents: TextContents, accounts: list[Account]) -> str:
    """Return figures of texts with their answers."""
    return f'<div class="readings">{"".join(text_figure(one, contents.classes) for one in accounts)}</div>'


def _side_by_side_svg(drawn: Sequence[Drawing], title: str) -> str:
    """Return drawings side by side, slightly smaller if more of them fit then."""
    wide = max(one.width for one in drawn)
    figures = "".join(f'<div class="scroll">{inline_svg(one, title)}</div>' for one in drawn)
    return f'<div class="drawings" style="--wide:{0.85 * wide:.0f}px">{figures}</div>'


def _scrolled(drawing: Drawing, title: str) -> str:
    return f'<div class="scroll">{inline_svg(drawing, title)}</div>'
