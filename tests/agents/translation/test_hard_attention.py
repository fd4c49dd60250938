"""Hard attention of a decoder: draws of positions, monotone paths, and unbiased gradients."""

import pytest
import torch
from torch import Tensor

from glimpse.agents.translation.hard_attention import HardAttention, make_hard_attention, position_rewards
from glimpse.agents.translation.options import HardOptions

STATES = torch.eye(5).expand(3, 5, 5)
REAL = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True] + [False] * 4])


def make(**given: object) -> HardAttention:
    """Make hard attention of dot products, so that the scores are a query's components."""
    return make_hard_attention(HardOptions.model_validate({"score": "dot", "begins": 0.0, **given}), 5)


def queries(seed: int = 0) -> Tensor:
    """Draw queries of three sentences of four tokens."""
    return 2 * torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(seed))


def test_evaluation_reads_the_likeliest_token() -> None:
    """The weights are one-hot, and never at padding."""
    read = make().eval()(queries(), STATES, REAL, torch.zeros(3, dtype=torch.int64))
    best = queries().masked_fill(~REAL[:, None], -9).argmax(-1)
    assert read.drawn is None and torch.equal(read.weights.argmax(-1), best)
    assert torch.equal(read.context, read.weights) and (read.weights.sum(-1) == 1).all()


@pytest.mark.parametrize("training", [True, False])
def test_monotone_positions_move_forward(training: bool) -> None:
    """Steps are at least 0 and at most `reach`, and stop at the last token."""
    torch.manual_seed(0)
    attention = make(monotone=True, reach=2, soft=0.0).train(training)
    for seed in range(20):
        query, begun = torch.cat([queries(seed), queries(seed + 1)], 1), torch.tensor([1, 0, 0])
        read = attention(query, STATES, REAL, begun)
        position = read.context.argmax(-1)
        steps = torch.diff(position, dim=1, prepend=begun[:, None])
        assert ((steps >= 0) & (steps <= 2)).all() and torch.equal(position[:, -1], read.position)
        assert (position[1] <= 2).all() and not position[2].any()


def test_positions_are_drawn_by_their_weights() -> None:
    """The log-probability of a draw is that of its weight; the entropy is that of all weights."""
    torch.manual_seed(0)
    attention = make(soft=0.0)
    query = torch.tensor([0.5, 0.3, 0.2, 1e-9, 1e-9]).log().expand(1, 20_000, 5)
    read = attention(query, STATES[:1], REAL[:1], torch.zeros(1, dtype=torch.int64))
    assert read.drawn is not None and read.drawn.hard.all()
    torch.testing.assert_close(read.context.mean((0, 1))[:3], torch.tensor([0.5, 0.3, 0.2]), atol=0.015, rtol=0)
    drawn = read.weights.gather(-1, read.context.argmax(-1, keepdim=True)).squeeze(-1).log()
    torch.testing.assert_close(read.drawn.log_prob, drawn)
    torch.testing.assert_close(read.drawn.entropy[0, 0], torch.tensor(1.029653), atol=1e-5, rtol=0)


def test_the_gradient_estimate_is_unbiased() -> None:
    """The mean over many draws is the gradient of the expected reward, which is known."""
    torch.manual_seed(0)
    attention, rewards = make(soft=0.0), torch.tensor([1.0, -2.0, 0.5, 3.0, 0.0])
    query = torch.tensor([0.2, -0.5, 0.1, 0.4, 0.0]).requires_grad_()
    (expected,) = torch.autograd.grad(query.softmax(-1) @ rewards, query)
    read = attention(query.expand(1, 200_000, 5), STATES[:1], REAL[:1], torch.zeros(1, dtype=torch.int64))
    assert read.drawn is not None
    reward = read.context.detach() @ rewards
    (estimate,) = torch.autograd.grad((read.drawn.log_prob * (reward - 0.7)).mean(), query)
    torch.testing.assert_close(estimate, expected, atol=0.015, rtol=0)


