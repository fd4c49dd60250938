"""Reading with jumps: what is shown, what is legal, what it costs, and the optimum of number prediction."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.text.skim_options import SkimOptions
from glimpse.envs.text.skimming import Skimming

TEXTS = "label\ttext\na\tone two three four five six seven\nb\teight nine\na\tten. eleven twelve. one two. three\n" * 4


def make(tmp_path: Path, world: str = "skim", **options: Any) -> Skimming:
    """A world that shows three short texts, four times."""
    path = tmp_path / "texts.tsv"
    path.write_text(TEXTS)
    file = f"file:{path}"
    given = {"name": world, "data": file, "validation": file, "test": file, "vectors": "none", **options}
    task = SkimOptions.model_validate(given)
    return Skimming(task, Skimming.load_data(task, "train"))


def words(world: Skimming, observation: dict[str, Tensor]) -> list[str]:
    """What each lane's window says."""
    return [
        " ".join(world.vocabulary.words[number] for number in text if number) for text in observation["words"].tolist()
    ]


def act(jump: list[int], answer: int = 0) -> dict[str, Tensor]:
    """An action of all lanes."""
    return {"jump": torch.tensor(jump), "answer": torch.full((len(jump),), answer)}


def test_windows_jumps_and_the_end(tmp_path: Path) -> None:
    """Two words at a time: a jump of 1 goes on, of 2 leaves one out; beyond the text it stops, as 0 does."""
    world = make(tmp_path, window=2, longest_jump=3, jumps=3, cost=0.1)
    example = torch.tensor([0, 0, 1])
    observation = world.begin(example, example)
    assert words(world, observation) == ["one two", "one two", "eight nine"]
    assert observation["legal"].tolist() == [[True] * 4, [True] * 4, [True, False, False, False]]
    step = world.step(act([1, 3, 1], answer=int(world.label[0])))
    assert words(world, step.observation) == ["three four", "five six", "eight nine"]
    assert step.terminated.tolist() == [False, False, True]
    wrong = float(world.label[0] == world.label[2]) - 0.2  # The jump beyond the text stopped, with another's answer.
    assert step.reward.tolist() == pytest.approx([-0.2, -0.2, wrong])
    assert step.observation["place"].flatten().tolist() == pytest.approx([2 / 7, 4 / 7, 0])
    step = world.step(act([2, 1, 1], answer=int(world.label[0])))
    assert words(world, step.observation) == ["six seven", "seven", "eight nine"]
    assert step.reward.tolist() == pytest.approx([-0.2, -0.2, 0])
    step = world.step(act([0, 0, 0], answer=int(world.label[0])))
    assert step.reward.tolist() == pytest.approx([0.8, 0.9, 0]) and step.terminated.all()
    assert step.observation["time"].tolist() == [3, 3, 1]


def test_jumps_are_counted(tmp_path: Path) -> None:
    """After the last of them stopping alone is legal, and anything else stops too."""
    world = make(tmp_path, window=1, longest_jump=2, jumps=2)
    world.begin(torch.tensor([0]), torch.tensor([0]))
    assert not world.step(act([1])).terminated.any()
    step = world.step(act([1]))
    assert step.observation["legal"].tolist() == [[True, False, False]] and not step.terminated.any()
    assert world.step(act([1])).terminated.all()


def test_sentences_are_read_whole(tmp_path: Path) -> None:
    """A window is a sentence, and a jump leaves sentences out; its words are what it costs."""
    world = make(tmp_path, "sentence-pick", longest_jump=3, jumps=5, cost=0.5)
    observation = world.begin(torch.tensor([2]), torch.tensor([0]))
    assert words(world, observation) == ["ten ."]
    step = world.step(act([2]))
    assert words(world, step.observation) == ["one two ."] and step.reward.item() == -1.0
    assert step.observation["legal"].tolist() == [[True, True, False, False]]
    assert words(world, world.step(act([1])).observation) == ["three"]
    assert world.words_of(torch.tensor([2])).item() == 9


