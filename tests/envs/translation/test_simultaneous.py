"""Simultaneous translation: READ, WRITE, the reward of quality minus lag, and the measures of lag."""

from typing import Any

import pytest
import torch

from glimpse.envs.translation.lagging import (
    average_lagging,
    differentiable_lagging,
    lagging_behind_reference,
    lagging_in_words,
    word_delays,
)
from glimpse.envs.translation.options import SimultaneousTranslationOptions
from glimpse.envs.translation.simultaneous import SimultaneousTranslation


def lag(delays: list[int], length: int, written: int | None = None) -> float:
    """Compute the average lagging of one translation."""
    count = len(delays) if written is None else written
    return float(average_lagging(torch.tensor([delays]), torch.tensor([count]), torch.tensor([length])))


def test_average_lagging_by_hand() -> None:
    """Reading all first lags by the source length, and wait-k by k; a target twice as long halves the ideal pace."""
    assert lag([6, 6, 6], 6) == 6
    assert lag([2, 3, 4, 5, 6, 6], 6) == pytest.approx(2)
    assert lag([1, 2, 3, 4], 4) == pytest.approx(1)
    # |x| / |y| = 1 / 2: (1 - 0) + (1 - .5) + (2 - 1), of three.
    assert lag([1, 1, 2, 2], 2) == pytest.approx((1 + 0.5 + 1) / 3)
    # A source that was never read to its end counts all tokens written: 1 - 0 and 1 - 2.
    assert lag([1, 1], 4) == pytest.approx(0)
    assert lag([0, 0, 0], 4, written=0) == 0
    assert lag([6, 9, 9], 6, written=1) == 6


def make_env(**given: Any) -> SimultaneousTranslation:
    """Make an environment of strings that are copied."""
    asked = {
        "name": "simultaneous-translation",
        "data": "copy",
        "strings": 40,
        "longest": 5,
        "max_tokens": 6,
        "tokenizer": "words",
    }
    options = SimultaneousTranslationOptions.model_validate({**asked, **given})
    return SimultaneousTranslation(options, SimultaneousTranslation.load_data(options, "train"))


def play(env: SimultaneousTranslation, wait: int) -> tuple[torch.Tensor, torch.Tensor, list[dict[str, torch.Tensor]]]:
    """Translate all sentences right by wait-k: return their rewards, lengths and observations."""
    example = torch.arange(env.examples)
    seen = [env.reset(example, example)]
    length, reward = (env.label > 0).sum(1), torch.zeros(env.examples)
    for _ in range(env.steps):
        source_read, written = ((seen[-1][name] > 0).sum(1) for name in ("source", "target"))
        write = (source_read >= torch.minimum(written + wait, length)).long()
        token = env.label.gather(1, written.clamp(max=env.longest - 1)[:, None])[:, 0]
        step = env.step({"write": write, "token": token})
        reward += step.reward
        seen.append(step.observation)
    assert step.terminated.all()
    return reward, length, seen


@pytest.mark.parametrize("lagging", ["average", "differentiable"])
@pytest.mark.parametrize("wait", [1, 2, 9])
def test_reward_is_bleu_minus_the_cost_of_the_lag(wait: int, lagging: str) -> None:
    """A right translation by wait-k lags by k, or by the sentence's length where that is less."""
    env = make_env(delay_cost=0.1, lagging=lagging)
    reward, length, seen = play(env, wait)
    torch.testing.assert_close(reward, 1 - 0.1 * length.clamp(max=wait).float())
    assert torch.equal(seen[-1]["target"], env.label)


def test_only_tokens_read_are_observed() -> None:
    """Each READ reveals one more token; READs after the end change nothing."""
    env = make_env()
    example = torch.arange(3)
    assert not env.reset(example, example)["source"].any()
    whole = env.label.clone()  # A copy: the source is the target.
    read = {"write": torch.zeros(3, dtype=torch.int64), "token": torch.full((3,), 4)}
    for source_read in range(1, 9):
        step = env.step(read)
        shown = torch.arange(env.longest) < source_read
        assert torch.equal(step.observation["source"], whole * shown) and not step.observation["target"].any()
        assert not step.reward.any() and not step.terminated.any()


