"""Tests of pair features and heads against values computed by hand."""

import math

import pytest
import torch

from glimpse.agents.answer_kinds import expected_score, level_divergence
from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.text.heads import Head
from glimpse.agents.text.pair_features import GatedPair, combine_pair


def test_pair_features_by_hand() -> None:
    """All three kinds, for u = (1, 2) and v = (3, -1)."""
    u, v = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]])
    assert combine_pair("difference", u, v).tolist() == [[1, 2, 3, -1, -2, 3, 3, -2]]
    assert combine_pair("absolute", u, v).tolist() == [[1, 2, 3, -1, 2, 3, 3, -2]]
    assert combine_pair("symmetric", u, v).tolist() == combine_pair("symmetric", v, u).tolist() == [[3, -2, 2, 3]]


def test_a_gated_pair_by_hand() -> None:
    """Hops (1, 2), (3, 4) and (1, 1), (2, -1); each text and each hop has its own matrix.

    The first text becomes (2, 1), (3, 8), from swapping its first hop and doubling the 4; the second (3, 3), (0, -1).
    """
    pair = GatedPair(4, 2)
    pair.first.data = torch.tensor([[[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]]])
    pair.second.data = torch.tensor([[[3.0, 0.0], [0.0, 3.0]], [[0.0, 0.0], [0.0, 1.0]]])
    u, v = torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.tensor([[1.0, 1.0, 2.0, -1.0]])
    first, second = Encoded(u, {}), Encoded(v, {})
    assert pair(first, second).tolist() == [[6, 3, 0, -8]]
    assert pair(second, first).tolist() != pair(first, second).tolist()


def test_the_score_is_the_mean_of_levels() -> None:
    """For levels 1 to 5: uniform gives 3; all on the last, 5; 1/4 and 3/4 on the first two, 1.75."""
    logits = torch.tensor([[0.0] * 5, [-99.0] * 4 + [0.0], [math.log(1), math.log(3), -99, -99, -99]])
    assert expected_score(logits, 1.0).tolist() == pytest.approx([3.0, 5.0, 1.75])


def test_the_divergence_of_a_score_by_hand() -> None:
    """The score 3.6 has the target 0.4 on level 3 and 0.6 on level 4.

    The divergence of a softmax equal to it is 0; that of a uniform one is log 5 less the target's entropy.
    """
    score = torch.tensor([3.6])
    target = torch.tensor([[1e-9, 1e-9, 0.4, 0.6, 1e-9]])
    entropy = -(0.4 * math.log(0.4) + 0.6 * math.log(0.6))
    assert level_divergence(target.log(), score, 1.0).item() == pytest.approx(0.0, abs=1e-6)
    assert level_divergence(torch.zeros(1, 5), score, 1.0).item() == pytest.approx(math.log(5) - entropy, rel=1e-5)


@pytest.mark.parametrize("score", [1.0, 5.0])
def test_the_divergence_of_the_extreme_scores(score: float) -> None:
    """The whole target is on one level."""
    assert level_divergence(torch.zeros(1, 5), torch.tensor([score]), 1.0).item() == pytest.approx(math.log(5))


def test_layer_norm_of_the_hidden_layer_by_hand() -> None:
    """Hidden units 1, 2 and 6 have mean 3 and standard deviation sqrt(14 / 3); the ReLU drops those below the mean."""
    head = Head(1, 3, 1, "relu", 0.0, norm=True)
    given = [[[1.0], [2.0], [6.0]], [0.0] * 3, [1.0] * 3, [0.0] * 3, [[1.0, 1.0, 1.0]], [0.0]]
    with torch.no_grad():
        for parameter, values in zip(head.parameters(), given, strict=True):
            parameter.copy_(torch.tensor(values))
    assert head(torch.ones(1, 1)).item() == pytest.approx(3 / math.sqrt(14 / 3), rel=1e-4)


def test_a_head_without_and_with_a_hidden_layer() -> None:
    """The numbers of parameters are 3 x 2 + 2, and 3 x 4 + 4 + 4 x 2 + 2."""
    for hidden, count in ((0, 8), (4, 26)):
        head = Head(3, hidden, 2, "elu", 0.5)
        assert sum(parameter.numel() for parameter in head.parameters()) == count
        assert head(torch.zeros(5, 3)).shape == (5, 2)
