"""The sampler's logits: by the paper's formula, whichever way they are made."""

import torch

from glimpse.agents.selection.sampler import SequenceSampler

TOKENS = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
MASK = torch.tensor([[True] * 5, [True, False, True, True, False], [False] * 5])


def _by_formula(sampler: SequenceSampler) -> torch.Tensor:
    """W_2 act(W_1 [x; m; x * m]) text by text, m the mean of the real tokens."""
    rows = []
    for tokens, mask in zip(TOKENS, MASK, strict=True):
        mean = tokens[mask].mean(0) if mask.any() else torch.zeros(4)
        rows.append(sampler.layers(torch.stack([torch.cat([x, mean, x * mean]) for x in tokens])))
    return torch.stack(rows)


def test_logits_are_those_of_the_joined_vectors() -> None:
    """Also where they are not joined, and for a text of which nothing is real."""
    sampler = SequenceSampler(4, 6, numbers=2)
    for training in (True, False):
        sampler.train(training)
        torch.testing.assert_close(sampler(TOKENS, MASK), _by_formula(sampler))


def test_gradients_are_those_of_the_joined_vectors() -> None:
    """Of all weights."""
    sampler = SequenceSampler(4, 6)
    own = torch.autograd.grad(sampler(TOKENS, MASK).square().sum(), list(sampler.parameters()))
    known = torch.autograd.grad(_by_formula(sampler).square().sum(), list(sampler.parameters()))
    for one, other in zip(own, known, strict=True):
        torch.testing.assert_close(one, other)


def test_dropout_falls_on_the_joined_vectors_in_training() -> None:
    """With a share of 0.5 two passes differ, and in evaluation they do not."""
    sampler = SequenceSampler(4, 64, dropout=0.5)
    assert not torch.equal(sampler(TOKENS, MASK), sampler(TOKENS, MASK))
    sampler.eval()
    torch.testing.assert_close(sampler(TOKENS, MASK), _by_formula(sampler))
