"""Words of documents and of questions: tokens, and single letters in scripts that put no spaces between words."""

from glimpse.envs.text.characters import divide_unspaced
from glimpse.envs.text.tokens import dividing, split_word

split_document_word = dividing(split_word, divide_unspaced)
"""Divide what stands between two spaces, as `split_word` does; Chinese, Japanese, Thai and the like into letters."""


def words_of_question(question: str) -> list[str]:
    """Return the words of a question as documents have them, lower-cased."""
    return [token for word in question.lower().split() for token in split_document_word(word)]
