"""Texts in the terminal: the answer, and words with their attention weights as colours or numbers."""

import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text as Line

from glimpse.reporting.drawing.scanpaths import blend
from glimpse.reporting.drawing.svg import printable
from glimpse.reporting.text.accounts import Account, Text
from glimpse.reporting.text.token_drawings import relative_weights

_SHOWN = 5
"""Number of classes whose probability is printed; one more is printed too."""
_BAR = 24
_NOTHING = 0.02
"""Share of the largest weight below which a word has no background."""

Colour = tuple[int, int, int]
_ON_DARK: dict[str, tuple[Colour, ...]] = {
    "heat": ((38, 50, 54), (0, 95, 105), (0, 160, 172), (95, 228, 236)),
    "word": ((38, 46, 62), (22, 66, 150), (46, 118, 225), (140, 195, 255)),
    "sentence": ((58, 40, 40), (120, 30, 30), (205, 60, 52), (255, 150, 138)),
}
_ON_LIGHT: dict[str, tuple[Colour, ...]] = {
    "heat": ((232, 243, 244), (150, 218, 226), (44, 160, 174), (0, 88, 100)),
    "word": ((233, 239, 249), (160, 196, 246), (56, 122, 220), (16, 60, 140)),
    "sentence": ((250, 236, 234), (246, 170, 160), (212, 84, 74), (130, 24, 24)),
}
_OF_256: dict[str, tuple[int, ...]] = {
    "heat": (236, 23, 30, 37, 44, 51),
    "word": (236, 18, 25, 32, 75, 117),
    "sentence": (236, 52, 88, 124, 203, 210),
}
"""Background colours from weak to strong: for dark and light terminals, and for terminals with 256 colours."""


def print_account(one: Account, classes: Sequence[str], scores: tuple[float, float] | None) -> None:
    """Print the answer, and each text with its attention weights.

    Weights are colours in a terminal; elsewhere, or if NO_COLOR is set, they are numbers below the words.

    Args:
        one: the text or pair of texts.
        classes: names of the classes.
        scores: lowest and highest score, if the answer is a score.
    """
    console = Console(highlight=False)
    _print_answer(one, classes, scores)
    coloured = console.is_terminal and not console.no_color and console.color_system is not None
    for number, text in enumerate(one.texts, 1):
        print()
        if len(one.texts) > 1:
            print(f"text {number}")
        if coloured:
            _print_colours(console, text)
        else:
            for line in plain_lines(text, console.width):
                print(line)
        for line in _legend_lines(text, coloured):
            print(line)


def _print_answer(one: Account, classes: Sequence[str], scores: tuple[float, float] | None) -> None:
    """Print the score, or the likeliest classes or labels with their probabilities."""
    if one.score is not None:
        low, high = scores or (0.0, 1.0)
        print(f"score {one.score:.3f}, from {low:g} to {high:g}")
        return
    count = len(one.belief) if len(one.belief) <= _SHOWN + 1 else _SHOWN
    likeliest = (-one.belief).argsort(kind="stable")[:count].tolist()
    width = max(cell_len(classes[number]) for number in likeliest)
    if one.many:
        print(f"labels: {one.named(one.given, classes)} (those of a probability above 0.5)")
    else:
        print(f"answer {classes[one.answered]}, probability {one.belief[one.answered]:.3f}")
    for number in likeliest:
        bar = encodable("█" * round(_BAR * float(one.belief[number])), "#")
        gap = " " * (width - cell_len(classes[number]))
        print(f"  {classes[number]}{gap}  {one.belief[number]:.3f}  {bar}".rstrip())
    rest = len(one.belief) - len(likeliest)
    if rest and one.many:
        print(f"  {rest} others  at most {np.sort(one.belief)[rest - 1]:.3f}")
    elif rest:
        print(f"  {rest} others  {1 - float(one.belief[likeliest].sum()):.3f}")


