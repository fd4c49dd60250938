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
    """Let the exporter read the source of its operators once in a process, not at each export, which takes a second."""
    pytest.importorskip("onnxscript")
    core = import_module("torch.onnx._internal.exporter._core")
    registry: Any = getattr(getattr(core, "_registration", None), "ONNXRegistry", None)
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(registry, "from_torchlib"):  # Another version of torch may keep it elsewhere.
            patch.setattr(registry, "from_torchlib", staticmethod(cache(registry.from_torchlib)))
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
