"""Predictions for questions about documents."""

from dataclasses import dataclass, field
from typing import Any

from glimpse.envs.text.row_faults import shorten
from glimpse.evaluation.store_paths import beginning, cut_of
from glimpse.inference.predictions import LabelPrediction

_LETTERS = 500
"""Most letters of a sentence that are shown."""


@dataclass(frozen=True)
class OpenedSentence:
    """Sentence that an agent opened.

    text: as it is written. title: of its document. file, line: where it begins; of a PDF its page.
    probability: of opening it, of all that could be done.
    words: how many words it has, marks among them. words_read: how many of them, the first ones, were read.
    """

    text: str
    title: str
    file: str
    line: int
    probability: float
    words: int
    words_read: int

    @property
    def shown(self) -> str:
        """Its file, line and the beginning of its text, and how much of it was read if that is not all."""
        return _shown(self)


@dataclass(frozen=True)
class AttendedSentence:
    """Sentence that soft attention read.

    text, title, file, line, words, words_read: as those of `OpenedSentence`.
    weight: soft attention's, of all that it read.
    """

    text: str
    title: str
    file: str
    line: int
    weight: float
    words: int
    words_read: int

    @property
    def shown(self) -> str:
        """What is shown of an `OpenedSentence`, behind its weight."""
        return f"{self.weight:.2f}\t{_shown(self)}"


def _shown(one: OpenedSentence | AttendedSentence) -> str:
    """Return a sentence in one line: marks that would break lines or columns are escaped in its file's name."""
    file = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in one.file)
    return f"{file}:{one.line}\t{beginning(one.text, _LETTERS)} {cut_of(one.words_read, one.words)}".rstrip()


@dataclass(frozen=True)
class UnknownWords:
    """Words of a folder that a run does not know.

    unknown: how many different ones. different: how many different words the folder has. share: of all of its words.
    """

    unknown: int
    different: int
    share: float


@dataclass(frozen=True)
class QuestionWords:
    """Words of a question, marks among them, as a run reads them.

    words: how many the question has. words_read: how many of them, the first ones, are read.
    unknown: those read that the run does not know.
    """

    words: int
    words_read: int
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class QuestionPrediction(LabelPrediction):
    """Answer to a question about documents, and what the agent opened.

    question: the question.
    opened: the opened sentences, in order.
    attended: those that soft attention weighted most, the heaviest first; none for an agent that opens.
    unknown_words: words of the folder that the run does not know.
    question_words: words of the question, and which of them the run reads and knows.
    page: the path through the documents as HTML.
    """

    question: str
    opened: tuple[OpenedSentence, ...]
    attended: tuple[AttendedSentence, ...]
    unknown_words: UnknownWords
    question_words: QuestionWords
    page: str = field(repr=False)

    def cells(self) -> dict[str, Any]:
        """Return the answer, its probability, and where each sentence stands that was opened, or read most."""
        opened = [f"{one.file}:{one.line}" for one in self.opened]
        attended = [f"{one.file}:{one.line}" for one in self.attended]
        return {**self.answer_cells(), "opened": opened, "attended": attended}

    def lines_below(self) -> list[str]:
        """Return the sentences that were opened, or that soft attention read most, each with its file and line."""
        shown = [one.shown for one in self.opened] + [one.shown for one in self.attended]
        return shown or ["(opened nothing)"]

    def notes(self) -> list[str]:
        """Return which words of the folder and of the question are unknown, and which are not read."""
        words, asked, name = self.unknown_words, self.question_words, shorten(self.question)
        lines = []
        if words.unknown:
            share = "less than 1" if 0 < words.share <= 0.005 else f"{100 * words.share:.0f}"
            lines.append(
                f"note: the run does not know {words.unknown:,} of the folder's {words.different:,} different words, "
                f"{share} % of its text"
            )
        if asked.words_read < asked.words:
            lines.append(
                f"note: the question {name} has {asked.words:,} words and marks, and the agent reads the first "
                f"{asked.words_read:,} (task.max_question)"
            )
        if asked.unknown:
            lines.append(f"note: the run does not know these words of the question {name}: {', '.join(asked.unknown)}")
        return lines

    def _repr_html_(self) -> str:
        """Return the path and the answer, for notebooks."""
        return self.page
