"""Tests of loading runs and of predictions, without config or data at hand."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import glimpse
from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.inference.loaded_agent import LoadedAgent
from glimpse.inference.predictions import ImagePrediction, TextPrediction, TranslationPrediction

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("load")

QUICK = ["threads=1", "track.mode=disabled"]


def train(folder: Path, *words: str) -> Path:
    """Train a run and return its folder."""
    assert main(["train", *words, *QUICK, "--run", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return RAM that tells black from white pictures, whose data are gone."""
    base = tmp_path_factory.mktemp("images")
    for part in ("train", "test"):
        for name, value in (("black", 0), ("white", 255)):
            (base / "data" / part / name).mkdir(parents=True)
            for number in range(12):
                Image.new("L", (8, 8), value).save(base / "data" / part / name / f"{number}.png")
    words = ["digits-ram", "task.name=images", f"task.data=folder:{base / 'data'}", "train.steps=40", "train.batch=8"]
    run = train(base / "run", *words)
    shutil.rmtree(base / "data")
    return glimpse.load(run)


def test_a_picture_is_answered_in_every_form(digits: Any, tmp_path: Path) -> None:
    """Path, Pillow image, array and tensor of one picture have one prediction, with all that was seen."""
    white = np.full((8, 8), 255, np.uint8)
    Image.fromarray(white).save(tmp_path / "a.png")
    forms = [
        str(tmp_path / "a.png"),
        tmp_path / "a.png",
        Image.fromarray(white),
        white,
        white[..., None],
        white / 255.0,
        np.stack([white] * 3, -1),
        torch.from_numpy(white),
        torch.from_numpy(white)[None] / 255,
        np.full((24, 24), 255, np.uint8),
    ]
    seen = digits.predict(forms)
    assert digits.classes == ("black", "white") and all(isinstance(one, ImagePrediction) for one in seen)
    first = digits.predict(forms[0])
    assert first.label == "white" and first.probability == first.probabilities["white"] > 0.5
    steps = len(first.locations)
    assert first.locations.shape == (steps, 2) and first.glimpses.shape[:1] == (steps,)
    assert first.answers_over_time[-1] == "white" and first.probabilities_over_time.shape == (steps, 2)
    assert all(one.picture.tolist() == first.picture.tolist() and one.label == "white" for one in seen)
    assert digits.predict(np.zeros((8, 8), np.uint8)).label == "black" and digits.predict([]) == []
    plain = json.loads(json.dumps(first.to_dict()))
    assert plain["label"] == "white" and "drawing" not in plain and len(plain["locations"]) == steps
    assert first._repr_html_().startswith('<img alt="scanpath" src="data:image/png;base64,')


def test_coloured_pictures_are_seen_as_in_training(tmp_path: Path) -> None:
    """The glimpses, locations and answers are those of the environment that shows the same pictures."""
    noise = np.random.default_rng(3)
    for part in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / "data" / part / name).mkdir(parents=True)
            for number in range(6):
                pixels = noise.integers(0, 256, (9, 12, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "data" / part / name / f"{number}.png")
    words = ["digits-ram", "task.name=images", f"task.data=folder:{tmp_path / 'data'}", "train.steps=2"]
    agent = glimpse.load(train(tmp_path / "run", *words, "train.batch=4", "task.initial_location=centre"))
    files = sorted((tmp_path / "data" / "test").glob("*/*.png"))
    seen = agent.predict([str(file) for file in files])
    env: Any = glimpse.make_env(agent)
    episode = glimpse.rollout(agent, env, greedy=True)
    for number, one in enumerate(seen):
        assert one.picture.tolist() == env.picture()[number].tolist()
        assert torch.equal(torch.from_numpy(one.glimpses), episode.observation["glimpse"][: len(one.glimpses), number])


def test_options_of_predictions(digits: Any) -> None:
    """Sampled rollouts are averaged and depend on the seed alone; batches change nothing."""
    pictures = [np.full((8, 8), value, np.uint8) for value in (0, 255, 90)]
    one, again = (digits.predict(pictures, rollouts=3, seed=5) for _ in range(2))
    assert [each.probabilities for each in one] == [each.probabilities for each in again]
    small = digits.predict(pictures, rollouts=3, seed=5, batch=2)
    assert [each.label for each in small[:2]] == [each.label for each in one[:2]]
    assert sum(one[0].probabilities.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ("nowhere.png", {}, "nowhere.png cannot be read as an image"),
        (3, {}, "expected a path, a Pillow image, a NumPy array or a tensor as the picture, got int"),
        (np.zeros((2, 2, 2), np.uint8), {}, r"\(H, W\) or \(H, W, C\).*got the shape \(2, 2, 2\)"),
        (np.zeros((8, 8)) + 255.0, {}, r"floats in \[0, 1\].*divide by 255"),
        (np.full((8, 8), np.nan), {}, r"floats in \[0, 1\]"),
        (np.full((8, 8), 300), {}, "uint8"),
        (np.zeros((0, 8), np.uint8), {}, "got the shape"),
        (np.zeros((8, 8), np.uint8), {"rolouts": 3}, "rolouts.*options are greedy, rollouts, batch"),
        (np.zeros((8, 8), np.uint8), {"rollouts": 0}, "rollouts.*greater than or equal to 1"),
    ],
)
def test_bad_input_is_one_clear_error(digits: Any, given: Any, options: dict[str, Any], message: str) -> None:
    """The error says what was expected and what came."""
    with pytest.raises(UserError, match=message):
        digits.predict(given, **options)


