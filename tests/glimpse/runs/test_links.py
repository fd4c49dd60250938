"""Tests of run folders from elsewhere: links, pipes and odd names lead no command out of the folder."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.errors import UserError
from glimpse.runs.links import refuse_links
from glimpse.runs.run_folder import RunFolder

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("whole run")

SECRET = b"what nobody may overwrite\n"
COMMANDS = {
    "evaluate": ["evaluate", "RUN", "--split", "test"],
    "text": ["evaluate", "RUN", "--text", "a good film"],
    "report": ["report", "RUN"],
    "resume": ["train", "--resume", "RUN", "train.steps=4"],
}
FILES = [
    "config.yaml",
    "meaning.json",
    "metrics.jsonl",
    "steps.jsonl",
    "lock",
    "lock.holder",
    "evaluation.json",
    "predictions-test.safetensors",
    "checkpoints/step-000000002/weights.safetensors",
    "checkpoints/step-000000002/state.pt",
    "checkpoints/step-000000002/manifest.json",
    "best/step-000000002/weights.safetensors",
    "best/step-000000002/state.pt",
    "best/step-000000002/manifest.json",
    "report/index.html",
    "report/curves.png",
]
FOLDERS = ["checkpoints", "best", "report", "checkpoints/step-000000002", "best/step-000000002"]
PLANTED = [
    ".tmp-config.yaml",
    ".tmp-evaluation.json",
    "checkpoints/.tmp-step-000000004",
    "scanpaths.png",
    "wandb",
    "notes",
]


@pytest.fixture
def run(trained_texts: Path, tmp_path: Path) -> Path:
    """Return a copy of the small run."""
    return Path(shutil.copytree(trained_texts, tmp_path / "run"))


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Return a file outside of the run."""
    (tmp_path / "victim").write_bytes(SECRET)
    return tmp_path / "victim"


def replace(path: Path, kind: str, victim: Path) -> None:
    """Put a link or a pipe in the place of a file or folder of a run."""
    if path.is_dir():
        shutil.move(path, victim.parent / "moved")
    else:
        path.unlink(missing_ok=True)
    match kind:
        case "link":
            path.symlink_to(victim)
        case "dangling":
            path.symlink_to(victim.with_name("missing"))
        case "moved":
            path.symlink_to(victim.parent / "moved")
        case "pipe":
            os.mkfifo(path)


