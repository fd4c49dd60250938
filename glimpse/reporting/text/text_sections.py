"""Sections of the report that show texts, as HTML: answers, texts, mistakes, token pairs, hops and masks."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup

from glimpse.agents.ability_questions import pooling_kind
from glimpse.reporting.drawing.matrix_words import confusion_words, weights_words
from glimpse.reporting.drawing.svg import Drawing, inline_svg, matrix, scatter
from glimpse.reporting.html_templates import render
from glimpse.reporting.text.accounts import Account, Text
from glimpse.reporting.text.mask_drawing import formula, mask_drawing
from glimpse.reporting.text.text_contents import TextContents
from glimpse.reporting.text.text_survey import confusion, label_counts
from glimpse.reporting.text.token_drawings import MOST_TOKENS, overlap_drawing, pair_drawings
from glimpse.reporting.text.token_html import account_answer, text_figure, token_line

_NUMBERED = 12
"""Maximum number of classes for which the confusion matrix has numbers."""
_LABEL_COUNTS = ("given rightly", "left out wrongly", "given wrongly")


def answers_drawing(contents: TextContents) -> Drawing:
    """Draw the confusion matrix, or how often labels are given, or predicted scores over true ones."""
    found, classes = contents.found, contents.classes
    if contents.scores is not None:
        low, high = contents.scores
        # Predicted scores may lie beyond the true ones.
        ends = min(low, float(found.given.min())), max(high, float(found.given.max()))
        return scatter(found.true, found.given, *ends, side=360)
    if found.true.ndim > 1:
        counts = label_counts(found)
        shares = counts / counts.sum(1, keepdims=True).clip(1)
        return matrix(shares, classes, _LABEL_COUNTS, 44, numbers=counts)
    counts = confusion(found, len(classes))
    of_row = counts / counts.sum(1, keepdims=True).clip(1)
    few = len(classes) <= _NUMBERED
    return matrix(of_row, classes, classes, 38 if few else 14, numbers=counts if few else None)


def answers_words(contents: TextContents) -> str:
    """Return what is seen in the drawing of the answers."""
    found, classes = contents.found, contents.classes
    what = f"Answers on the validation split{contents.mode}."
    if contents.scores is not None:
        r = float(np.corrcoef(found.true, found.given)[0, 1]) if np.ptp(found.true) and np.ptp(found.given) else 0.0
        return f"{what} Predicted over true scores, a dot for each text; the correlation of both is {r:.2f}."
    if found.true.ndim > 1:
        counts = zip(label_counts(found).sum(0).tolist(), _LABEL_COUNTS, strict=True)
        return f"{what} Labels: {', '.join(f'{count:,} {name}' for count, name in counts)}."
    return f"{what} {confusion_words(confusion(found, len(classes)), classes)}"


def answers_body(contents: TextContents) -> Markup:
    """Return the HTML of the confusion matrix or of the scores, with an explanation."""
    total = f"{len(contents.found.true):,} validation texts{contents.mode}"
    of_labels = f"{total}. How often each label is given rightly, left out wrongly and given wrongly."
    caption = (
        f"Predicted over true scores of {total}; on the diagonal they are equal."
        if contents.scores is not None
        else of_labels
        if contents.found.true.ndim > 1
        else f"{total}. A row is a true class, a column an answer; the shade is the share of the row."
    )
    drawn = Markup(inline_svg(answers_drawing(contents), answers_words(contents)))
    return render("captioned_drawing.html", caption=caption, svg=drawn, what="Answers")


def texts_body(contents: TextContents) -> Markup:
    """Return the HTML of texts spread evenly over the split, with their attention weights."""
    count, first = len(contents.shown), contents.shown[0].texts[0]
    several = f"{count} texts, spread evenly over the validation split and not selected otherwise."
    which = several if count > 1 else "The first text of the validation split."
    divided = first.weights is not None and first.sentences is not None
    return render(
        "readings.html",
        which=f"{which}{contents.fewer_note}",
        divided=divided,
        colours="" if divided else _colours_note(contents),
        struck=f"{struck_words_note(first)}{_rationale_note(first)}{_unknown_note(contents.shown)}",
        figures=_text_figures(contents, contents.shown),
    )


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


def _rationale_note(text: Text) -> str:
    """Return what underlined words are; empty if there are none."""
    if text.human_rationale is None:
        return ""
    known = text.rationale_name == "known rationale"
    why = ": the texts are generated, so it is known which words determine the class" if known else ""
    return f" Underlined words are the {text.rationale_name}{why}."


def _unknown_note(shown: Sequence[Account]) -> str:
    """Return what a dotted line is; empty if no shown text has unknown words."""
    unknown = any(text.unknown.any() for one in shown for text in one.texts)
    return " A dotted line marks words that are not in the vocabulary: all of them are the same to the agent." * unknown


def _colours_note(contents: TextContents) -> str:
    """Return what the background of a word means, where texts are not divided into sentences."""
    text = contents.shown[0].texts[0]
    if text.weights is None:
        return "This encoder has no weights of tokens, so no word is coloured."
    kind = pooling_kind(contents.trained.experiment.agent) or "source2token"  # As DiSAN's encoder pools.
    meaning = {
        "max": "the share of features whose maximum it holds",
        "mean": "the weight of the mean, the same for all",
        "source2token": "its weight in the pooling, the mean over features",
        "structured": "its weight, the mean over hops",
    }
    strength = meaning.get(kind, "its weight in the pooling")
    return f"The background of a word is {strength}; the strongest colour is that of the largest value of a text."


def text_mistakes_body(contents: TextContents) -> Markup:
    """Return the HTML of wrong answers, the most confident first, or of scores with the largest errors."""
    figures = _text_figures(contents, contents.mistakes)
    return render("some_texts.html", sentence=_mistakes_sentence(contents), figures=figures)


def _mistakes_sentence(contents: TextContents) -> str:
    """Return how many mistakes there are, and which of them are shown."""
    shown, total = len(contents.mistakes), len(contents.found.true)
    mode = "Greedy: " if contents.mode else ""
    if contents.scores is not None:
        return f"{mode}the {shown} largest errors of {total:,} validation texts."
    count = int(contents.found.wrong.sum())
    if not shown:
        return f"{mode}{f'{count:,}' if count else 'none'} in {total:,} validation texts."
    which = "all of them" if shown == count else f"the {shown} most confident"
    often = _confusions(contents)
    return f"{mode}{count:,} of {total:,} validation texts were answered wrongly; here are {which}.{often}"


def _confusions(contents: TextContents) -> str:
    """Return the most frequent confusions in words."""
    found, classes = contents.found, contents.classes
    if found.true.ndim > 1:
        return ""
    pairs = Counter(zip(found.true[found.wrong].astype(int), found.given[found.wrong].astype(int), strict=True))
    common = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:3]
    answered = (f"{classes[true]} as {classes[answer]} ({count})" for (true, answer), count in common)
    return f" Most often: {', '.join(answered)}."


def pairs_body(contents: TextContents) -> Markup:
    """Return the HTML of attention weights between tokens, matrix by matrix."""
    what = (
        "forward each token attends to earlier ones, backward to later ones"
        if contents.directed
        else "a line of matrices is a layer, and each of them a head"
    )
    silent = any(text.silent is not None for one in contents.detailed for text in one.texts)
    struck = " Rows that are struck out are not selected as heads, columns not as dependents." * silent
    caption = (
        f"A row is a token that attends, a column one that is attended to; {what}. The darkest square has the largest "
        f"weight of its matrix, which is given above it.{struck}"
    )
    return _in_detail(contents, caption, _pair_figures)


def _pair_figures(text: Text) -> Markup:
    """Return the matrices of token pairs of one text, with a note if it is cut."""
    count = len(text.words)
    lines, words = pair_drawings(text), pair_words(text)
    if "forward" in text.pairs:
        lines = [[one for line in lines for one in line]]
    note = f"The first {MOST_TOKENS} of {count} tokens." if count > MOST_TOKENS else ""
    svgs = Markup("").join(side_by_side_svg(line, words) for line in lines)
    return render("pair_figures.html", note=note, svgs=svgs)


def pair_words(text: Text) -> str:
    """Return what is seen in the matrices of token pairs of a text: the largest weights of their mean."""
    mean = np.mean([heads.mean(0) for heads in text.pairs.values()], 0)
    return f"Weights of pairs of tokens, their mean over the matrices: {weights_words(mean, text.words, text.words)}"


def hops_body(contents: TextContents) -> Markup:
    """Return the HTML of each hop, and of their overlap."""
    caption = (
        "Each hop has weights of its own; the strongest colour is that of its largest weight. Where the matrix A Aᵀ is "
        "large off its diagonal, two hops attend to the same tokens."
    )
    return _in_detail(contents, caption, _hop_figures)


def _hop_figures(text: Text) -> Markup:
    """Return the hops of one text and their overlap."""
    assert text.hops is not None
    lines = [token_line(text, weights) for weights in text.hops]
    svg = Markup(inline_svg(overlap_drawing(text), overlap_words(text)))
    return render("hop_figures.html", lines=lines, svg=svg)


def overlap_words(text: Text) -> str:
    """Return what is seen in the matrix of the overlap of hops."""
    assert text.hops is not None
    names = [f"hop {number}" for number in range(1, len(text.hops) + 1)]
    return f"Overlap of hops, A times A transposed: {weights_words(text.hops @ text.hops.T, names, names)}"


def masks_body(contents: TextContents) -> Markup:
    """Return the HTML of the encoder's attention masks."""
    size = contents.mask_size
    names = ", ".join(formula(one) for one in contents.masks)
    svgs = side_by_side_svg([mask_drawing(one, size) for one in contents.masks], f"Masks of {size} tokens: {names}.")
    caption = f"Which tokens (columns) each token (row) may attend to, for {size} tokens without padding."
    return render("masks.html", caption=caption, svgs=svgs)


def _in_detail(contents: TextContents, caption: str, figures: Callable[[Text], Markup]) -> Markup:
    """Return figures of the detailed texts, with the answers above."""
    details = [
        (account_answer(one, contents.classes), [figures(text) for text in one.texts]) for one in contents.detailed
    ]
    return render("in_detail.html", caption=caption, details=details)


def _text_figures(contents: TextContents, accounts: list[Account]) -> list[Markup]:
    """Return figures of texts with their answers."""
    return [text_figure(one, contents.classes, contents.most_words) for one in accounts]


def side_by_side_svg(drawn: Sequence[Drawing], words: str) -> Markup:
    """Return drawings side by side, slightly smaller if more of them fit then; `words` say what is seen in them."""
    wide = max(one.width for one in drawn)
    svgs = [Markup(inline_svg(one, words)) for one in drawn]
    return render("side_by_side.html", wide=f"{0.85 * wide:.0f}", svgs=svgs)
