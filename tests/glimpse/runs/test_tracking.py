"""Tests of tracking in Weights & Biases, against a server on loopback or none; no test can reach the real one."""

import json
import math
import os
import pty
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from glimpse.config.experiment import TrackOptions
from glimpse.runs import tracking
from glimpse.runs.local_paths import without_folders
from glimpse.runs.metric_names import GROUPS
from glimpse.runs.tracker import Tracker
from glimpse.runs.tracking import WandbTracker, start_tracking
from tests import forked

# They are in one process, which imports wandb once.
pytestmark = pytest.mark.xdist_group("wandb")

KEY = "0123456789" * 4  # Has a valid form and belongs to nobody.
CONFIG = {"seed": 3, "train": {"batch": 256, "betas": [0.9, 0.999]}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run's folder with a config, a checkpoint, pictures and an animation."""
    run = tmp_path / "run"
    checkpoint = run / "checkpoints" / "step-000000020"
    checkpoint.mkdir(parents=True)
    (run / "config.yaml").write_text("seed: 3\n")
    for name in ("weights.safetensors", "state.pt", "manifest.json"):
        (checkpoint / name).write_text(name)
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(run / "path.png")
    frames[0].save(run / "path.gif", save_all=True, append_images=frames[1:])
    (run / "tokens.svg").write_text("<svg>a word</svg>")
    return run


@pytest.fixture
def printed() -> list[str]:
    """Return the list that collects the lines which tracking prints."""
    return []


@pytest.fixture
def start(run: Path, printed: list[str]) -> Callable[..., Tracker]:
    """Return a function that starts tracking the run."""

    def start(run_id: str | None = None, config: dict[str, Any] = CONFIG, **options: Any) -> Tracker:
        return start_tracking(TrackOptions(**options), run, "ram-3", config, run_id, printed.append)

    return start


@pytest.fixture
def online(wandb_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a server on loopback, with a key for it and short time limits."""
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    for name, value in {"FINISH_TIMEOUT": 2.0, "REQUEST_TIMEOUT": 1.0, "RETRIES": 2}.items():
        monkeypatch.setattr(tracking, name, value)
    return wandb_server


def track_offline(run: Path) -> None:
    """Track a step in a process of its own; a second is enough for a connection."""
    tracker = start_tracking(TrackOptions(), run, "name", {"seed": 3}, None, print)
    tracker.log({"step": 1, "loss": 0.5})
    time.sleep(1)
    tracker.finish()
    sys.modules["wandb"].teardown()  # As at the end of each process.


def run_wandb(*words: object) -> bytes:
    """Run wandb's own command in a process of its own, and return what it prints."""
    from wandb.cli.cli import cli

    with tempfile.TemporaryFile() as output, Path(os.devnull).open() as nothing:

        def command() -> None:
            os.environ["WANDB_ERROR_REPORTING"] = "false"
            forked.take_streams(nothing.fileno(), output.fileno(), 2)
            cli(list(map(str, words)))

        assert forked.run(command) == 0
        output.seek(0)
        return output.read()


def log_everything(tracker: Tracker, run: Path) -> None:
    """Log what a short training logs."""
    tracker.log({"step": 10, "train/loss": 0.5})
    tracker.log({"step": 20, "train/loss": math.nan, "val/error_m10": 1.25})
    tracker.log_image("val/path", run / "path.png", "the path")
    tracker.log_image("val/film", run / "path.gif", "the path, moving")
    tracker.log_image("val/tokens", run / "tokens.svg", "weights of words")
    tracker.log_checkpoint(run / "checkpoints" / "step-000000020", 20, {"error": 1.25}, ["latest", "best"])
    tracker.finish({"val/best_error": 1.25})


def records(tracker: Tracker) -> dict[str, list[dict[str, Any]]]:
    """Return the records that wandb wrote for a run, by kind, as read by wandb's own reader."""
    assert isinstance(tracker, WandbTracker)
    output = run_wandb("leet", "inspect", "--json", tracker.folder)
    found: dict[str, list[dict[str, Any]]] = {}
    for record in map(json.loads, output.splitlines()):
        found.setdefault(record["type"], []).append(record[record["type"]])
    return found


def rows(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the logged fields of history records, without wandb's own."""
    return [{k: v for k, v in record["item"].items() if k[0] != "_"} for record in history]


@pytest.mark.usefixtures("wandb_alone")
def test_an_offline_run_holds_everything(
    start: Callable[..., Tracker], run: Path, printed: list[str], tmp_path: Path
) -> None:
    """Offline, the run's folder has the rows, config, summary, pictures, weights and exit code."""
    tracker = start(mode="offline", group="three seeds", tags=("mnist",))
    log_everything(tracker, run)
    found = records(tracker)

    assert tracker.url is None
    assert isinstance(tracker, WandbTracker) and tracker.folder.parent == run / "wandb"
    assert printed == [f"wandb: offline; `wandb sync {tracker.folder}` sends the run"]
    begun = found["run"][0]
    assert begun["run_id"] == tracker.run_id
    assert {k: v for k, v in begun["config"]["update"].items() if k != "_wandb"} == CONFIG
    assert (begun["display_name"], begun["project"]) == ("ram-3", "glimpse")
    assert (begun["run_group"], begun["tags"]) == ("three seeds", ["mnist"])
    metrics, picture, film, tokens = rows(found["history"])[:2], *rows(found["history"])[2:]
    assert metrics == [{"step": 10, "train/loss": 0.5}, {"step": 20, "train/loss": "NaN", "val/error_m10": 1.25}]
    assert picture["val/path.caption"] == "the path" and picture["step"] == 20
    assert film["val/film._type"] == "video-file" and film["val/film.path"].endswith(".gif")
    assert tokens["val/tokens._type"] == "html-file"
    assert "<svg>a word</svg>" in (tracker.folder / "files" / tokens["val/tokens.path"]).read_text()
    assert {"val/best_error": 1.25} in [summary["update"] for summary in found["summary"]]
    axes = {metric["glob_name"]: metric["step_metric"] for metric in found["metric"] if "glob_name" in metric}
    assert axes == {f"{group}*": "step" for group in GROUPS}
    assert found["exit"][0].get("exit_code") == 0

    artifact = found["artifact"][0]
    copies = {file["path"]: Path(file["local_path"]) for file in artifact["manifest"]["contents"]}
    assert copies.keys() == {"weights.safetensors", "manifest.json", "config.yaml"}  # There is no state.pt.
    assert copies["weights.safetensors"].read_text() == "weights.safetensors"
    assert all(copy.is_relative_to(run / "wandb") for copy in copies.values())
    assert (artifact["type"], sorted(artifact["aliases"])) == ("model", ["best", "latest"])
    assert json.loads(artifact["metadata"]) == {"step": 20, "error": 1.25}
    assert not (tmp_path / "home").exists()  # Nothing is written outside the run's folder.


@pytest.mark.usefixtures("wandb_alone")
def test_a_resumed_run_keeps_its_id(start: Callable[..., Tracker]) -> None:
    """A resumed run writes a second segment with the same id, by which `wandb sync` joins them."""
    first = start(mode="offline")
    first.finish(exit_code=143)
    second = start(first.run_id, mode="offline")
    second.finish()

    assert first.run_id and first.run_id == second.run_id
    assert [run["run_id"] for run in records(second)["run"]] == [first.run_id]
    assert records(first)["exit"][0]["exit_code"] == 143


@contextmanager
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """Listen on a port that records the first bytes of every connection and never answers."""
    received: list[bytes] = []
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            while True:
                connection, _ = listener.accept()
                kept.append(connection)
                received.append(connection.recv(1000))
                if received[-1] == b"end":
                    return

        thread = threading.Thread(target=listen)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        with socket.create_connection(listener.getsockname()) as last:
            last.sendall(b"end")
        thread.join()
    for connection in kept:
        connection.close()
    received.remove(b"end")


@pytest.mark.usefixtures("wandb_alone")
def test_offline_no_connection_is_made(run: Path) -> None:
    """Offline, neither the server nor a proxy gets a connection.

    wandb by itself would make one even offline.
    """
    with listening() as (url, received):

        def track() -> None:
            # In the child alone: other libraries of the tests' process may make connections of their own.
            os.environ.update(dict.fromkeys(("WANDB_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY"), url))
            forked.forget("wandb")  # Its import could make a connection, too.
            track_offline(run)

        assert forked.run(track) == 0
        assert list(run.glob("wandb/offline-run-*"))
        assert received == []


@pytest.mark.usefixtures("wandb_alone")
def test_without_a_key_it_is_offline_and_a_terminal_is_not_asked(run: Path) -> None:
    """Without a key tracking is offline and asks nothing on a terminal, where wandb itself would wait for an answer."""
    ours, terminal = pty.openpty()

    def track() -> None:
        forked.take_streams(terminal, terminal, terminal)
        track_offline(run)

    assert forked.run(track) == 0  # With a question the process would wait.
    os.close(terminal)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert shown.count("\n") == 1
    assert shown.startswith("wandb: offline (no key was found")


def test_disabled_wandb_is_not_imported(
    start: Callable[..., Tracker], run: Path, printed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disabled tracking imports no wandb, prints and writes nothing, and keeps the id."""
    monkeypatch.setitem(sys.modules, "wandb", None)  # An import would fail and be reported.
    before = sorted(run.iterdir())
    trackers = [start("abc", mode="disabled")]
    monkeypatch.setenv("WANDB_MODE", "disabled")
    trackers.append(start("abc"))
    for tracker in trackers:
        log_everything(tracker, run)
        assert (tracker.run_id, tracker.url) == ("abc", None)
    assert printed == []
    assert sorted(run.iterdir()) == before


@pytest.mark.usefixtures("wandb_alone")
def test_training_continues_without_wandb(
    start: Callable[..., Tracker], run: Path, printed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without wandb installed, one line says that nothing is tracked."""
    monkeypatch.setitem(sys.modules, "wandb", None)
    tracker = start("abc")
    log_everything(tracker, run)
    assert tracker.run_id == "abc"
    assert len(printed) == 1 and "nothing is tracked" in printed[0]


def test_online_everything_arrives(
    online: Any, start: Callable[..., Tracker], run: Path, printed: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Online, the rows, config, summary, pictures and weights are sent, but no names of the machine or its files."""
    tracker = start()
    log_everything(tracker, run)

    assert tracker.url == f"{online.url}/me/glimpse/runs/{tracker.run_id}"
    assert printed == [f"wandb: {tracker.url}"]
    assert capfd.readouterr() == ("", "")
    sent = online.runs[tracker.run_id]
    config = {name: field["value"] for name, field in json.loads(sent["config"]).items()}
    assert {name: value for name, value in config.items() if name != "_wandb"} == CONFIG
    assert {"host", "repo", "commit"} & sent.keys() == set() and sent["program"] == "glimpse"
    first, second = online.rows[:2]
    assert (first["step"], first["train/loss"]) == (10, 0.5)
    assert math.isnan(second["train/loss"]) and second["val/error_m10"] == 1.25
    assert online.summary["val/best_error"] == 1.25
    assert online.exit_code == 0

    uploads = online.uploads
    assert uploads["artifact/weights.safetensors"] == b"weights.safetensors"
    assert uploads["artifact/config.yaml"] == b"seed: 3\n"
    assert not any(name.endswith(".pt") for name in uploads)
    assert {alias["alias"] for alias in online.artifacts[0]["aliases"]} == {"latest", "best"}
    pictures = {Path(name).suffix: body for name, body in uploads.items() if name.startswith("media/")}
    assert pictures[".png"] == (run / "path.png").read_bytes()
    assert pictures[".gif"] == (run / "path.gif").read_bytes()


def test_online_a_resumed_run_may_go_back_and_change(
    wandb_server: Any,
    start: Callable[..., Tracker],
    printed: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A resumed run may repeat steps and have another budget, as after a crash."""
    host = wandb_server.url.removeprefix("http://")
    (tmp_path / "netrc").write_text(f"machine {host} login user password {KEY}\n")
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    first = start(config={"steps": 100})
    first.log({"step": 20, "loss": 0.5})
    first.finish(exit_code=1)
    second = start(first.run_id, config={"steps": 200})
    second.log({"step": 10, "loss": 0.25})
    second.finish()

    assert second.url == first.url
    assert printed == [f"wandb: {first.url}"] * 2
    assert [(row["step"], row["loss"]) for row in wandb_server.rows] == [(20, 0.5), (10, 0.25)]
    assert list(wandb_server.runs) == [first.run_id]
    assert json.loads(wandb_server.runs[first.run_id]["config"])["steps"]["value"] == 200


@pytest.mark.parametrize(("mode", "environment"), [("auto", "offline"), ("offline", "online"), ("auto", "dryrun")])
def test_offline_can_be_chosen_despite_a_key(
    mode: str,
    environment: str,
    online: Any,
    start: Callable[..., Tracker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """WANDB_MODE or the config, which overrules it, can turn sending off; then the server gets no request."""
    monkeypatch.setenv("WANDB_MODE", environment)
    tracker = start(mode=mode)
    tracker.finish()
    assert isinstance(tracker, WandbTracker) and tracker.folder.name.startswith("offline-run-")
    assert online.operations == []


@pytest.mark.usefixtures("wandb_alone")
@pytest.mark.parametrize("key", ["", "too-short", KEY], ids=["none", "malformed", "refused"])
def test_when_online_fails_the_run_is_complete_offline(
    key: str, start: Callable[..., Tracker], run: Path, printed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If going online fails, one line gives the reason and the run is complete offline."""
    monkeypatch.setattr(tracking, "RETRIES", 1)
    monkeypatch.setenv("WANDB_API_KEY", key)
    tracker = start(mode="online")
    log_everything(tracker, run)
    reason = {"": "no key was found", "too-short": "API key must have", KEY: "giving up after 2 attempt(s)"}[key]
    assert len(printed) == 1 and printed[0].startswith("wandb: offline (") and reason in printed[0]
    assert len(rows(records(tracker)["history"])) == 5


@pytest.mark.usefixtures("wandb_alone")
def test_a_server_that_does_not_answer_is_given_up(
    start: Callable[..., Tracker], printed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that accepts connections and never answers, as behind some firewalls, is given up."""
    monkeypatch.setattr(tracking, "INIT_TIMEOUT", 1.0)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with listening() as (url, received):
        monkeypatch.setenv("WANDB_BASE_URL", url)
        begun = time.monotonic()
        tracker = start()
        assert time.monotonic() - begun < 20  # wandb's own limit is 90 s.
        tracker.finish()
        assert received  # A connection was tried.
    assert tracker.run_id and tracker.url is None
    assert printed[0].startswith("wandb: offline (")


def test_an_outage_delays_neither_training_nor_its_end(
    online: Any, start: Callable[..., Tracker], run: Path, printed: list[str]
) -> None:
    """During an outage training is not delayed; everything is on disk, and the last line says how to send it."""
    tracker = start()
    online.close()
    begun = time.monotonic()
    for step in range(200):
        tracker.log({"step": step, "loss": 1 / (step + 1)})
    tracker.log_image("val/path", run / "path.png", "the path")
    tracker.log_checkpoint(run / "checkpoints" / "step-000000020", 20, {})
    assert time.monotonic() - begun < 2  # A request to the server would take longer.
    tracker.finish()
    assert time.monotonic() - begun < 20
    assert isinstance(tracker, WandbTracker)
    assert printed[-1] == f"wandb: not everything was sent in time; `wandb sync {tracker.folder}` sends it"
    assert [row["step"] for row in rows(records(tracker)["history"])] == [*range(200), 199]


def test_a_checkpoint_that_cannot_be_sent_does_not_delay_the_end(
    online: Any, start: Callable[..., Tracker], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that cannot be sent delays the end by seconds; wandb's own retries would take many minutes."""
    monkeypatch.setattr(tracking, "RETRIES", 1)
    online.unanswered = {"ServerFeaturesQuery"}  # wandb sends it before a checkpoint and then waits.
    tracker = start()
    tracker.log_checkpoint(run / "checkpoints" / "step-000000020", 20, {})
    begun = time.monotonic()
    tracker.finish()
    assert time.monotonic() - begun < 30
    assert "ServerFeaturesQuery" in online.operations


def test_exceptions_of_wandb_are_reported_once_for_each_kind(run: Path, printed: list[str]) -> None:
    """Exceptions of wandb, whose process may die during training, are reported once for each kind of data."""

    class Broken:
        id, url, dir, summary = "abc", "", str(run / "wandb" / "run" / "files"), None

        def log(self, row: dict[str, float]) -> None:
            raise ConnectionResetError("wandb-core is gone")

    tracker = WandbTracker(Broken(), run, printed.append)  # type: ignore[arg-type]
    for _ in range(3):
        log_everything(tracker, run)
    tracker.log_checkpoint(run, 20, {})
    kinds = sorted(line.split(" could not be sent: ")[0] for line in printed)
    assert kinds == ["wandb: checkpoints", "wandb: metrics", "wandb: pictures", "wandb: the end of the run"]
    assert "wandb: metrics could not be sent: wandb-core is gone" in printed


def test_a_checkpoint_without_weights_is_an_error(run: Path, printed: list[str]) -> None:
    """A checkpoint without weights is an error, because an empty version would take over the aliases."""
    folder = run / "checkpoints" / "step-000000020"
    (folder / "weights.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="safetensors"):
        tracking._shared_files(folder, run)


@pytest.mark.parametrize("command", ["offline", "disabled", "online"])
def test_wandbs_own_settings_decide_in_auto(
    command: str, online: Any, start: Callable[..., Tracker], tmp_path: Path, printed: list[str]
) -> None:
    """What `wandb offline`, `disabled` and `online` write into wandb's settings holds in auto, a key or not."""
    settings = tmp_path / "home" / ".config" / "wandb" / "settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[default]\nmode = {command}\n")
    for _ in range(2):  # The second run of a process follows them too.
        tracker = start()
        tracker.finish()
        assert tracker.active == (command != "disabled")
        assert (tracker.url is None) == (command != "online")
    assert bool(online.operations) == (command == "online")
    assert (printed == []) == (command == "disabled")


def test_a_settings_file_in_the_working_directory_decides_too(
    online: Any, start: Callable[..., Tracker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`wandb offline` in a project's folder holds for that folder; the config's own mode overrules it."""
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nmode = offline\n")
    monkeypatch.chdir(tmp_path)
    start().finish()
    assert online.operations == []
    tracker = start(mode="online")
    tracker.finish()
    assert tracker.url


@pytest.mark.parametrize(("name", "value"), [("WANDB_DISABLED", "true"), ("WANDB_MODE", "disabled")])
def test_switches_of_the_environment_hold_in_auto(
    name: str, value: str, online: Any, start: Callable[..., Tracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """WANDB_DISABLED and WANDB_MODE switch tracking off."""
    monkeypatch.setenv(name, value)
    assert not start().active
    assert online.operations == []


@pytest.mark.parametrize("written", ["mode = offlin", "mode = offline\nbase_url = nowhere"])
def test_settings_with_a_mistake_send_nothing(
    written: str,
    online: Any,
    start: Callable[..., Tracker],
    tmp_path: Path,
    printed: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    """If wandb ignores its settings for a mistake in them, and they give a mode, nothing is sent; one line says why."""
    settings = tmp_path / "home" / ".config" / "wandb" / "settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[default]\n{written}\n")
    start().finish()
    assert online.operations == []
    assert len(printed) == 1 and "its settings cannot be read" in printed[0]
    assert capfd.readouterr().err == ""


PATHS = {
    "data": {"root": "/home/ann/data", "download": True},
    "task": {
        "data": "~/ann/reviews.csv",
        "vectors": "file:/home/ann/glove.6B.txt",
        "columns": ["text", "C:\\ann\\x.csv"],
    },
    "train": {"learning_rate": 1e-05},
}


def test_paths_become_names(tmp_path: Path) -> None:
    """A path becomes its last name, with what stands before a colon; other values stay."""
    assert without_folders(PATHS) == {
        "data": {"root": "data", "download": True},
        "task": {"data": "reviews.csv", "vectors": "file:glove.6B.txt", "columns": ["text", "x.csv"]},
        "train": {"learning_rate": 1e-05},
    }
    assert without_folders(["/", "/data/", "a/b\n", "", None, 3, "~/x", "none", "glove.6B"]) == [
        "/", "data", "b\n", "", None, 3, "x", "none", "glove.6B",
    ]  # fmt: skip


def test_online_no_path_of_this_machine_is_sent(online: Any, start: Callable[..., Tracker], run: Path) -> None:
    """Neither the config nor its copy beside the weights nor the list of an upload's files tells a local folder."""
    (run / "config.yaml").write_text("# Run of glimpse, format 3\n" + yaml.safe_dump(PATHS))
    tracker = start(config=PATHS)
    log_everything(tracker, run)
    sent = [json.dumps(online.runs), json.dumps(online.artifacts), json.dumps(online.summary)]
    sent += [body.decode(errors="replace") for body in online.uploads.values()]
    for folder in ("/home/ann", "ann/", "ann\\", str(run), str(Path.home())):
        assert not any(folder in text for text in sent), folder
    uploaded = online.uploads["artifact/config.yaml"].decode()
    assert uploaded.startswith("# Run of glimpse, format 3\n")
    assert yaml.safe_load(uploaded)["task"]["vectors"] == "file:glove.6B.txt"


def test_both_parts_of_a_run_that_was_resumed_offline_are_whole(
    online: Any, start: Callable[..., Tracker], run: Path
) -> None:
    """The rows of both parts have the training's step as wandb's own, and after `wandb sync` of both all are there."""
    first = start(mode="offline")
    for step in (10, 20, 30):
        first.log({"step": step, "loss": step / 7})
    first.log_image("val/path", run / "path.png", "the path")
    first.finish(exit_code=1)
    second = start(first.run_id, mode="offline")
    for step in (30, 40):  # After a crash a step is made again.
        second.log({"step": step, "loss": step / 7})
    second.finish()

    parts = [records(tracker)["history"] for tracker in (first, second)]
    own = [[(row["item"]["_step"], row["item"]["step"]) for row in part if "loss" in row["item"]] for part in parts]
    assert own == [[(10, 10), (20, 20), (30, 30)], [(30, 30), (40, 40)]]

    for tracker in (first, second):
        assert isinstance(tracker, WandbTracker)
        run_wandb("sync", tracker.folder)
    losses = [(row["step"], row["loss"]) for row in online.rows if "loss" in row]
    assert losses == [(step, step / 7) for step in (10, 20, 30, 30, 40)]
    steps = [row["_step"] for row in online.rows]
    assert steps == sorted(set(steps))
    assert list(online.runs) == [first.run_id]


@pytest.mark.parametrize("answer", [b'{"data": {"viewer": 5, "upsertBucket": {"bucket": "x"}}}', None])
def test_a_server_that_breaks_in_the_middle_shows_no_traceback(
    answer: bytes | None,
    online: Any,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A server that accepts a run and then answers nonsense, or nothing, ends neither training nor shows a trace."""
    online.breaks_after, online.nonsense = "UpsertBucket", answer
    monkeypatch.setattr(tracking, "RETRIES", 1)

    def train() -> None:
        tracker = start_tracking(TrackOptions(), run, "name", {"seed": 3}, None, print)
        tracker.log({"step": 1, "loss": 0.5})
        tracker.log_checkpoint(run / "checkpoints" / "step-000000020", 20, {})
        tracker.finish()
        print("trained")
        sys.modules["wandb"].teardown()  # As at the end of each process.

    code, printed = forked.run(train), capfd.readouterr()
    assert (code, printed.err) == (0, "")
    lines = printed.out.splitlines()
    assert lines[0].startswith(f"wandb: {online.url}") and lines[-1] == "trained"
    assert all(line.startswith("wandb: ") for line in lines[:-1]) and 2 <= len(lines) <= 5