def test_a_lane_that_begins_anew_disturbs_no_other(tmp_path: Path) -> None:
    """The others stand where they were."""
    world = make(tmp_path, window=2)
    world.begin(torch.tensor([0, 0]), torch.tensor([0, 0]))
    world.step(act([1, 0]))
    observation = world.restart(torch.tensor([1]), torch.tensor([1]), torch.tensor([5]))
    assert words(world, observation) == ["three four", "eight nine"] and observation["time"].tolist() == [1, 0]


def test_the_best_policy_of_number_prediction() -> None:
    """Jump by the number that is read, and answer with the one found there: always right, by two numbers at most."""
    task = SkimOptions.model_validate({"name": "number-prediction", "cost": 0.01})
    world = Skimming(task, Skimming.load_data(task, "test"))
    example = torch.arange(world.examples)
    value = torch.tensor([int(word) if word.isdigit() else 0 for word in world.vocabulary.words])
    first = value[world.begin(example, example)["words"][:, 0]]
    step = world.step({"jump": first, "answer": first})
    found = value[step.observation["words"][:, 0]]
    earned = step.reward + world.step({"jump": torch.zeros_like(first), "answer": found}).reward
    torch.testing.assert_close(earned, 1 - 0.01 * (1 + (first > 0)))


@pytest.mark.parametrize(("data", "said"), [("sick-e", "single texts"), ("sick-r", "single texts")])
def test_pairs_and_scores_are_refused(data: str, said: str, tmp_path: Path) -> None:
    """With a plain error."""
    path = tmp_path / "pairs.tsv"
    rows = "".join(f"{number % 3}\tone {number}\ttwo\n" for number in range(30))
    path.write_text(f"label\ttext\tother\n{rows}")
    labels = {"text2": "other"} if data == "sick-e" else {"labels": "scores"}
    task = SkimOptions.model_validate({"name": "skim", "data": f"file:{path}", "vectors": "none", **labels})
    with pytest.raises(ValueError, match=said):
        Skimming(task, Skimming.load_data(task, "train"))


def test_windows_are_kept_or_skipped(tmp_path: Path) -> None:
    """Each is glanced at; a kept one is read, and costs; what was skipped leaves nothing; the end is known."""
    world = make(tmp_path, window=2, choice="keep", jumps=4, cost=0.1)
    example = torch.tensor([0, 0, 1])
    observation = world.begin(example, example)
    assert words(world, observation) == ["", "", ""]
    assert words(world, {"words": observation["glance"]}) == ["one two", "one two", "eight nine"]
    assert observation["legal"].tolist() == [[True, True, True]] * 3
    step = world.step(act([1, 2, 1]))
    assert step.reward.tolist() == [0, 0, 0]
    assert words(world, step.observation) == ["one two", "", "eight nine"]
    assert words(world, {"words": step.observation["glance"]}) == ["three four", "three four", ""]
    assert step.observation["legal"].tolist() == [[True, True, True], [True, True, True], [True, False, False]]
    step = world.step(act([2, 1, 0], answer=int(world.label[2])))
    assert step.reward.tolist() == pytest.approx([-0.2, 0, 0.8])
    assert words(world, step.observation) == ["", "three four", "eight nine"]
    assert step.observation["place"].flatten().tolist() == pytest.approx([2 / 7, 2 / 7, 0])
    world.step(act([1, 1, 0]))
    step = world.step(act([1, 2, 0]))
    assert words(world, step.observation) == ["seven", "", "eight nine"]
    assert not step.observation["legal"][:2, 1:].any()
    assert world.span(0, 4 / 7) == (4, 6)


def test_a_lane_begins_anew_with_nothing_read(tmp_path: Path) -> None:
    """Where windows are kept or skipped."""
    world = make(tmp_path, window=2, choice="keep")
    world.begin(torch.tensor([0, 0]), torch.tensor([0, 0]))
    world.step(act([1, 1]))
    observation = world.restart(torch.tensor([1]), torch.tensor([1]), torch.tensor([5]))
    assert words(world, observation) == ["one two", ""]
    assert words(world, {"words": observation["glance"]}) == ["three four", "eight nine"]
