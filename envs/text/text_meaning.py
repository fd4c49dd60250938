"""What the numbers in a text environment's observations and answers mean."""

from typing import ClassVar, Self

from pydantic import Field

from glimpse.envs.labelled_meaning import LabelledMeaning
from glimpse.envs.meaning import Meaning


class TextMeaning(LabelledMeaning):
    """Meaning of texts and their labels.

    words: the vocabulary, in order.
    vector_width: length of the pretrained vectors, or None where there are none.
    without_vector: numbers of the words that have no pretrained vector.
    tokenizer: what divides texts into these words, in JSON; None where the task's options suffice.
    shapes: of a padded text, or of both of a pair: (words,), or (sentences, words).
    """

    uncompared: ClassVar[frozenset[str]] = frozenset({"shapes"})

    words: tuple[str, ...] = Field(description="words of the vocabulary")
    vector_width: int | None = Field(description="lengths of the word vectors")
    without_vector: tuple[int, ...] = Field(description="words without a vector")
    tokenizer: str | None = Field(None, description="tokenizers")
    shapes: tuple[tuple[int, ...], ...] = Field(description="shapes of texts")

    def continuing(self, earlier: Meaning) -> Meaning:
        """Return the meaning with all words that the earlier run knew, and after these the new ones of the data."""
        known = earlier.names().get("words", ())
        there = set(known)
        return self.model_copy(update={"words": (*known, *(word for word in self.words if word not in there))})

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the classes, or the levels of scores, and the words."""
        return {**super().names(), "words": self.words}

    def sized(self, sizes: dict[str, int]) -> Self:
        """Return the meaning with other numbers of classes, or levels, and words."""
        words = tuple(map(str, range(sizes["words"])))
        return super().sized(sizes).model_copy(update={"words": words, "without_vector": ()})


class SearchMeaning(TextMeaning):
    """Meaning of questions about documents, and of the documents' words.

    sentence_width: numbers of the vector of a sentence; None in runs of before.
    """

    uncompared: ClassVar[frozenset[str]] = frozenset({"shapes", "sentence_width"})

    sentence_width: int | None = Field(None, description="lengths of the sentences' vectors")


class SelectMeaning(TextMeaning):
    """Meaning of texts whose words are selected for a classifier, and what that has counted.

    class_counts: (C,), training texts of each class.
    word_counts: (1 or 2, C, V), occurrences of each word in the first and in the second training texts of each class.
    """

    class_counts: tuple[int, ...] = Field(description="numbers of training texts of the classes")
    word_counts: tuple[tuple[tuple[int, ...], ...], ...] = Field(description="counts of words in training texts")

    def continuing(self, earlier: Meaning) -> Meaning:
        """Return the meaning as it is: the words are those that were counted."""
        return self

    def sized(self, sizes: dict[str, int]) -> Self:
        """Return the meaning with other numbers of classes and words, whose counts are zeros."""
        none = ((0,) * sizes["words"],) * sizes["classes"]
        new = {"class_counts": (0,) * sizes["classes"], "word_counts": (none,) * len(self.word_counts)}
        return super().sized(sizes).model_copy(update=new)