def refused(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Check that a command on a run ends with exit code 2 and one line on standard error."""
    capsys.readouterr()
    code = main([str(run) if word == "RUN" else word for word in COMMANDS[name]])
    message = capsys.readouterr().err
    assert (code, message.count("\n")) == (2, 1), message
    assert "link" in message or "pipe" in message


@pytest.mark.parametrize("name", [*FILES, *FOLDERS, *PLANTED])
def test_no_command_follows_a_link(name: str, run: Path, victim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link in a run, whatever it leads to and wherever it is, ends each command before anything is written."""
    for kind in ("link", "dangling", *(["moved"] if name in FOLDERS else [])):
        replace(run / name, kind, victim)
        before = sorted(victim.parent.rglob("*"))
        for command in COMMANDS:
            refused(run, command, capsys)
        assert victim.read_bytes() == SECRET
        assert sorted(victim.parent.rglob("*")) == before
        if name in FOLDERS:
            (run / name).unlink()
            shutil.move(victim.parent / "moved", run / name)


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", "lock", "best/step-000000002/state.pt", "notes"])
def test_no_command_waits_for_a_pipe(name: str, run: Path, victim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe in a run is refused, where reading it would wait for ever."""
    replace(run / name, "pipe", victim)
    for command in COMMANDS:
        refused(run, command, capsys)


def test_other_names_of_a_file_keep_what_they_had(run: Path, tmp_path: Path) -> None:
    """Files that are other files' names, as in a copy by hard links, are replaced and never written in place."""
    names = [path.relative_to(run) for path in run.rglob("*") if path.is_file()]
    (run / "lock").write_bytes(SECRET)
    shutil.copytree(run, tmp_path / "other", copy_function=os.link)
    before = {name: (tmp_path / "other" / name).read_bytes() for name in names}
    for command in COMMANDS.values():
        assert main([str(run) if word == "RUN" else word for word in command]) == 0
    assert {name: (tmp_path / "other" / name).read_bytes() for name in names} == before
    assert (run / "metrics.jsonl").read_bytes().startswith(before[Path("metrics.jsonl")])


def test_the_run_itself_may_be_reached_through_a_link(run: Path, tmp_path: Path) -> None:
    """A link to a run that the user names is followed."""
    (tmp_path / "linked").symlink_to(run)
    for command in COMMANDS.values():
        assert main([str(tmp_path / "linked") if word == "RUN" else word for word in command]) == 0


def test_wandbs_link_to_its_log_is_no_obstacle(run: Path, victim: Path) -> None:
    """The link that wandb leaves in each of its own folders is passed over; the same name elsewhere is not."""
    logs = run / "wandb" / "offline-run-1" / "logs"
    logs.mkdir(parents=True)
    (logs / "debug-core.log").symlink_to("/nowhere/core-debug-20260101_000000.log")
    refuse_links(run)
    (logs / "debug.log").symlink_to("core-debug-20260101_000000.log")
    with pytest.raises(UserError, match=r"debug\.log is a link"):
        refuse_links(run)
    (logs / "debug.log").unlink()
    replace(logs / "debug-core.log", "link", victim)
    with pytest.raises(UserError, match=r"debug-core\.log is a link"):
        refuse_links(run)


@pytest.mark.parametrize("name", ["lock", "lock.holder", ".tmp-config.yaml", "config.yaml"])
def test_a_new_run_follows_no_link(name: str, tmp_path: Path, victim: Path) -> None:
    """A folder that looks like a killed start is no trap for a new run."""
    (tmp_path / "new").mkdir()
    for target in (victim, victim.with_name("missing")):
        replace(tmp_path / "new" / name, "dangling" if target != victim else "link", victim)
        with pytest.raises(UserError, match=r"is a link|already holds a run"):
            RunFolder.create(tmp_path / "new", "seed: 1\n")
        assert victim.read_bytes() == SECRET and not victim.with_name("missing").exists()


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "a\udcffb", "a\u2028b", "tab\t"])
def test_odd_names_are_refused_in_one_line(
    name: str, tmp_path: Path, trained_texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run whose name has line breaks, control characters or bytes that are no UTF-8 is neither made nor used."""
    config = str(trained_texts / "config.yaml")
    commands: list[Callable[[str], list[str]]] = [
        lambda run: ["train", config, "--run", run],
        lambda run: ["evaluate", run, "--split", "test"],
        lambda run: ["report", run],
        lambda run: ["train", "--resume", run],
    ]
    shutil.copytree(trained_texts, tmp_path / name)
    for made_of in commands:
        capsys.readouterr()
        assert main(made_of(str(tmp_path / name))) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1 and "in UTF-8 without line breaks" in message


@pytest.mark.parametrize("line", ["extends: {}", '"extends": [{}]', "? extends\n: {}", '"\\x65xtends": {}'])
def test_the_config_of_a_run_reads_no_other_file(
    line: str, run: Path, victim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run's config that extends a file of the user's is refused, and shows nothing of it."""
    config = run / "config.yaml"
    config.write_text(config.read_text() + line.format(victim) + "\n")
    for command in COMMANDS.values():
        capsys.readouterr()
        assert main([str(run) if word == "RUN" else word for word in command]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1 and "extends other configs" in message and "overwrite" not in message


@pytest.mark.parametrize("folder", ["wandb", ".wandb"])
def test_a_run_brings_no_settings_of_wandb(folder: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings of wandb in a run are refused: in that folder, wandb would send the user's key where they say."""
    (run / folder).mkdir()
    (run / folder / "settings").write_text("[default]\nbase_url = http://127.0.0.1:9\n")
    capsys.readouterr()
    assert main(["train", "--resume", str(run), "train.steps=4"]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and f"{folder}/settings" in message
