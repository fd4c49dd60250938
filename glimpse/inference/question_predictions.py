"""Predictions for questions about documents."""

from dataclasses import dataclass, field
from typing import Any

from glimpse.inference.predictions import LabelPrediction


@dataclass(frozen=True)
class OpenedSentence:
    """Sentence that an agent opened.

    text: as it is written. title: of its document. file, line: where it begins; of a PDF its page.
    probability: of opening it, of all that could be done.
    """

    text: str
    title: str
    file: str
    line: int
    probability: float


@dataclass(frozen=True)
class UnknownWords:
    """Words of a folder that a run does not know.

    unknown: how many different ones. different: how many different words the folder has. share: of all of its words.
    """

    unknown: int
    different: int
    share: float


@dataclass(frozen=True)
class QuestionPrediction(LabelPrediction):
    """Answer to a question about documents, and what the agent opened.

    question: the question.
    opened: the opened sentences, in order.
    unknown_words: words of the folder that the run does not know.
    page: the path through the documents as HTML.
    """

    question: str
    opened: tuple[OpenedSentence, ...]
    unknown_words: UnknownWords
    page: str = field(repr=False)

    def cells(self) -> dict[str, Any]:
        """Return the answer, its probability, and where each opened sentence stands."""
        return {**self.answer_cells(), "opened": [f"{one.file}:{one.line}" for one in self.opened]}

    def lines_below(self) -> list[str]:
        """Return the opened sentences, each with its file and line."""
        return [f"{one.file}:{one.line}\t{one.text}" for one in self.opened]

    def note(self) -> str:
        """Return how many words of the folder are unknown; "" if none are."""
        words = self.unknown_words
        if not words.unknown:
            return ""
        return (
            f"note: the run does not know {words.unknown:,} of the folder's {words.different:,} different words, "
            f"{100 * words.share:.0f} % of its text"
        )

    def _repr_html_(self) -> str:
        """Return the path and the answer, for notebooks."""
        return self.page