def test_an_episode_ends_at_the_maximum_length_or_time() -> None:
    """Time is twice the maximum length in steps; a wrong translation has BLEU 0 and pays for its lag."""
    env, example = make_env(delay_cost=0.5), torch.tensor([0])
    for write, steps in ((0, 14), (1, 7)):
        env.reset(example, example)
        action = {"write": torch.tensor([write]), "token": torch.tensor([2])}
        ends = [bool(env.step(action).terminated) for _ in range(steps)]
        assert ends == [False] * (steps - 1) + [True]
        assert not env.step(action).reward
    env.reset(example, example)
    for _ in range(9):
        env.step({"write": torch.tensor([0]), "token": torch.tensor([3])})
    length = int((env.label > 0).sum())
    assert float(env.step({"write": torch.tensor([1]), "token": torch.tensor([3])}).reward) == -0.5 * length


def test_reset_lanes_leaves_other_lanes_alone() -> None:
    """The lanes that are reset show nothing, the others what they did before."""
    env, example = make_env(), torch.arange(3)
    env.reset(example, example)
    before = env.step({"write": torch.tensor([0, 0, 1]), "token": torch.tensor([4, 4, 5])}).observation
    after = env.reset_lanes(torch.tensor([1]), torch.tensor([7]), torch.tensor([7]))
    for name in ("source", "target"):
        assert torch.equal(after[name][[0, 2]], before[name][[0, 2]]) and not after[name][1].any()
    assert env.frame(0, [{name: part[0].numpy() for name, part in after.items()}]).shape == (240, 640, 3)


def test_differentiable_lagging_by_hand() -> None:
    """It counts all tokens after a long wait that follows an early token; average lagging counts one of them."""

    def late(delays: list[int], length: int, written: int | None = None) -> float:
        count = torch.tensor([len(delays) if written is None else written])
        return float(differentiable_lagging(torch.tensor([delays]), count, torch.tensor([length])))

    assert late([6, 6, 6], 6) == 6
    assert late([1, 2, 3, 4], 4) == pytest.approx(1)
    assert late([3, 3, 3, 4], 4) == pytest.approx(3)
    assert late([1, 8, 8, 8], 8) == pytest.approx((1 + 6 + 6 + 6) / 4)
    assert lag([1, 8, 8, 8], 8) == pytest.approx((1 + 6) / 2)
    assert late([2, 9, 9], 2, written=1) == 2 and late([0, 0], 4, written=0) == 0


@pytest.mark.parametrize(
    ("delays", "length", "reference", "expected"),
    [
        ([2, 3, 4], 4, 6, (2 + (3 - 2 / 3) + (4 - 4 / 3)) / 3),
        ([2, 3, 4], 4, 2, (2 + (3 - 2) + (4 - 4)) / 3),
        ([2, 3, 4], 4, 3, (2 + (3 - 4 / 3) + (4 - 8 / 3)) / 3),
        ([4, 4, 4], 4, 9, 4),
        ([1, 1], 4, 4, (1 + 0) / 2),
        ([3, 3, 5, 5], 5, 10, (3 + 2.5 + 4) / 3),
    ],
)
def test_lagging_behind_the_reference_by_hand(delays: list[int], length: int, reference: int, expected: float) -> None:
    """The ideal translator has the reference's pace, as in SimulEval; with equal lengths both measures agree."""
    tensors = torch.tensor([delays]), torch.tensor([len(delays)]), torch.tensor([length]), torch.tensor([reference])
    assert float(lagging_behind_reference(*tensors)) == pytest.approx(expected)
    assert (reference == len(delays)) == (lag(delays, length) == pytest.approx(expected)) or delays[0] == length


def test_lag_in_words_by_hand() -> None:
    """The delay of a target word is that of its last token, in source words begun."""
    source, target = [1, 1, 2, 3, 3], [1, 1, 2]
    assert word_delays([1, 3, 5], source, target) == [2, 3]
    # |x| / |y| = 3 / 2: (2 - 0) + (3 - 3 / 2), of two.
    assert lagging_in_words([1, 3, 5], source, target) == pytest.approx((2 + 1.5) / 2)
    assert lagging_in_words([5, 5, 5], source, target) == 3
    assert word_delays([0, 1, 4], source, target) == [1, 3]
    assert lagging_in_words([], source, []) == 0


def test_full_observation_is_the_whole_sentence() -> None:
    """It does not depend on what has been read."""
    env, example = make_env(), torch.arange(4)
    env.reset(example, example)
    assert torch.equal(env.full_observation()["source"], env.label) and not env.full_observation()["target"].any()
