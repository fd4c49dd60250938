"""Simultaneous translation: what is heard and written, and what quality and delay are worth."""

from typing import Any

import pytest
import torch

from glimpse.envs.translation.interpret_options import InterpretOptions
from glimpse.envs.translation.lagging import average_lagging, differentiable_lagging, lagging_in_words, words_heard
from glimpse.envs.translation.simultaneous import Interpreting


def lag(heard: list[int], length: int, written: int | None = None) -> float:
    """Of one translation."""
    count = len(heard) if written is None else written
    return float(average_lagging(torch.tensor([heard]), torch.tensor([count]), torch.tensor([length])))


def test_average_lagging_by_hand() -> None:
    """All heard first: the length. Two ahead all the time: two. Twice as many pieces: each counts half a step."""
    assert lag([6, 6, 6], 6) == 6
    assert lag([2, 3, 4, 5, 6, 6], 6) == pytest.approx(2)
    assert lag([1, 2, 3, 4], 4) == pytest.approx(1)
    # |x| / |y| = 1 / 2: (1 - 0) + (1 - .5) + (2 - 1), of three.
    assert lag([1, 1, 2, 2], 2) == pytest.approx((1 + 0.5 + 1) / 3)
    # What was never heard to its end is counted to the last piece written: 1 - 0 and 1 - 2.
    assert lag([1, 1], 4) == pytest.approx(0)
    assert lag([0, 0, 0], 4, written=0) == 0
    assert lag([6, 9, 9], 6, written=1) == 6


def world(**given: Any) -> Interpreting:
    """Strings that are copied."""
    asked = {"name": "interpret", "data": "copy", "strings": 40, "longest": 5, "max_pieces": 6, "pieces": "words"}
    options = InterpretOptions.model_validate({**asked, **given})
    return Interpreting(options, Interpreting.load_data(options, "train"))


def play(core: Interpreting, wait: int) -> tuple[torch.Tensor, torch.Tensor, list[dict[str, torch.Tensor]]]:
    """Copy what was heard, `wait` pieces behind: rewards and lengths of all sentences, and what was seen."""
    example = torch.arange(core.examples)
    seen = [core.begin(example, example)]
    length, reward = (core.label > 0).sum(1), torch.zeros(core.examples)
    for _ in range(core.steps):
        heard, written = ((seen[-1][name] > 0).sum(1) for name in ("source", "target"))
        write = (heard >= torch.minimum(written + wait, length)).long()
        piece = core.label.gather(1, written.clamp(max=core.longest - 1)[:, None])[:, 0]
        step = core.step({"write": write, "piece": piece})
        reward += step.reward
        seen.append(step.observation)
    assert step.terminated.all()
    return reward, length, seen


@pytest.mark.parametrize("lagging", ["average", "differentiable"])
@pytest.mark.parametrize("wait", [1, 2, 9])
def test_a_right_translation_costs_its_delay(wait: int, lagging: str) -> None:
    """1 less the cost times the lag, which is the wait, or the sentence's length where that is less."""
    core = world(delay_cost=0.1, lagging=lagging)
    reward, length, seen = play(core, wait)
    torch.testing.assert_close(reward, 1 - 0.1 * length.clamp(max=wait).float())
    assert torch.equal(seen[-1]["target"], core.label)


def test_only_what_was_heard_is_seen() -> None:
    """One piece a step; the rest is hidden; to hear on behind the end changes nothing."""
    core = world()
    example = torch.arange(3)
    assert not core.begin(example, example)["source"].any()
    whole = core.label.clone()  # A copy: the source is the target.
    hear = {"write": torch.zeros(3, dtype=torch.int64), "piece": torch.full((3,), 4)}
    for heard in range(1, 9):
        step = core.step(hear)
        shown = torch.arange(core.longest) < heard
        assert torch.equal(step.observation["source"], whole * shown) and not step.observation["target"].any()
        assert not step.reward.any() and not step.terminated.any()


def test_an_episode_ends_by_itself() -> None:
    """After twice as many steps as a translation may be long, or when it is that long; nothing right earns no BLEU."""
    core, example = world(delay_cost=0.5), torch.tensor([0])
    for write, steps in ((0, 14), (1, 7)):
        core.begin(example, example)
        action = {"write": torch.tensor([write]), "piece": torch.tensor([2])}
        ends = [bool(core.step(action).terminated) for _ in range(steps)]
        assert ends == [False] * (steps - 1) + [True]
        assert not core.step(action).reward
    core.begin(example, example)
    for _ in range(9):
        core.step({"write": torch.tensor([0]), "piece": torch.tensor([3])})
    length = int((core.label > 0).sum())
    assert float(core.step({"write": torch.tensor([1]), "piece": torch.tensor([3])}).reward) == -0.5 * length


def test_other_lanes_are_left_alone() -> None:
    """Where some begin anew."""
    core, example = world(), torch.arange(3)
    core.begin(example, example)
    before = core.step({"write": torch.tensor([0, 0, 1]), "piece": torch.tensor([4, 4, 5])}).observation
    after = core.restart(torch.tensor([1]), torch.tensor([7]), torch.tensor([7]))
    for name in ("source", "target"):
        assert torch.equal(after[name][[0, 2]], before[name][[0, 2]]) and not after[name][1].any()
    assert core.frame(0, [{name: part[0].numpy() for name, part in after.items()}]).shape == (240, 640, 3)


def test_time_that_was_lost_is_not_won_back() -> None:
    """Differentiable average lagging by hand; an early piece and a long wait are late by it, and not by the other."""

    def late(heard: list[int], length: int, written: int | None = None) -> float:
        count = torch.tensor([len(heard) if written is None else written])
        return float(differentiable_lagging(torch.tensor([heard]), count, torch.tensor([length])))

    assert late([6, 6, 6], 6) == 6
    assert late([1, 2, 3, 4], 4) == pytest.approx(1)
    assert late([3, 3, 3, 4], 4) == pytest.approx(3)
    assert late([1, 8, 8, 8], 8) == pytest.approx((1 + 6 + 6 + 6) / 4)
    assert lag([1, 8, 8, 8], 8) == pytest.approx((1 + 6) / 2)
    assert late([2, 9, 9], 2, written=1) == 2 and late([0, 0], 4, written=0) == 0


def test_lag_in_words_by_hand() -> None:
    """Three words of 2, 1 and 2 pieces, two of 2 and 1; what counts is when a word's last piece was written."""
    source, target = [1, 1, 2, 3, 3], [1, 1, 2]
    assert words_heard([1, 3, 5], source, target) == [2, 3]
    # |x| / |y| = 3 / 2: (2 - 0) + (3 - 3 / 2), of two.
    assert lagging_in_words([1, 3, 5], source, target) == pytest.approx((2 + 1.5) / 2)
    assert lagging_in_words([5, 5, 5], source, target) == 3
    assert words_heard([0, 1, 4], source, target) == [1, 3]
    assert lagging_in_words([], source, []) == 0


def test_the_lesson_is_the_whole_sentence() -> None:
    """Whatever was heard."""
    core, example = world(), torch.arange(4)
    core.begin(example, example)
    assert torch.equal(core.lesson()["source"], core.label) and not core.lesson()["target"].any()
