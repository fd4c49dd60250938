"""Padded batches of flat texts."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.text.ragged import Nested, Ragged

TEXTS = [[5, 6, 7], [8], [9, 10], [11, 12, 13, 14]]


def ragged(texts: list[list[int]]) -> Ragged:
    """Make flat tensors of texts."""
    lengths = torch.tensor([len(text) for text in texts])
    tokens = torch.tensor(list(itertools.chain(*texts)), dtype=torch.int32)
    return Ragged(tokens, torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]), lengths)


DOCUMENTS = Nested(ragged(TEXTS), torch.tensor([0, 2, 3, 4]), torch.tensor([2, 1, 1]), torch.tensor([3, 2, 4]))


def test_a_batch_is_padded_at_the_end() -> None:
    """It is as wide as its longest text, and in the order of the indices."""
    tokens, mask = ragged(TEXTS).batch(torch.tensor([3, 1, 1, 2]))
    assert tokens.tolist() == [[11, 12, 13, 14], [8, 0, 0, 0], [8, 0, 0, 0], [9, 10, 0, 0]]
    assert mask.tolist() == [[word != 0 for word in row] for row in tokens.tolist()]
    assert tokens.dtype == torch.int64 and mask.dtype == torch.bool


def test_a_width_cuts_or_pads() -> None:
    """What follows a text in memory is not in the batch."""
    assert ragged(TEXTS).batch(torch.tensor([0, 3]), width=2).tokens.tolist() == [[5, 6], [11, 12]]
    assert ragged(TEXTS).batch(torch.tensor([3, 1]), width=5).tokens.tolist() == [[11, 12, 13, 14, 0], [8, 0, 0, 0, 0]]


def test_batches_of_other_values_are_aligned_with_the_words() -> None:
    """Such values are human rationales, for one."""
    texts = ragged(TEXTS)
    marks = texts.tokens % 2 == 0
    batch = texts.batch(torch.tensor([0, 2]))
    assert torch.equal(texts.batch_of(marks, torch.tensor([0, 2])), (batch.tokens % 2 == 0) & batch.mask)


def test_documents_are_padded_on_both_axes() -> None:
    """The size is that of the longest document, and of the longest sentence."""
    tokens, mask = DOCUMENTS.batch(torch.tensor([1, 0]))
    assert tokens.tolist() == [[[9, 10, 0], [0, 0, 0]], [[5, 6, 7], [8, 0, 0]]]
    assert mask.tolist() == [[[word != 0 for word in words] for words in rows] for rows in tokens.tolist()]
    assert DOCUMENTS.batch(torch.tensor([0]), (1, 2)).tokens.tolist() == [[[5, 6]]]
    assert DOCUMENTS.batch(torch.tensor([2]), (2, 5)).tokens.tolist() == [[[11, 12, 13, 14, 0], [0] * 5]]
    marks = DOCUMENTS.sentences.tokens > 6
    assert DOCUMENTS.batch_of(marks, torch.tensor([0])).tolist() == [[[False, False, True], [True, False, False]]]


@pytest.mark.parametrize("call", [ragged(TEXTS).batch, DOCUMENTS.batch])
def test_a_batch_needs_no_loop_over_texts(call: Callable[[Tensor], Any], trace: Callable[..., Any]) -> None:
    """The operations are the same for a thousand texts as for two, and none synchronises with a device."""
    few = trace(lambda: call(torch.zeros(2, dtype=torch.int64))).names
    many = trace(lambda: call(torch.zeros(1000, dtype=torch.int64))).names
    assert few == many
    assert "nonzero" not in many
