"""Normalisers: published and hand-computed answers, gradients, and properties."""

import itertools
from functools import partial

import pytest
import torch
from torch import Tensor

from glimpse.agents.attention.normalisers import Normaliser, entmax, entmax15, make_normaliser, softmax, sparsemax, topk

ALL: dict[str, Normaliser] = {
    "softmax": softmax,
    "sparsemax": sparsemax,
    "entmax15": entmax15,
    "entmax 1.33": partial(entmax, alpha=1.33),
    "entmax 2.5": partial(entmax, alpha=2.5),
    "topk": partial(topk, k=2),
}
KNOWN: list[tuple[str, list[float], list[float]]] = [
    ("sparsemax", [-2, 0, 0.5], [0, 0.25, 0.75]),
    ("sparsemax", [1, 0.8, 0.1], [0.6, 0.4, 0]),
    ("sparsemax", [0.1, 0.2, 0.3], [0.233333, 0.333333, 0.433333]),
    ("entmax15", [-2, 0, 0.5], [0, 0.326007, 0.673993]),
    ("entmax15", [1, 0.8, 0.1], [0.529248, 0.393749, 0.077003]),
    ("entmax 1.33", [-1, 0, 0.5], [0.045982, 0.327632, 0.626386]),
    ("entmax 1.33", [1, 2, 3.5], [0.002558, 0.101155, 0.896287]),
    ("topk", [1.0, 3, 2], [0, 0.731059, 0.268941]),
]


