"""Reading with jumps: observations, legal jumps, costs, and the best policy of number prediction."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.text.options import SkimOptions
from glimpse.envs.text.skimming import Skimming

TEXTS = "label\ttext\na\tone two three four five six seven\nb\teight nine\na\tten. eleven twelve. one two. three\n" * 4


def make(tmp_path: Path, env: str = "skim", **options: Any) -> Skimming:
    """Make an environment with three short texts, each four times."""
    path = tmp_path / "texts.tsv"
    path.write_text(TEXTS)
    file = f"file:{path}"
    given = {"name": env, "data": file, "validation": file, "test": file, "vectors": "none", **options}
    task = SkimOptions.model_validate(given)
    return Skimming(task, Skimming.load_data(task, "train"))


def words(env: Skimming, observation: dict[str, Tensor]) -> list[str]:
    """Return the words of each lane's window."""
    return [
        " ".join(env.vocabulary.words[number] for number in text if number) for text in observation["words"].tolist()
    ]


def act(jump: list[int], answer: int = 0) -> dict[str, Tensor]:
    """Make an action of all lanes."""
    return {"jump": torch.tensor(jump), "answer": torch.full((len(jump),), answer)}


def test_windows_jumps_and_the_end(tmp_path: Path) -> None:
    """With windows of two words a jump of 1 continues, 2 skips a word, and 0 or a jump beyond the text stops."""
    env = make(tmp_path, window=2, longest_jump=3, jumps=3, cost=0.1)
    example = torch.tensor([0, 0, 1])
    observation = env.reset(example, example)
    assert words(env, observation) == ["one two", "one two", "eight nine"]
    assert observation["legal"].tolist() == [[True] * 4, [True] * 4, [True, False, False, False]]
    step = env.step(act([1, 3, 1], answer=int(env.label[0])))
    assert words(env, step.observation) == ["three four", "five six", "eight nine"]
    assert step.terminated.tolist() == [False, False, True]
    wrong = float(env.label[0] == env.label[2]) - 0.2  # The jump beyond the text stopped, with another's answer.
    assert step.reward.tolist() == pytest.approx([-0.2, -0.2, wrong])
    assert step.observation["position"].flatten().tolist() == pytest.approx([2 / 7, 4 / 7, 0])
    step = env.step(act([2, 1, 1], answer=int(env.label[0])))
    assert words(env, step.observation) == ["six seven", "seven", "eight nine"]
    assert step.reward.tolist() == pytest.approx([-0.2, -0.2, 0])
    step = env.step(act([0, 0, 0], answer=int(env.label[0])))
    assert step.reward.tolist() == pytest.approx([0.8, 0.9, 0]) and step.terminated.all()
    assert step.observation["time"].tolist() == [3, 3, 1]


def test_jumps_are_counted(tmp_path: Path) -> None:
    """After the last jump only stopping is legal, and any other action stops too."""
    env = make(tmp_path, window=1, longest_jump=2, jumps=2)
    env.reset(torch.tensor([0]), torch.tensor([0]))
    assert not env.step(act([1])).terminated.any()
    step = env.step(act([1]))
    assert step.observation["legal"].tolist() == [[True, False, False]] and not step.terminated.any()
    assert env.step(act([1])).terminated.all()


def test_sentences_are_read_whole(tmp_path: Path) -> None:
    """A window is a sentence, a jump skips sentences, and the words of the window cost."""
    env = make(tmp_path, "sentence-pick", longest_jump=3, jumps=5, cost=0.5)
    observation = env.reset(torch.tensor([2]), torch.tensor([0]))
    assert words(env, observation) == ["ten ."]
    step = env.step(act([2]))
    assert words(env, step.observation) == ["one two ."] and step.reward.item() == -1.0
    assert step.observation["legal"].tolist() == [[True, True, False, False]]
    assert words(env, env.step(act([1])).observation) == ["three"]
    assert env.word_counts(torch.tensor([2])).item() == 9


