"""Hard attention of a decoder: places are single, drawn as their weights say, and monotone where that is asked for."""

import pytest
import torch
from torch import Tensor

from glimpse.agents.translation.hard_attention import HardAttention, make_hard, worth
from glimpse.agents.translation.options import HardOptions

STATES = torch.eye(5).expand(3, 5, 5)
REAL = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True] + [False] * 4])


def make(**given: object) -> HardAttention:
    """With dot products, so that a query's numbers are the scores."""
    return make_hard(HardOptions.model_validate({"score": "dot", "begins": 0.0, **given}), 5)


def queries(seed: int = 0) -> Tensor:
    """Three sentences of four."""
    return 2 * torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(seed))


def test_the_likeliest_real_piece_is_read() -> None:
    """It alone."""
    looked = make().eval()(queries(), STATES, REAL, torch.zeros(3, dtype=torch.int64))
    best = queries().masked_fill(~REAL[:, None], -9).argmax(-1)
    assert looked.chosen is None and torch.equal(looked.weights.argmax(-1), best)
    assert torch.equal(looked.context, looked.weights) and (looked.weights.sum(-1) == 1).all()


@pytest.mark.parametrize("training", [True, False])
def test_monotone_places_go_on(training: bool) -> None:
    """Never back, never farther than they reach, and never behind the last piece; all are reached in time."""
    torch.manual_seed(0)
    attention = make(monotone=True, reach=2, soft=0.0).train(training)
    for seed in range(20):
        query, begun = torch.cat([queries(seed), queries(seed + 1)], 1), torch.tensor([1, 0, 0])
        looked = attention(query, STATES, REAL, begun)
        place = looked.context.argmax(-1)
        steps = torch.diff(place, dim=1, prepend=begun[:, None])
        assert ((steps >= 0) & (steps <= 2)).all() and torch.equal(place[:, -1], looked.place)
        assert (place[1] <= 2).all() and not place[2].any()


def test_places_are_drawn_as_often_as_they_weigh() -> None:
    """And what is told of a draw is the logarithm of its weight, with the entropy of all."""
    torch.manual_seed(0)
    attention = make(soft=0.0)
    query = torch.tensor([0.5, 0.3, 0.2, 1e-9, 1e-9]).log().expand(1, 20_000, 5)
    looked = attention(query, STATES[:1], REAL[:1], torch.zeros(1, dtype=torch.int64))
    assert looked.chosen is not None and looked.chosen.hard.all()
    torch.testing.assert_close(looked.context.mean((0, 1))[:3], torch.tensor([0.5, 0.3, 0.2]), atol=0.015, rtol=0)
    drawn = looked.weights.gather(-1, looked.context.argmax(-1, keepdim=True)).squeeze(-1).log()
    torch.testing.assert_close(looked.chosen.log_prob, drawn)
    torch.testing.assert_close(looked.chosen.entropy[0, 0], torch.tensor(1.029653), atol=1e-5, rtol=0)


def test_the_estimate_is_unbiased() -> None:
    """The mean of what many draws say is the gradient of the expected reward, which is known."""
    torch.manual_seed(0)
    attention, worth = make(soft=0.0), torch.tensor([1.0, -2.0, 0.5, 3.0, 0.0])
    query = torch.tensor([0.2, -0.5, 0.1, 0.4, 0.0]).requires_grad_()
    (expected,) = torch.autograd.grad(query.softmax(-1) @ worth, query)
    looked = attention(query.expand(1, 200_000, 5), STATES[:1], REAL[:1], torch.zeros(1, dtype=torch.int64))
    assert looked.chosen is not None
    reward = looked.context.detach() @ worth
    (estimate,) = torch.autograd.grad((looked.chosen.log_prob * (reward - 0.7)).mean(), query)
    torch.testing.assert_close(estimate, expected, atol=0.015, rtol=0)


def test_a_share_of_the_sentences_reads_the_expected_context() -> None:
    """All of them almost, here; and of these no draw counts."""
    torch.manual_seed(0)
    looked = make(soft=0.999)(queries(), STATES, REAL, torch.zeros(3, dtype=torch.int64))
    assert looked.chosen is not None and not looked.chosen.hard.any()
    torch.testing.assert_close(looked.context, looked.weights)


def test_the_first_steps_are_short() -> None:
    """With equal scores each further place is half as likely, as far as it may reach and the sentence goes."""
    looked = make(monotone=True, reach=2, soft=0.0)(torch.zeros(3, 1, 5), STATES, REAL, torch.tensor([1, 1, 0]))
    first = [[0, 4 / 7, 2 / 7, 1 / 7, 0], [0, 2 / 3, 1 / 3, 0, 0], [1, 0, 0, 0, 0]]
    torch.testing.assert_close(looked.weights[:, 0].detach(), torch.tensor(first))


def test_what_is_expected_of_monotone_paths_is_the_mean_of_what_is_drawn() -> None:
    """Step by step; and it has a gradient for each score before."""
    torch.manual_seed(0)
    query = queries()[:1, :, :].requires_grad_()
    where = STATES[:1], REAL[:1], torch.zeros(1, dtype=torch.int64)
    expected = make(monotone=True, reach=2, soft=0.999)(query, *where).context[0]
    assert torch.autograd.grad(expected[3, 2], query)[0][0, 0].abs().sum() > 0
    many = [one.expand(20_000, *one.shape[1:]) for one in (query.detach(), *where)]
    drawn = make(monotone=True, reach=2, soft=0.0)(*many).context
    torch.testing.assert_close(drawn.mean(0), expected.detach(), atol=0.015, rtol=0)


def test_worth_by_hand() -> None:
    """Their own piece, and those behind it by half each."""
    log_prob = torch.tensor([[-1.0, -2.0, -4.0], [-3.0, -1.0, 0.0]])
    assert worth(log_prob, 0.5).tolist() == [[-3.0, -4.0, -4.0], [-3.5, -1.0, 0.0]]
    assert torch.equal(worth(log_prob, 0.0), log_prob)
    assert worth(log_prob, 1.0)[:, 0].tolist() == [-7.0, -4.0]


def test_the_estimate_of_monotone_paths_is_unbiased() -> None:
    """Places are worth what they open and close: the gradient is that of the expected sum over the path."""
    torch.manual_seed(0)
    attention, gives = make(monotone=True, reach=2, soft=0.0), torch.tensor([1.0, -2.0, 0.5, 3.0, 0.0])
    query = queries()[:1].requires_grad_()
    where = STATES[:1], REAL[:1], torch.zeros(1, dtype=torch.int64)
    likely = make(monotone=True, reach=2, soft=0.999)(query, *where).context
    (expected,) = torch.autograd.grad((likely @ gives).sum(), query)
    many = [one.expand(200_000, *one.shape[1:]) for one in (query, *where)]
    looked = attention(*many)
    assert looked.chosen is not None
    gained = worth(looked.context.detach() @ gives, 1.0)
    (estimate,) = torch.autograd.grad((looked.chosen.log_prob * (gained - 1)).sum() / 200_000, query)
    torch.testing.assert_close(estimate, expected, atol=0.03, rtol=0)


def test_nothing_is_drawn_at_first() -> None:
    """Until its share of training is done; a run that is resumed knows it."""
    attention = make(begins=0.3, soft=0.0)
    given = queries(), STATES, REAL, torch.zeros(3, dtype=torch.int64)
    for progress, hard in ((0.0, False), (0.2, False), (0.3, True)):
        attention.set_progress(progress)
        looked = attention(*given)
        assert looked.chosen is not None and (looked.chosen.hard == hard).all()
    assert attention.state_dict()["draws"]
