"""Fixtures of the tests of exported agents."""

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from glimpse.inference.onnx_export import graph_facts, graph_of, largest_difference, to_onnx
from glimpse.inference.onnx_graph import OnnxGraph

Exported = tuple[OnnxGraph, Any]
"""A graph, and a session of onnxruntime that runs it."""


@pytest.fixture(scope="session")
def operators_read_once() -> Iterator[None]:
    """Let the exporter parse and list its operators once in a process, not at each export, which takes two seconds."""
    pytest.importorskip("onnxscript")
    operators = getattr(import_module("torch.onnx._internal.exporter._registration"), "ONNXRegistry", None)
    with pytest.MonkeyPatch.context() as patch:
        if operators is not None:  # Another version of torch may keep them elsewhere.
            patch.setattr(operators, "from_torchlib", staticmethod(cache(operators.from_torchlib)))
        for module in ("exported_program", "decomp_utils"):
            name, owner = "_collect_all_valid_cia_ops", import_module(f"torch.export.{module}")
            if hasattr(owner, name):
                patch.setattr(owner, name, cache(getattr(owner, name)))
        yield


@pytest.fixture
def export(operators_read_once: None) -> Callable[[Any], Exported]:
    """Return a function that exports a run; its graph and torch agree on the graph's own samples."""
    onnxruntime = pytest.importorskip("onnxruntime")

    def exported(run: Any) -> Exported:
        graph = graph_of(run)
        model = to_onnx(graph, graph_facts(run, graph))
        assert largest_difference(graph, model) < 1e-4
        return graph, onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    return exported
