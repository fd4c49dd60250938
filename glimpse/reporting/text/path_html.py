"""Path of an agent through a store of sentences, as HTML: what it was offered at each step, and what it opened."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from glimpse.evaluation.store_paths import OfferedSentence, PathStep, StorePath, beginning
from glimpse.reporting.html_parts import ShownAnswer
from glimpse.reporting.html_templates import render

_LETTERS = 240
"""Most letters of a sentence that are shown."""


_NAMES = {
    "probability": "probability of opening",
    "cosine": "cosine with the query",
    "attention": "weight of soft attention, which reads all candidates and opens none",
}


class ShownSentence(NamedTuple):
    """Sentence of a step: its text and title, where it stands, its weight, and that as a share of a bar's length."""

    text: str
    title: str
    where: str
    weight: str
    length: str
    marked: bool
    opened: bool


class ShownStep(NamedTuple):
    """Step: its sentences, a note on those left out, the probability of answering, and what was believed."""

    sentences: list[ShownSentence]
    note: str
    answers: str
    length: str
    ends: bool
    belief: str


class ShownPath(NamedTuple):
    """Path: the question, the steps, the answer, and a line on the evidence."""

    question: str
    steps: list[ShownStep]
    answer: ShownAnswer
    evidence: str
    weight_name: str


def path_figure(path: StorePath, classes: Sequence[str]) -> Markup:
    """Return a path with the answer below."""
    last = len(path.steps) - 1
    steps = [_step(step, classes, number == last) for number, step in enumerate(path.steps)]
    shown = ShownPath(path.question, steps, path_answer(path, classes), _evidence(path), _NAMES[path.weights])
    return render("store_path.html", path=shown)


def path_answer(path: StorePath, classes: Sequence[str]) -> ShownAnswer:
    """Return the answer, its probability and, if it is wrong, the right one."""
    answered, sure = classes[path.answered], f"{100 * path.belief[path.answered]:.0f} %"
    if path.label is None or path.answered == path.label:
        return ShownAnswer(answered, sure)
    return ShownAnswer(answered, sure, classes[path.label], wrong=True)


def _evidence(path: StorePath) -> str:
    """Return what of the evidence was opened, in words; "" where none is known."""
    if not path.marked:
        return ""
    opened = len(path.opened)
    found = "complete" if path.complete else "not complete"
    return f"evidence {found} with {opened} opened sentence{'' if opened == 1 else 's'}"


def _step(step: PathStep, classes: Sequence[str], ends: bool) -> ShownStep:
    likeliest = int(step.belief.argmax())
    note = f"and {step.left_out:,} more that are less likely" if step.left_out else ""
    return ShownStep(
        [_sentence(one) for one in step.offered],
        note,
        f"{step.answers:.2f}",
        f"{100 * step.answers:.0f}%",
        ends,
        f"{classes[likeliest]} {100 * step.belief[likeliest]:.0f} %",
    )


def _sentence(one: OfferedSentence) -> ShownSentence:
    shown = beginning(one.sentence.text, _LETTERS)
    return ShownSentence(
        f"{shown} {one.cut}".rstrip(),
        one.sentence.title,
        f"{one.sentence.file}:{one.sentence.line}" if one.sentence.file else "",
        f"{one.weight:.2f}",
        f"{100 * min(1.0, max(0.0, one.weight)):.0f}%",
        one.marked,
        one.opened,
    )