def test_a_share_of_the_sentences_reads_the_expected_context() -> None:
    """Here almost all do; their draws are not marked as hard."""
    torch.manual_seed(0)
    read = make(soft=0.999)(queries(), STATES, REAL, torch.zeros(3, dtype=torch.int64))
    assert read.drawn is not None and not read.drawn.hard.any()
    torch.testing.assert_close(read.context, read.weights)


def test_untrained_monotone_steps_are_short() -> None:
    """With equal scores each further position is half as likely, up to `reach` and the end of the sentence."""
    read = make(monotone=True, reach=2, soft=0.0)(torch.zeros(3, 1, 5), STATES, REAL, torch.tensor([1, 1, 0]))
    first = [[0, 4 / 7, 2 / 7, 1 / 7, 0], [0, 2 / 3, 1 / 3, 0, 0], [1, 0, 0, 0, 0]]
    torch.testing.assert_close(read.weights[:, 0].detach(), torch.tensor(first))


def test_the_expected_monotone_context_is_the_mean_of_draws() -> None:
    """This holds at each step; the expectation has a gradient for all earlier scores."""
    torch.manual_seed(0)
    query = queries()[:1, :, :].requires_grad_()
    where = STATES[:1], REAL[:1], torch.zeros(1, dtype=torch.int64)
    expected = make(monotone=True, reach=2, soft=0.999)(query, *where).context[0]
    assert torch.autograd.grad(expected[3, 2], query)[0][0, 0].abs().sum() > 0
    many = [one.expand(20_000, *one.shape[1:]) for one in (query.detach(), *where)]
    drawn = make(monotone=True, reach=2, soft=0.0)(*many).context
    torch.testing.assert_close(drawn.mean(0), expected.detach(), atol=0.015, rtol=0)


def test_position_rewards_by_hand() -> None:
    """Later tokens are discounted by a half each, by 0 or not at all."""
    log_prob = torch.tensor([[-1.0, -2.0, -4.0], [-3.0, -1.0, 0.0]])
    assert position_rewards(log_prob, 0.5).tolist() == [[-3.0, -4.0, -4.0], [-3.5, -1.0, 0.0]]
    assert torch.equal(position_rewards(log_prob, 0.0), log_prob)
    assert position_rewards(log_prob, 1.0)[:, 0].tolist() == [-7.0, -4.0]


def test_the_gradient_estimate_of_monotone_paths_is_unbiased() -> None:
    """The mean over many draws is the gradient of the expected sum of rewards over the path."""
    torch.manual_seed(0)
    attention, gives = make(monotone=True, reach=2, soft=0.0), torch.tensor([1.0, -2.0, 0.5, 3.0, 0.0])
    query = queries()[:1].requires_grad_()
    where = STATES[:1], REAL[:1], torch.zeros(1, dtype=torch.int64)
    likely = make(monotone=True, reach=2, soft=0.999)(query, *where).context
    (expected,) = torch.autograd.grad((likely @ gives).sum(), query)
    many = [one.expand(200_000, *one.shape[1:]) for one in (query, *where)]
    read = attention(*many)
    assert read.drawn is not None
    reward = position_rewards(read.context.detach() @ gives, 1.0)
    (estimate,) = torch.autograd.grad((read.drawn.log_prob * (reward - 1)).sum() / 200_000, query)
    torch.testing.assert_close(estimate, expected, atol=0.03, rtol=0)


def test_draws_begin_after_a_share_of_training() -> None:
    """The state dict holds whether they have begun, for resumed runs."""
    attention = make(begins=0.3, soft=0.0)
    given = queries(), STATES, REAL, torch.zeros(3, dtype=torch.int64)
    for progress, hard in ((0.0, False), (0.2, False), (0.3, True)):
        attention.set_progress(progress)
        read = attention(*given)
        assert read.drawn is not None and (read.drawn.hard == hard).all()
    assert attention.state_dict()["draws"]