def test_resetting_a_lane_leaves_the_others(tmp_path: Path) -> None:
    """The other lanes keep their positions."""
    env = make(tmp_path, window=2)
    env.reset(torch.tensor([0, 0]), torch.tensor([0, 0]))
    env.step(act([1, 0]))
    observation = env.reset_lanes(torch.tensor([1]), torch.tensor([1]), torch.tensor([5]))
    assert words(env, observation) == ["three four", "eight nine"] and observation["time"].tolist() == [1, 0]


def test_the_best_policy_of_number_prediction() -> None:
    """To jump by the number that is read, and answer with the one found there, is always right."""
    task = SkimOptions.model_validate({"name": "number-prediction", "cost": 0.01})
    env = Skimming(task, Skimming.load_data(task, "test"))
    example = torch.arange(env.examples)
    value = torch.tensor([int(word) if word.isdigit() else 0 for word in env.vocabulary.words])
    first = value[env.reset(example, example)["words"][:, 0]]
    step = env.step({"jump": first, "answer": first})
    found = value[step.observation["words"][:, 0]]
    earned = step.reward + env.step({"jump": torch.zeros_like(first), "answer": found}).reward
    torch.testing.assert_close(earned, 1 - 0.01 * (1 + (first > 0)))


def test_pairs_are_refused(tmp_path: Path) -> None:
    """The error says what the environment reads; labels that are no classes are refused by its options."""
    path = tmp_path / "pairs.tsv"
    rows = "".join(f"{number % 3}\tone {number}\ttwo\n" for number in range(30))
    path.write_text(f"label\ttext\tother\n{rows}")
    task = SkimOptions.model_validate({"name": "skim", "data": f"file:{path}", "vectors": "none", "text2": "other"})
    with pytest.raises(ValueError, match="single texts"):
        Skimming(task, Skimming.load_data(task, "train"))


def test_windows_are_kept_or_skipped(tmp_path: Path) -> None:
    """The next window is observed; a kept one costs its words, and a skipped one leaves no words."""
    env = make(tmp_path, window=2, choice="keep", jumps=4, cost=0.1)
    example = torch.tensor([0, 0, 1])
    observation = env.reset(example, example)
    assert words(env, observation) == ["", "", ""]
    assert words(env, {"words": observation["glance"]}) == ["one two", "one two", "eight nine"]
    assert observation["legal"].tolist() == [[True, True, True]] * 3
    step = env.step(act([1, 2, 1]))
    assert step.reward.tolist() == [0, 0, 0]
    assert words(env, step.observation) == ["one two", "", "eight nine"]
    assert words(env, {"words": step.observation["glance"]}) == ["three four", "three four", ""]
    assert step.observation["legal"].tolist() == [[True, True, True], [True, True, True], [True, False, False]]
    step = env.step(act([2, 1, 0], answer=int(env.label[2])))
    assert step.reward.tolist() == pytest.approx([-0.2, 0, 0.8])
    assert words(env, step.observation) == ["", "three four", "eight nine"]
    assert step.observation["position"].flatten().tolist() == pytest.approx([2 / 7, 2 / 7, 0])
    env.step(act([1, 1, 0]))
    step = env.step(act([1, 2, 0]))
    assert words(env, step.observation) == ["seven", "", "eight nine"]
    assert not step.observation["legal"][:2, 1:].any()
    assert env.span(0, 4 / 7) == (4, 6)


def test_a_lane_is_reset_with_nothing_read(tmp_path: Path) -> None:
    """With `choice: keep` the window is empty after a reset."""
    env = make(tmp_path, window=2, choice="keep")
    env.reset(torch.tensor([0, 0]), torch.tensor([0, 0]))
    env.step(act([1, 1]))
    observation = env.reset_lanes(torch.tensor([1]), torch.tensor([1]), torch.tensor([5]))
    assert words(env, observation) == ["one two", ""]
    assert words(env, {"words": observation["glance"]}) == ["three four", "eight nine"]
