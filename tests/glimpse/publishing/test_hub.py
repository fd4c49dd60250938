"""Tests of runs on the Hugging Face Hub: published, loaded, and loaded again without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from glimpse.errors import UserError
from glimpse.runs.hub_run import parse_repository
from tests.glimpse.publishing.conftest import HubServer

pytestmark = pytest.mark.xdist_group("publish")
pytest.importorskip("huggingface_hub")

SCRIPT = """
import sys
import huggingface_hub.constants
import numpy as np
import glimpse
from glimpse.cli.command_line import main

run, white = sys.argv[1], np.full((8, 8), 255, np.uint8)
assert main(["publish", run, "my-digits", "--bits", "8"]) == 0
assert main(["publish", "my-digits", "hf:me/my-digits", "--private"]) == 0
found = glimpse.load("hf:me/my-digits").predict(white).to_dict()
assert found == glimpse.load("my-digits").predict(white).to_dict()
assert main(["predict", "hf:me/nobody", "a.png"]) == 2
huggingface_hub.constants.HF_HUB_OFFLINE = True
assert glimpse.load("hf:me/my-digits").predict(white).to_dict() == found
assert main(["evaluate", "hf:me/my-digits", "--copies", "1"]) == 0
"""


def test_published_and_loaded(hub: HubServer, digits_run: Path, tmp_path: Path) -> None:
    """A run of 8 bits that went to the hub answers as before, also offline; results are written under runs/."""
    places = {"HF_HOME": str(tmp_path / "hf"), "GLIMPSE_CACHE": str(tmp_path / "cache"), "HF_ENDPOINT": hub.url}
    given = {**os.environ, **places, "HF_TOKEN": "hf_of_me", "HF_HUB_DISABLE_TELEMETRY": "1"}
    given.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(digits_run)], cwd=tmp_path, env=given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
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
    assert "hf:me/nobody could not be fetched" in done.stderr
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