def encodable(text: str, instead: str) -> str:
    """Return the text, or as many letters `instead` if the output's encoding lacks it."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return instead * len(text)
    return text


def _print_colours(console: Console, text: Text) -> None:
    """Print words on coloured backgrounds; of documents a line for each sentence, with its weight in another colour."""
    kind = "word" if text.sentences is not None else "heat"
    strengths = None if text.colour is None else relative_weights(text.colour)
    for number, (begin, end) in enumerate(text.bounds):
        lead = Line()
        if text.sentences is not None:
            share = relative_weights(text.sentences)[number]
            weight = f" {text.sentences[number]:.2f} "
            lead = Line().append(weight, background(console, share, "sentence")).append("  ")
        for row, some in enumerate(
            _wrapped([_marked_word(text, at) for at in range(begin, end)], console.width - len(lead))
        ):
            line = Line(" " * len(lead)) if row else lead.copy()
            for position, at in enumerate(some):
                behind = Style() if strengths is None else background(console, strengths[begin + at], kind)
                marks = Style(underline=bool(text.unknown[begin + at]), strike=_is_dropped(text, begin + at))
                line.append(" " if position else "").append(_marked_word(text, begin + at), behind + marks)
            console.print(line, soft_wrap=True)
    if text.colour is not None:
        scale = Line("0 ")
        for step in range(12):
            scale.append("  ", background(console, step / 11, kind))
        console.print(scale.append(f" {text.colour.max(initial=0.0):.3f}  {_meaning(text)}"))


def background(console: Console, share: float, kind: str) -> Style:
    """Return the style of letters on a background whose strength is `share` in [0, 1]."""
    if share < _NOTHING:
        return Style()
    if console.color_system != "truecolor":
        ramp = _OF_256[kind]
        level = round(share * (len(ramp) - 1))
        return Style(color="black" if level > len(ramp) // 2 else "bright_white", bgcolor=f"color({ramp[level]})")
    stops = np.array((_ON_LIGHT if _is_light() else _ON_DARK)[kind], np.float32)
    red, green, blue = blend(stops, np.array(share, np.float32)).round().astype(int).tolist()
    bright = 0.3 * red + 0.59 * green + 0.11 * blue > 130
    return Style(color="#000000" if bright else "#ffffff", bgcolor=f"rgb({red},{green},{blue})")


def _is_light() -> bool:
    """Return whether the terminal reports a light background; few terminals report anything."""
    return os.environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")


def plain_lines(text: Text, width: int) -> Iterator[str]:
    """Yield lines of words with their weights below; in documents each sentence starts with its weight."""
    for number, (begin, end) in enumerate(text.bounds):
        lead = "" if text.sentences is None else f"{text.sentences[number]:.3f}  "
        words = [_marked_word(text, at) for at in range(begin, end)]
        values = ["" if text.colour is None else f"{text.colour[at]:.3f}" for at in range(begin, end)]
        columns = [max(word, value, key=cell_len) for word, value in zip(words, values, strict=True)]
        for row, some in enumerate(_wrapped(columns, width - len(lead))):
            wide = [cell_len(columns[at]) for at in some]
            yield (" " * len(lead) if row else lead) + _aligned([words[at] for at in some], wide)
            if text.colour is not None:
                yield " " * len(lead) + _aligned([values[at] for at in some], wide)


def _aligned(values: Sequence[str], wide: Sequence[int]) -> str:
    """Return values in columns of given widths."""
    return " ".join(value + " " * (room - cell_len(value)) for value, room in zip(values, wide, strict=True)).rstrip()


def _wrapped(columns: Sequence[str], width: int) -> Iterator[list[int]]:
    """Yield rows of column indices, no wider than `width` unless a single column is."""
    row, used = list[int](), 0
    for number, column in enumerate(columns):
        wide = cell_len(column)
        if row and used + wide > width:
            yield row
            row, used = [], 0
        row.append(number)
        used += wide + 1
    if row:
        yield row


def _marked_word(text: Text, at: int) -> str:
    """Return a word, in brackets if it is unknown, between tildes if it was dropped."""
    word = printable(text.words[at])
    word = f"[{word}]" if text.unknown[at] else word
    return f"~{word}~" if _is_dropped(text, at) else word


def _is_dropped(text: Text, at: int) -> bool:
    """Return whether the agent selected not to read a word."""
    return text.dropped is not None and bool(text.dropped[at])


def _meaning(text: Text) -> str:
    """Return what the numbers of words are."""
    if text.sentences is not None:
        return "sqrt(sentence weight) x word weight"
    return "mean weight over hops" if text.hops is not None else "weight"


def _legend_lines(text: Text, coloured: bool) -> Iterator[str]:
    """Yield notes that explain numbers, brackets and tildes."""
    if text.weights is None and text.dropped is not None:
        yield f"{(~text.dropped).sum()} of {len(text.words)} words were read"
    elif text.weights is None:
        yield "this encoder has no weights of tokens"
    elif not coloured:
        yield f"below each word: {_meaning(text)}"
    if text.unknown.any():
        yield "in brackets: unknown words; all of them have the same embedding"
    if text.dropped is not None and text.dropped.any():
        left = "that the selector left out" if text.weights is not None else "that were not read"
        yield f"between tildes: words {left}, {100 * text.dropped.mean():.0f} % of them"
