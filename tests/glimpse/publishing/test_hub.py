"""Tests of runs on the Hugging Face Hub: published, loaded, and loaded again without a network."""

import json
from pathlib import Path

import numpy as np
import pytest

import glimpse
from glimpse.cli.command_line import main
from glimpse.errors import UserError
from glimpse.runs.hub_run import parse_repository
from tests import forked
from tests.glimpse.publishing.conftest import HubServer

pytestmark = pytest.mark.xdist_group("publish")
pytest.importorskip("huggingface_hub")


def publish_and_load(run: Path) -> None:
    """Publish a run of 8 bits, and load it with and without a network, in a process of its own."""
    forked.forget("huggingface_hub")  # It reads the environment when it is imported.
    from huggingface_hub import constants

    white = np.full((8, 8), 255, np.uint8)
    assert main(["publish", str(run), "my-digits", "--bits", "8"]) == 0
    assert main(["publish", "my-digits", "hf:me/my-digits", "--private"]) == 0
    found = glimpse.load("hf:me/my-digits").predict(white).to_dict()
    assert found == glimpse.load("my-digits").predict(white).to_dict()
    assert main(["predict", "hf:me/nobody", "a.png"]) == 2
    constants.HF_HUB_OFFLINE = True
    assert glimpse.load("hf:me/my-digits").predict(white).to_dict() == found
    assert main(["evaluate", "hf:me/my-digits", "--split", "test", "--copies", "1"]) == 0


def test_published_and_loaded(
    hub: HubServer,
    digits_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A run of 8 bits that went to the hub answers as before, also offline; results are written under runs/."""
    places = {"HF_HOME": str(tmp_path / "hf"), "GLIMPSE_CACHE": str(tmp_path / "cache"), "HF_ENDPOINT": hub.url}
    for name, value in {**places, "HF_TOKEN": "hf_of_me", "HF_HUB_DISABLE_TELEMETRY": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.chdir(tmp_path)
    code, printed = forked.run(lambda: publish_and_load(digits_run)), capfd.readouterr()
    assert code == 0, printed.err
    assert hub.made == [{"name": "my-digits", "organization": "me", "visibility": "private"}]
    assert hub.tokens == {"Bearer hf_of_me"}
    files = hub.files["me/my-digits"]
    assert json.loads(files["card.json"])["bits"] == 8
    assert {files[name] for name in files if name.startswith("best/")} == {
        path.read_bytes() for path in (tmp_path / "my-digits").glob("best/*/*")
    }
    assert b"glimpse predict hf:me/my-digits" in files["README.md"] and files["README.md"].startswith(b"---\nlibrary")
    assert sorted(name.split("/")[-1] for name in files if name.startswith("best/")) == [
        "manifest.json",
        "state.json",
        "weights.safetensors",
    ]
    assert "hf:me/nobody could not be fetched" in printed.err
    assert (tmp_path / "runs" / "me--my-digits" / "predictions-test.safetensors").is_file()
    cached = list((tmp_path / "cache" / "hub" / "me" / "my-digits").glob("*/config.yaml"))
    assert [path.parent.name for path in cached] == [hub.commit_of("me/my-digits")]


@pytest.mark.parametrize("source", ["hf:", "hf:a", "hf:a/b/c", "hf:../b", "hf:a/..", "hf:a b/c", "hf:/etc/passwd"])
def test_odd_names_are_refused(source: str) -> None:
    """A repository is named by its owner and its own name, and leads nowhere else."""
    with pytest.raises(UserError, match="hf:OWNER/NAME"):
        parse_repository(source)


def test_revisions() -> None:
    """A revision is written after an @."""
    assert parse_repository("hf:a/b-c.d") == ("a/b-c.d", None)
    assert parse_repository("hf:a/b@v1") == ("a/b", "v1")
