"""Tests of `task.validation`: pictures of the user's own as validation data."""

from pathlib import Path

import pytest
from PIL import Image

from glimpse.cli.command_line import main
from glimpse.envs.errors import DataError
from glimpse.envs.images.image_data import load_images
from glimpse.envs.meaning import env_meaning
from glimpse.runs.kept_data import read_kept_data
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run


def _save(folder: Path, name: str, greys: dict[str, int], size: tuple[int, int] = (8, 8), mode: str = "L") -> None:
    """Save a picture of one grey for each class."""
    for label, grey in greys.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.new("L", size, grey).convert(mode).save(folder / label / f"{name}.png")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make ten training pictures of each of two classes, two for the test, and a folder `held` of other pictures."""
    for number in range(10):
        _save(tmp_path / "data" / "train", f"{number}", {"cat": number, "owl": 200 + number})
    _save(tmp_path / "data" / "test", "t", {"cat": 20, "owl": 220})
    _save(tmp_path / "held", "x", {"owl": 251, "cat": 51})
    _save(tmp_path / "held", "y", {"owl": 252})
    return tmp_path


def test_the_folder_is_the_validation_split_and_training_is_whole(data: Path) -> None:
    """All training pictures are trained on, and exactly the given ones are validation data, of the same classes."""
    given = {"data": f"folder:{data / 'data'}", "validation": f"folder:{data / 'held'}"}
    train = load_images(given["data"], "train", validation=given["validation"])
    validation = load_images(given["data"], "validation", validation=given["validation"])
    test = load_images(given["data"], "test", validation=given["validation"])
    assert len(train.labels) == 20 and len(load_images(given["data"], "train").labels) == 18
    assert validation.images[:, 0, 0, 0].tolist() == [51, 251, 252] and validation.labels.tolist() == [0, 1, 1]
    assert train.classes == validation.classes == ("cat", "owl") and len(test.labels) == 2


def test_a_known_data_set_may_have_validation_pictures_of_its_user(data: Path) -> None:
    """Digits of one's own are validation data of scikit-learn's, whose training part is then whole."""
    _save(data / "digits", "x", {"7": 77})
    validation = load_images("digits", "validation", validation=f"folder:{data / 'digits'}")
    assert validation.labels.tolist() == [7] and validation.images.shape == (1, 1, 8, 8)
    assert len(load_images("digits", "train", validation=f"folder:{data / 'digits'}").labels) == 1438


def test_pictures_that_do_not_fit_are_refused(data: Path) -> None:
    """A class, a size and colours that training does not have are named; so is a missing folder."""
    given = f"folder:{data / 'data'}"
    for name, greys, size, mode, line in (
        ("class", {"dog": 1}, (8, 8), "L", "class 'dog' is none of the training data, whose classes are 'cat', 'owl'"),
        (
            "size",
            {"cat": 1},
            (9, 8),
            "L",
            "the training data have pictures of 8 x 8 pixels in grey, and these have 8 x 9",
        ),
    ):
        _save(data / name, "x", greys, size, mode)
        with pytest.raises(DataError, match=line):
            load_images(given, "validation", validation=f"folder:{data / name}")
    (data / "colour" / "cat").mkdir(parents=True)
    Image.new("RGB", (8, 8), (255, 0, 0)).save(data / "colour" / "cat" / "x.png")
    with pytest.raises(DataError, match="in grey, and some of these are coloured. Convert the pictures to these"):
        load_images(given, "validation", validation=f"folder:{data / 'colour'}")
    with pytest.raises(DataError, match="missing is not a folder. Expected task.validation: folder:PATH"):
        load_images(given, "validation", validation=f"folder:{data / 'missing'}")
    large = load_images(given, "validation", validation=f"folder:{data / 'size'}", image_size=(4, 4))
    assert large.images.shape == (1, 1, 4, 4)


def test_a_run_keeps_a_digest_of_its_validation_data(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Validation pictures are in `meaning.json`; a changed one is named when the run is to be continued."""
    given = [f"task.data=folder:{data / 'data'}", f"task.validation=folder:{data / 'held'}", "track.mode=disabled"]
    small = ["agent.name=random", "task.glimpses=2", "train.steps=1", "train.batch=4"]
    run = data / "run"
    assert main(["train", "digits-ram", *given, *small, "--run", str(run)]) == 0
    folder = RunFolder(run)
    env = open_run(run, "validation", "cpu", pytest.fail).env
    assert env.examples == 3
    kept = read_kept_data(folder, open_run(run, None, "cpu", pytest.fail).experiment)
    assert {"held/owl/y.png", "held/cat/x.png", "train/cat/0.png"} <= {file.name for file in kept.files}
    assert kept.meaning.contradiction(env_meaning(env)) is None
    Image.new("L", (8, 8), 9).save(data / "held" / "owl" / "y.png")
    capsys.readouterr()
    assert main(["train", "--resume", str(run)]) == 2
    error = capsys.readouterr().err
    assert "the validation data are not those that" in error and "held/owl/y.png" in error
    assert open_run(run, "validation", "cpu", print).env.class_counts() == {"cat": 1, "owl": 2}
