"""Word embeddings: pre-trained, frozen and learned vectors."""

import pytest
import torch

from glimpse.agents.embedding import Embedding

GIVEN = torch.tensor([False, False, True, True])
VECTORS = torch.tensor([[9.0, 9.0], [9.0, 9.0], [1.0, 2.0], [3.0, 4.0]])
WORDS = torch.tensor([[2, 1, 0], [3, 3, 0]])


@pytest.mark.parametrize(("frozen", "trained"), [(False, [1, 2, 3]), (True, [1])])
def test_pretrained_vectors_are_loaded_and_trained_unless_frozen(frozen: bool, trained: list[int]) -> None:
    """Word 1 has no pre-trained vector and is always trained; padding gives zeros."""
    embedding = Embedding(4, 2)
    own = embedding.weight[1].tolist()
    embedding.load_vectors(VECTORS, GIVEN, frozen)
    read = embedding(WORDS)
    assert read[0].tolist() == [[1.0, 2.0], own, [0.0, 0.0]]
    assert read[1].tolist() == [[3.0, 4.0], [3.0, 4.0], [0.0, 0.0]]
    read.sum().backward()
    assert embedding.weight.grad is not None
    assert embedding.weight.grad.any(-1).nonzero().flatten().tolist() == trained


def test_which_vectors_are_frozen_is_part_of_the_state() -> None:
    """After a checkpoint is loaded, the same vectors are frozen."""
    embedding, other = Embedding(4, 2), Embedding(4, 2)
    embedding.load_vectors(VECTORS, GIVEN, frozen=True)
    other.load_state_dict(embedding.state_dict())
    other(WORDS).sum().backward()
    assert other.weight.grad is not None and not other.weight.grad[2:].any()
