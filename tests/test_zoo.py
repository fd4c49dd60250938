"""Tests of the zoo: each agent loads and answers, and a part of its test set agrees with its card's number."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest
from torch import Tensor

import glimpse
from glimpse.cli.command_line import main
from glimpse.envs.core import EvaluatedEnv
from glimpse.envs.data.registry import DATA_SETS
from glimpse.envs.data.sources import SearchPath, find_copies
from glimpse.evaluation.bleu_counts import bleu_interval, count_matches
from glimpse.evaluation.evaluate import evaluate_run
from glimpse.evaluation.scores import EpisodeStatistics, measure_averaged, ordered_by_length
from glimpse.families import family_of, inputs_taken
from glimpse.inference.loaded_agent import LoadedAgent
from glimpse.runs.run_source import zoo_folder, zoo_names

LARGEST = 16_000_000
"""Bytes of the whole zoo."""
PART = 400
"""Number of test pictures that are measured, and of texts where there are many."""
FEW = 40
"""Number of test texts that are measured where it is of where the results go."""
SENTENCES = 150
"""Number of test sentences that are translated."""
MANY_TEXTS = 10_000
"""Number of test texts of which a part is measured."""


def card(name: str) -> dict[str, Any]:
    """Return the facts of a card."""
    facts: dict[str, Any] = json.loads((zoo_folder() / name / "card.json").read_text())
    return facts


def skip_without_data(agent: LoadedAgent) -> None:
    """Skip the test if the data of an agent are files that are not on this machine."""
    known = DATA_SETS.get(str(getattr(agent.experiment.task, "data", "mnist")))
    files = known.files if known else None
    if files and not all(find_copies(files, file, SearchPath.of(None)) for file in files.md5):
        pytest.skip(f"{files.name} is not here")


def measure_some(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let evaluations measure about `count` examples, from everywhere in a test set that may be in an order."""

    def some(env: EvaluatedEnv) -> Tensor:
        return ordered_by_length(env)[:: max(1, env.examples // count)]

    monkeypatch.setattr("glimpse.evaluation.scores.ordered_by_length", some)


def test_the_zoo_is_small_and_complete() -> None:
    """All agents together take at most 16 MB, each has a card, and there are no other files."""
    files = [path for path in zoo_folder().rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= LARGEST
    names = {"README.md", "card.json", "config.yaml", "evaluation.json", "meaning.json"}
    names |= {"weights.safetensors", "state.json", "manifest.json"}
    for name in zoo_names():
        assert {path.name for path in files if name in path.parts} == names


@pytest.mark.parametrize("name", zoo_names())
def test_a_card_says_what_its_record_says(name: str) -> None:
    """The card's number is that of the evaluation beside it, and stands in its text."""
    facts, text = card(name), (zoo_folder() / name / "README.md").read_text()
    measure = facts["measure"]
    assert facts["name"] == name and f'glimpse.load("{name}")' in text
    assert measure["low"] <= measure["value"] <= measure["high"]
    assert f"{measure['name']}: {round(measure['value'], 4):.4g}" in text
    assert facts["data"]["licence"] != "not stated" and facts["data"]["licence"] in text


@pytest.mark.parametrize("name", zoo_names())
def test_an_agent_keeps_what_its_card_promises(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On some examples of its test set its measure is one that chance can explain."""
    facts, agent = card(name), glimpse.load(name)
    skip_without_data(agent)
    env: Any = agent.env_of_split("test")
    if "BLEU" in facts["measure"]["name"]:
        sources, references = env.texts.source[:SENTENCES], env.texts.target[:SENTENCES]
        found = [one.translation for one in agent.predict(list(sources))]
        low, high = bleu_interval(count_matches(found, references, env.options.lower, env.options.target))
        assert low - (high - low) / 2 < facts["measure"]["value"] < high + (high - low) / 2
        return
    pictures = family_of(agent.experiment.task.name).takes == "pictures"
    if pictures or env.examples > MANY_TEXTS:
        measure_some(PART, monkeypatch)
    score = measure_averaged(agent.module, env, agent.experiment.evaluate, EpisodeStatistics).score
    expected, count = facts["measure"]["value"], score.episodes
    assert count >= min(PART, env.examples)
    if "Pearson" in facts["measure"]["name"]:
        assert abs(math.atanh(score.figures["pearson"]) - math.atanh(expected)) < 4 / math.sqrt(count - 3)
    else:
        share = 1 - expected / 100 if facts["measure"]["name"].startswith("caught") else expected / 100
        wrong = round(score.error / 100 * count)
        assert binomtest(wrong, count, max(share, 0.001)).pvalue > 1e-4


@pytest.mark.parametrize("name", zoo_names())
def test_an_agent_answers(name: str) -> None:
    """Without data, each answers an input of the user's own, or acts in its environment."""
    agent = glimpse.load(name)
    if not inputs_taken(agent.experiment.task.name):
        skip_without_data(agent)
        episode = glimpse.rollout(agent, glimpse.make_env(agent), [0, 1])
        assert episode.reward.shape[1] == 2
        return
    given: Any = np.zeros((28, 28), np.uint8)
    if agent.takes == "texts":
        given = ("one text", "another one") if agent.reads_pairs else "what is the name of this ?"
    found = agent.predict(given).to_dict()
    assert json.loads(json.dumps(found)).keys() == found.keys()


def test_the_list_and_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    """The command lists every agent with its measure, as a table and as JSON, and prints a card."""
    assert main(["zoo"]) == 0
    table = capsys.readouterr().out
    assert [line.split()[0] for line in table.splitlines()[1:-2]] == zoo_names()
    assert main(["zoo", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == zoo_names()
    assert main(["zoo", "mnist-ram"]) == 0
    assert capsys.readouterr().out.startswith("# mnist-ram\n")
    assert main(["zoo", "mnist-rom"]) == 2
    assert "the zoo has no agent 'mnist-rom'" in capsys.readouterr().err


def test_results_are_written_beside_the_zoo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is measured of an agent of the zoo goes to a copy under runs/; another run there is left alone."""
    monkeypatch.chdir(tmp_path)
    measure_some(FEW, monkeypatch)
    before = {path: path.read_bytes() for path in (zoo_folder() / "planted").rglob("*") if path.is_file()}
    assert main(["evaluate", "planted", "--copies", "1"]) == 0
    assert "copied planted to runs/planted" in capsys.readouterr().out
    assert (tmp_path / "runs/planted/predictions-test.safetensors").is_file()
    assert main(["compare", "planted", "zoo:mnist-ram"]) == 0
    assert {path: path.read_bytes() for path in (zoo_folder() / "planted").rglob("*") if path.is_file()} == before
    manifest = next((tmp_path / "runs/planted/best").glob("*/manifest.json"))
    manifest.write_text(manifest.read_text().replace("sha256", "sha255"))
    capsys.readouterr()
    assert main(["evaluate", "planted", "--copies", "1"]) == 2
    assert "runs/planted is not a copy of planted" in capsys.readouterr().err


def test_a_folder_comes_before_the_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in a folder of an agent's name is meant by that name; `zoo:` means the zoo's."""
    monkeypatch.chdir(tmp_path)
    measure_some(FEW, monkeypatch)
    assert main(["evaluate", "planted", "--copies", "1"]) == 0
    (tmp_path / "runs/planted").rename(tmp_path / "planted")
    assert evaluate_run(tmp_path / "planted", "validation", 1)["step"] == card("planted")["step"]
    assert repr(glimpse.load("planted")).endswith(", planted>")
    assert repr(glimpse.load("zoo:planted")).endswith(f"{zoo_folder() / 'planted'}>")


def test_own_pictures_are_put_on_a_canvas_or_are_the_scene(tmp_path: Path) -> None:
    """A picture of the canvas's size is the whole scene, also as a file; a smaller one is put on it without clutter."""
    agent = glimpse.load("cluttered-ram")
    digit = np.zeros((28, 28), np.uint8)
    digit[6:8, 7:21] = digit[6:23, 13:15] = 255
    scene = np.zeros((60, 60), np.uint8)
    scene[30:58, 2:30] = digit
    Image.fromarray(scene).save(tmp_path / "scene.png")
    alone = [agent.predict(one) for one in (digit, scene, tmp_path / "scene.png")]
    assert [int(one.picture.sum()) for one in alone] == [int(digit.sum())] * 3
    assert (alone[1].picture[0] == scene).all() and (alone[2].picture[0] == scene).all()
    assert alone[1].to_dict() == alone[2].to_dict()
    together = agent.predict([scene, digit, digit])
    assert (together[0].picture[0] == scene).all() and int(together[2].picture.sum()) == int(digit.sum())
