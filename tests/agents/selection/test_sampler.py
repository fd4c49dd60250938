"""Tests of the sampler: both ways to compute its logits agree with the paper's formula."""

import torch

from glimpse.agents.selection.sampler import SequenceSampler

TOKENS = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
MASK = torch.tensor([[True] * 5, [True, False, True, True, False], [False] * 5])


def _by_formula(sampler: SequenceSampler) -> torch.Tensor:
    """Compute W_2 act(W_1 [x; m; x * m]) text by text, with m the mean of the real tokens."""
    rows = []
    for tokens, mask in zip(TOKENS, MASK, strict=True):
        mean = tokens[mask].mean(0) if mask.any() else torch.zeros(4)
        rows.append(sampler.layers(torch.stack([torch.cat([x, mean, x * mean]) for x in tokens])))
    return torch.stack(rows)


def test_logits_agree_with_the_concatenated_vectors() -> None:
    """They agree in training and in evaluation, and for an empty text."""
    sampler = SequenceSampler(4, 6, numbers=2)
    for training in (True, False):
        sampler.train(training)
        torch.testing.assert_close(sampler(TOKENS, MASK), _by_formula(sampler))


def test_gradients_agree_with_the_concatenated_vectors() -> None:
    """They agree for all weights."""
    sampler = SequenceSampler(4, 6)
    own = torch.autograd.grad(sampler(TOKENS, MASK).square().sum(), list(sampler.parameters()))
    known = torch.autograd.grad(_by_formula(sampler).square().sum(), list(sampler.parameters()))
    for one, other in zip(own, known, strict=True):
        torch.testing.assert_close(one, other)


def test_dropout_applies_to_the_concatenated_vectors_in_training() -> None:
    """With a rate of 0.5 two passes differ in training, but not in evaluation."""
    sampler = SequenceSampler(4, 64, dropout=0.5)
    assert not torch.equal(sampler(TOKENS, MASK), sampler(TOKENS, MASK))
    sampler.eval()
    torch.testing.assert_close(sampler(TOKENS, MASK), _by_formula(sampler))
