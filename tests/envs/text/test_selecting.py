"""Selecting words for a classifier: what is read, what it costs, and the best selection."""

import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.envs.text.options import SelectOptions
from glimpse.envs.text.selecting import Selecting

ROWS = [
    "good\tfine film",
    "bad\tdull film",
    "good\tfine fine plot here",
    "bad\tdull and slow plot",
    "good\tfine , not dull",
]


def make(tmp_path: Path, rows: list[str] | None = None, head: str = "label\ttext", **options: Any) -> Selecting:
    """Make an environment of a few short texts, with the same ones for training and test."""
    path = tmp_path / "texts.tsv"
    path.write_text("\n".join([head, *(rows or ROWS)]) + "\n")
    file = f"file:{path}"
    given = {"name": "sentence-select", "data": file, "validation": file, "test": file, "vectors": "none", **options}
    task = SelectOptions.model_validate(given)
    return Selecting(task, Selecting.load_data(task, "test"))


def bits(*positions: int, width: int = 4) -> torch.Tensor:
    """Return a selection of some words, (1, width) bool."""
    return torch.tensor([[position in positions for position in range(width)]])


def test_the_reward_by_hand(tmp_path: Path) -> None:
    """The reward is log p, from smoothed counts, less lambda times the share of pairs."""
    env = make(tmp_path, ROWS[:2], cost=0.5)
    assert env.labels == ("bad", "good")
    example = torch.tensor([0])
    text = env.reset(example, example)["text"]
    spelled = [env.vocabulary.words[number] for number in text[0].tolist()]
    assert spelled == ["fine", "film"]
    # Of five words (padding, unknown, three known) each class has two counted: fine has (1 + 1) / 7 against 1 / 7.
    step = env.step({"head": bits(1, width=2), "dependent": bits(0, width=2)})
    assert step.reward.item() == pytest.approx(math.log(2 / 3) - 0.5 * 0.25, abs=1e-5)
    assert step.terminated.all() and env.step({"head": bits(width=2), "dependent": bits(width=2)}).reward.item() == 0


def test_a_limit_is_the_width_of_every_split(tmp_path: Path) -> None:
    """By default the width is that of the longest text, which differs between splits."""
    assert make(tmp_path, max_words=9).action_space["head"].shape == (9,)
    assert make(tmp_path).action_space["head"].shape == (4,)


@pytest.mark.parametrize(
    ("head", "dependent", "read"),
    [((), (0, 1), False), ((0,), (0,), False), ((1,), (0,), True), ((0, 1), (0,), True), ((0,), (), False)],
)
def test_a_word_is_read_by_another_head(
    head: tuple[int, ...], dependent: tuple[int, ...], read: bool, tmp_path: Path
) -> None:
    """A word is not read by itself, or without a head."""
    env = make(tmp_path, ROWS[:2], cost=0.0)
    env.reset(torch.tensor([0]), torch.tensor([0]))
    step = env.step({"head": bits(*head, width=2), "dependent": bits(*dependent, width=2)})
    assert step.reward.item() == pytest.approx(math.log(2 / 3) if read else math.log(1 / 2), abs=1e-5)


@pytest.mark.parametrize("sparsity", ["product", "mean", "sum"])
@pytest.mark.parametrize("cost", [0.0, 0.1, 1.0])
def test_the_optimum_is_the_best_of_all_selections(sparsity: str, cost: float, tmp_path: Path) -> None:
    """It is compared with all 2^(2n) selections, for each text of up to four words."""
    env = make(tmp_path, sparsity=sparsity, cost=cost)
    for example in range(env.examples):
        every = torch.tensor(list(product([False, True], repeat=8))).view(-1, 2, 4)
        index = torch.full((len(every),), example)
        env.reset(index, index)
        best = env.step({"head": every[:, 0], "dependent": every[:, 1]}).reward.max().item()
        found = env.optimum(example)
        assert found.reward == pytest.approx(best, abs=1e-6)
        env.reset(index[:1], index[:1])
        again = env.step({"head": found.head[None], "dependent": found.dependent[None]})
        assert again.reward.item() == pytest.approx(found.reward)


def test_selected_padding_is_ignored(tmp_path: Path) -> None:
    """Selected padding changes nothing."""
    env = make(tmp_path)
    env.reset(torch.tensor([0, 0]), torch.tensor([0, 0]))
    head, dependent = torch.tensor([[0, 1, 0, 0], [0, 1, 1, 1]]), torch.tensor([[1, 0, 0, 0], [1, 0, 1, 1]])
    rewards = env.step({"head": head, "dependent": dependent}).reward
    assert rewards[0] == rewards[1]


def test_each_text_of_a_pair_has_a_selection(tmp_path: Path) -> None:
    """The first and the second text have counts of their own, and the cost is the mean of both."""
    rows = ["yes\tone two\tthree four", "no\tthree four\tone two"]
    env = make(tmp_path, rows, "label\ttext\tother", text2="other", cost=1.0)
    assert set(env.action_space) == {"head", "dependent", "head2", "dependent2"}
    env.reset(torch.tensor([0]), torch.tensor([0]))
    none, first, second = bits(width=2), bits(0, width=2), bits(1, width=2)
    step = env.step({"head": second, "dependent": first, "head2": none, "dependent2": none})
    assert step.reward.item() == pytest.approx(math.log(2 / 3) - 0.25 / 2, abs=1e-5)
    with pytest.raises(ValueError, match="single texts"):
        env.optimum(0)


def test_long_texts_have_no_known_optimum(tmp_path: Path) -> None:
    """The error says so."""
    env = make(tmp_path, ["a\tone two three four five six seven eight nine", "b\tone"])
    with pytest.raises(ValueError, match="at most 8 words, not of 9"):
        env.optimum(0)
