"""What the numbers in a text environment's observations and answers mean."""

from typing import ClassVar

from pydantic import Field

from glimpse.envs.meaning import Meaning


class TextMeaning(Meaning):
    """Meaning of texts and their labels.

    scores: the lowest and the highest score, or None where labels are classes.
    words: the vocabulary, in order.
    vector_width: length of the pretrained vectors, or None where there are none.
    without_vector: numbers of the words that have no pretrained vector.
    tokenizer: what divides texts into these words, in JSON; None where the task's options suffice.
    shapes: of a padded text, or of both of a pair: (words,), or (sentences, words).
    """

    uncompared: ClassVar[frozenset[str]] = frozenset({"shapes"})

    scores: tuple[float, float] | None = Field(description="lowest and highest scores")
    words: tuple[str, ...] = Field(description="words of the vocabulary")
    vector_width: int | None = Field(description="lengths of the word vectors")
    without_vector: tuple[int, ...] = Field(description="words without a vector")
    tokenizer: str | None = Field(None, description="tokenizers")
    shapes: tuple[tuple[int, ...], ...] = Field(description="shapes of texts")


class SelectMeaning(TextMeaning):
    """Meaning of texts whose words are selected for a classifier, and what that has counted.

    class_counts: (C,), training texts of each class.
    word_counts: (1 or 2, C, V), occurrences of each word in the first and in the second training texts of each class.
    """

    class_counts: tuple[int, ...] = Field(description="numbers of training texts of the classes")
    word_counts: tuple[tuple[tuple[int, ...], ...], ...] = Field(description="counts of words in training texts")
