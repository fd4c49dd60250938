"""Fixtures of the tests of exported agents."""

from collections.abc import Callable
from typing import Any

import pytest

from glimpse.inference.onnx_export import graph_facts, graph_of, largest_difference, to_onnx
from glimpse.inference.onnx_graph import OnnxGraph

Exported = tuple[OnnxGraph, Any]
"""A graph, and a session of onnxruntime that runs it."""


@pytest.fixture
def export() -> Callable[[Any], Exported]:
    """Return a function that exports a run; its graph and torch agree on the graph's own samples."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")

    def exported(run: Any) -> Exported:
        graph = graph_of(run)
        model = to_onnx(graph, graph_facts(run, graph))
        assert largest_difference(graph, model) < 1e-4
        return graph, onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    return exported