def scores(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw seeded scores."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype) * 2


@pytest.mark.parametrize(("name", "z", "expected"), KNOWN)
def test_known_answers(name: str, z: list[float], expected: list[float]) -> None:
    """Weights are those of Peters et al.'s package, and those computed by hand."""
    torch.testing.assert_close(ALL[name](torch.tensor(z), None), torch.tensor(expected), atol=1e-6, rtol=0)


@pytest.mark.parametrize("t", [-3.0, -0.7, 0.0, 0.5, 1.0, 1.9, 2.0, 5.0])
def test_two_scores_in_closed_form(t: float) -> None:
    """For [t, 0]: sparsemax clip((1 + t) / 2, 0, 1); entmax15 (sqrt(1/2 - t^2/16) + t/4)^2 for |t| < 2."""
    z = torch.tensor([t, 0], dtype=torch.float64)
    assert sparsemax(z)[0].item() == pytest.approx(min(max((1 + t) / 2, 0), 1))
    inside = ((0.5 - t**2 / 16) ** 0.5 + t / 4) ** 2 if abs(t) < 2 else float(t > 0)
    assert entmax15(z)[0].item() == pytest.approx(inside)


def test_jacobian_of_sparsemax() -> None:
    """Check the Jacobian at [1, .8, .1], where the third weight is zero."""
    found = torch.autograd.functional.jacobian(sparsemax, torch.tensor([1, 0.8, 0.1]))
    torch.testing.assert_close(found, torch.tensor([[0.5, -0.5, 0], [-0.5, 0.5, 0], [0, 0, 0]]))


def test_bisection_agrees_with_sorting() -> None:
    """Bisection with alpha 1, 1.5 and 2 agrees with softmax, entmax15 and sparsemax, gradients included."""
    for alpha, exact in ((1, softmax), (1.5, entmax15), (2, sparsemax)):
        z, g = scores(5, 9).requires_grad_(), scores(5, 9)
        found, expected = entmax(z, alpha=alpha), exact(z)
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
        theirs = torch.autograd.grad((expected * g).sum(), z)
        torch.testing.assert_close(torch.autograd.grad((found * g).sum(), z), theirs, atol=1e-8, rtol=0)


def test_a_threshold_solves_the_definition() -> None:
    """P maximises p . z + H_alpha(p), H_alpha = sum(p - p^alpha) / (alpha (alpha - 1)), among points near it."""
    z = scores(6)
    for alpha in (1.2, 1.5, 2.0, 3.0):

        def value(p: Tensor, alpha: float = alpha) -> Tensor:
            return p @ z + (p - p**alpha).sum() / (alpha * (alpha - 1))

        best = entmax(z, alpha=alpha)
        for i, j in itertools.permutations(range(6), 2):
            moved = best.clone()
            amount = min(1e-3, float(best[i]))
            moved[i], moved[j] = moved[i] - amount, moved[j] + amount
            assert value(moved) <= value(best) + 1e-12


@pytest.mark.parametrize("name", ALL)
def test_every_normaliser_gives_a_distribution(name: str) -> None:
    """Weights are a distribution over what may be read, in the scores' order; a shift of the scores changes nothing."""
    normalise, z = ALL[name], scores(4, 7, 5)
    mask = scores(4, 7, 1) > -1
    weights = normalise(z, mask, 1)
    assert (weights >= 0).all()
    assert (weights.masked_select(~mask) == 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(4, 5, dtype=torch.float64))
    torch.testing.assert_close(normalise(z + 7, mask, 1), weights)
    torch.testing.assert_close(normalise(z.transpose(1, 2), mask.transpose(1, 2)).transpose(1, 2), weights)
    alone = normalise(z[:1][:, mask[0, :, 0]], None, 1)
    torch.testing.assert_close(alone[0], weights[0][mask[0, :, 0]])
    order = normalise(z[0, :, 0], None)[z[0, :, 0].argsort()]
    assert (order.diff() >= 0).all()


@pytest.mark.parametrize("name", ALL)
def test_gradients(name: str) -> None:
    """Gradients agree with finite differences, masked and along another dimension; rows of the Jacobian add up to 0."""
    z, mask = scores(3, 4, 2).requires_grad_(), scores(3, 4, 1) > -1.5
    assert torch.autograd.gradcheck(lambda x: ALL[name](x, mask, 1), (z,))
    jacobian = torch.autograd.functional.jacobian(lambda x: ALL[name](x, None), scores(6))
    torch.testing.assert_close(jacobian.sum(1), torch.zeros(6, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("name", ALL)
def test_nothing_to_read(name: str, dtype: torch.dtype) -> None:
    """Empty rows have weights and gradients of zero, beside other rows; large scores stay finite."""
    z = (scores(2, 3).to(dtype) * 1000).requires_grad_()
    weights = ALL[name](z, torch.tensor([[False] * 3, [True, False, True]]))
    assert weights.dtype == dtype
    assert (weights[0] == 0).all()
    assert weights[1].sum().item() == pytest.approx(1, abs=0.01)
    (weights.float() ** 2).sum().backward()
    assert z.grad is not None and z.grad.isfinite().all() and (z.grad[0] == 0).all()


def test_topk_takes_k_of_equal_ones() -> None:
    """Top-k takes k of equal scores, and all of them where there are fewer."""
    assert (topk(torch.zeros(5), k=2) > 0).sum() == 2
    torch.testing.assert_close(topk(torch.zeros(3), k=8), torch.full((3,), 1 / 3))


def test_by_name() -> None:
    """A normaliser is made from a name or from options; unknown names and numbers out of range are refused."""
    z = scores(4)
    assert make_normaliser("softmax") is softmax
    torch.testing.assert_close(make_normaliser("sparsemax")(z, None), sparsemax(z))
    with pytest.raises(ValueError, match="sparsemax"):
        make_normaliser("hardmax")


@pytest.mark.parametrize("row", [[1e4, 0, -1e4], [1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [1e4, 1e4 - 8, 0]])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", ALL)
def test_extreme_scores(name: str, dtype: torch.dtype, row: list[float]) -> None:
    """Extreme scores give finite weights and gradients, and the largest scores have the weight."""
    z = torch.tensor(row, dtype=dtype, requires_grad=True)
    weights = ALL[name](z, None)
    assert weights.sum().item() == pytest.approx(1, abs=0.01)
    assert weights[z < z.max() - 10].sum() == 0
    (found,) = torch.autograd.grad((weights * torch.tensor([1, 2, 3], dtype=dtype)).sum(), z)
    assert found.isfinite().all()


def test_equal_scores_have_equal_weights() -> None:
    """Equal scores have equal weights, also at the edge of the support, [1, 0], where sparsemax gives the second 0."""
    for normalise in (sparsemax, entmax15, ALL["entmax 1.33"], ALL["entmax 2.5"]):
        torch.testing.assert_close(normalise(torch.tensor([3.0, 3, -9]), None), torch.tensor([0.5, 0.5, 0]))
        torch.testing.assert_close(normalise(torch.full((7,), 2.0), None), torch.full((7,), 1 / 7))
    assert sparsemax(torch.tensor([1.0, 0])).tolist() == [1, 0]


@pytest.mark.parametrize("excess", [1e-2, 1e-4, 1e-7, 1e-14])
def test_alpha_near_one_is_near_softmax(excess: float) -> None:
    """The difference is about alpha - 1, in float32 too, where (1 + excess z)^(1 / excess) would be noise."""
    z = scores(4, 50, dtype=torch.float32)
    for scored, noise in ((z, 5e-7), (z.double(), 1e-12)):
        torch.testing.assert_close(entmax(scored, alpha=1 + excess), softmax(scored), atol=2 * excess + noise, rtol=0)


def test_half_precision_has_the_gradients_of_full_precision() -> None:
    """Gradients agree where alpha is large and small weights have large powers."""
    z = torch.tensor([0.0, 0.01, 0.012, -0.3, -3], requires_grad=True)
    upstream = torch.tensor([1.0, 2, 3, 4, 5])
    (expected,) = torch.autograd.grad((entmax(z, alpha=4) * upstream).sum(), z)
    half = z.detach().half().requires_grad_()
    (found,) = torch.autograd.grad((entmax(half, alpha=4) * upstream.half()).sum(), half)
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), expected, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("name", ALL)
def test_no_rows_or_no_columns(name: str, shape: tuple[int, int]) -> None:
    """Empty tensors give empty weights."""
    for mask in (None, torch.ones(shape, dtype=torch.bool)):
        assert ALL[name](torch.zeros(shape), mask).shape == shape