def test_texts_are_answered_without_their_data(tmp_path: Path) -> None:
    """A reader of own texts answers with its tokens, their weights, and whether they are known."""
    table = tmp_path / "films.csv"
    rows = [
        f"the film was {word} {number},{label}"
        for word, label in (("good", "yes"), ("bad", "no"))
        for number in range(40)
    ]
    table.write_text("text,label\n" + "\n".join(rows) + "\n")
    words = ["sst2-attention", f"task.data=file:{table}", "task.vectors=none", "train.steps=40", "train.batch=16"]
    words += ["train.learning_rate=0.02", "train.warmup=0"]
    run = train(tmp_path / "run", *words)
    table.unlink()
    agent = glimpse.load(str(run))
    good, bad = agent.predict(["the film was good 3", "The film was bad, utterly"])
    assert isinstance(good, TextPrediction) and (good.label, bad.label) == ("yes", "no")
    assert [token.text for token in good.tokens] == ["the", "film", "was", "good", "3"] and good.score is None
    assert all(token.kept for token in good.tokens) and not bad.tokens[-1].known
    assert sum(token.weight or 0 for token in good.tokens) == pytest.approx(1, abs=1e-3)
    assert json.loads(json.dumps(good.to_dict()))["tokens"][0]["text"] == "the" and "<figure" in good._repr_html_()
    for wrong, message in ((3, "expected a text"), ("", "one word or more"), (("a", "b"), "one text at a time")):
        with pytest.raises(UserError, match=message):
            agent.predict(wrong)


def test_a_part_of_a_text_is_read(tmp_path: Path) -> None:
    """A skimmer's prediction says which tokens it read."""
    small = ["train.steps=2", "train.batch=8", "agent.memory_width=8"]
    agent = glimpse.load(train(tmp_path / "run", "number-prediction", *small))
    seen = agent.predict("3 1 2 0 1 2 3")
    assert {token.kept for token in seen.tokens} <= {True, False} and seen.label in agent.classes


def test_sentences_are_translated(tmp_path: Path) -> None:
    """A translation has its alignment, and alternatives where several are asked for."""
    small = ["task.strings=500", "task.symbols=4", "task.longest=4", "train.steps=20", "train.evaluate_every=20"]
    agent = glimpse.load(train(tmp_path / "run", "copy-bahdanau", *small))
    one = agent.predict("a b", n_best=3)
    assert isinstance(one, TranslationPrediction) and len(one.alternatives) == 3
    assert one.alternatives[0] == (one.translation, one.log_prob) and one.source_tokens == ("a", "b", "</s>")
    assert one.alignment is not None and one.alignment.shape == (len(one.target_tokens), 3)
    assert [each.text for each in agent.predict(["a b", "b"])] == ["a b", "b"]
    with pytest.raises(UserError, match="one word or more"):
        agent.predict(" ")


def test_a_run_without_inputs_says_so(tmp_path: Path) -> None:
    """Catch takes no pictures, and what is no run is named."""
    catch: Any = SimpleNamespace(experiment=load_experiment("catch-ram"), agent=None, env=None)
    with pytest.raises(UserError, match="the task 'catch' takes no inputs of your own"):
        LoadedAgent(catch).predict("a.png")
    with pytest.raises(UserError, match="holds no run"):
        glimpse.load(tmp_path / "nowhere")
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        glimpse.lod  # noqa: B018
