"""Tests of `glimpse export`: what it writes, and what it refuses."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from glimpse.cli.command_line import main
from glimpse.errors import UserError
from glimpse.inference.onnx_export import largest_difference, to_onnx
from glimpse.inference.onnx_graph import OnnxGraph, Port
from glimpse.runs.checkpoint import load_newest, save_checkpoint

# Its runs are made once, in one of the processes that share the tests.
pytestmark = [
    pytest.mark.xdist_group("export"),
    pytest.mark.usefixtures("operators_read_once"),
    pytest.mark.skipif(find_spec("onnxscript") is None, reason="onnxscript is not installed"),
]
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
QUICK = ["train.steps=2", "train.batch=4", "threads=1", "track.mode=disabled"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of RAM."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", "digits-ram", *QUICK, "--run", str(folder)]) == 0
    return folder


def test_a_run_is_written_with_what_its_numbers_mean(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The graph and its description are written, and tell inputs, outputs, classes and the course of an episode."""
    capsys.readouterr()
    file = tmp_path / "deep" / "ram.onnx"
    assert main(["export", str(run), "--onnx", str(file)]) == 0
    told = capsys.readouterr().out
    assert "picture (batch, 1, 8, 8)" in told and "differs from torch by" in told and str(file) in told
    facts = json.loads(file.with_suffix(".json").read_text())
    assert facts["meaning"]["classes"] == list("0123456789") and facts["agent"] == "ram" and facts["steps"] == 4
    assert facts["inputs"][0]["dtype"] == "uint8" and facts["initial_location"] == [0.0, 0.0]
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    known = session.get_modelmeta().custom_metadata_map
    assert json.loads(known["classes"]) == facts["meaning"]["classes"] and known["opset"] == str(facts["opset"])
    assert known["agent"] == "ram" and len(known["meaning_sha256"]) == 64 and known["glimpse"] == facts["glimpse"]
    for ports, given in ((session.get_inputs(), facts["inputs"]), (session.get_outputs(), facts["outputs"])):
        assert [(port.name, port.shape) for port in ports] == [(port["name"], port["shape"]) for port in given]
    assert sorted(path.name for path in file.parent.iterdir()) == ["ram.json", "ram.onnx"]


def test_rounded_weights_are_exported(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run whose weights have 8 bits is written in single precision, and its graph agrees with torch."""
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    best = load_newest(copy / "best", pytest.fail)
    assert best is not None
    shutil.rmtree(copy / "best")
    state = {name: best.state[name] for name in ("seconds", "trained_on")}
    save_checkpoint(copy / "best", replace(best, state=state), keep=1, published_bits=8)
    capsys.readouterr()
    assert main(["export", str(copy), "--onnx", str(tmp_path / "ram.onnx")]) == 0
    assert "differs from torch by" in capsys.readouterr().out
    kinds = {one.data_type for one in onnx.load(tmp_path / "ram.onnx").graph.initializer if len(one.dims) == 2}
    assert kinds == {onnx.TensorProto.FLOAT}


def test_a_translator_has_two_graphs(tmp_path: Path) -> None:
    """The encoder is written beside the decoder's step, and its output is the step's input."""
    small = ["task.strings=60", "task.symbols=4", "task.longest=4", "agent.width=16", "agent.layers=1"]
    folder, file = str(tmp_path / "run"), tmp_path / "t.onnx"
    assert main(["train", "reverse-transformer", *small, *QUICK, "train.evaluate_every=2", "--run", folder]) == 0
    assert main(["export", folder, "--onnx", str(file)]) == 0
    step, encoder = (
        onnxruntime.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"])
        for name in ("t.onnx", "t-encoder.onnx")
    )
    assert encoder.get_outputs()[0].shape == step.get_inputs()[1].shape
    facts = json.loads((tmp_path / "t-encoder.json").read_text())
    assert facts["outputs"][0]["name"] == "encoded" and "languages" in facts["meaning"]


def test_what_cannot_be_done_is_said_in_a_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another ending, no run, and a missing library are mistakes that the user can put right."""

    def refused(*words: str) -> str:
        capsys.readouterr()
        assert main(["export", *words]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1
        return said

    assert "ends in .onnx" in refused(str(run), "--onnx", str(tmp_path / "ram.json"))
    assert "holds no run" in refused(str(tmp_path), "--onnx", str(tmp_path / "ram.onnx"))
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert "pip install 'glimpse-rl[export]'" in refused(str(run), "--onnx", str(tmp_path / "ram.onnx"))
    assert not list(tmp_path.iterdir())


class _Applied(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (self.function(x),)


def _graph(function: Callable[[Tensor], Tensor]) -> OnnxGraph:
    given, answered = (Port(name, ("batch",), "numbers") for name in ("x", "y"))
    samples = tuple((torch.arange(size, dtype=torch.float32),) for size in (3, 1))
    return OnnxGraph(_Applied(function), (given,), (answered,), samples)


FACTS: dict[str, Any] = {"agent": "mine", "meaning": {}}


def test_a_graph_that_differs_is_not_written() -> None:
    """The graph is compared with the module on all samples; a branch that was lost, or a wrong size, is found."""
    right = _graph(lambda x: 2 * x)
    model = to_onnx(right, FACTS)
    assert largest_difference(right, model) == 0
    found = onnxruntime.InferenceSession(model).run(None, {"x": np.array([1, 2, 3, 4], np.float32)})
    assert found[0].tolist() == [2, 4, 6, 8]
    lost = _graph(lambda x: 2 * x if torch.compiler.is_exporting() else x)
    with pytest.raises(UserError, match="differs from the agent by 1, more than 0.0001"):
        largest_difference(lost, to_onnx(lost, FACTS))
    shorter = _graph(lambda x: x if torch.compiler.is_exporting() else x[:2])
    with pytest.raises(UserError, match=r"y has the shape \(3,\) instead of \(2,\)"):
        largest_difference(shorter, to_onnx(shorter, FACTS))


def test_what_no_graph_can_hold_is_refused() -> None:
    """A branch on the data is named in one line."""
    branching = _graph(lambda x: x if float(x.sum()) > 0 else -x)
    with pytest.raises(UserError, match="^mine cannot be exported: [^\n]+$"):
        to_onnx(branching, FACTS)
