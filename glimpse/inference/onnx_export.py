"""Export of a trained agent to ONNX, so that onnxruntime runs it without glimpse and torch."""

import contextlib
import hashlib
import importlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from glimpse import __version__
from glimpse.envs.meaning import env_meaning
from glimpse.errors import UserError
from glimpse.families import FAMILIES, family_of, family_part
from glimpse.inference.onnx_graph import OnnxGraph, Port
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.run_source import find_run
from glimpse.runs.trained_run import TrainedRun, open_run

OPSET = 20
TOLERANCE = 1e-4
"""Largest difference between onnxruntime's outputs and torch's, relative to outputs above 1."""


def export_command(run: Path, file: Path) -> None:
    """Write a run's agent as FILE.onnx, and what its user needs to know as FILE.json.

    Raises:
        UserError: if a library is missing, the agent cannot be exported, the graph's outputs differ from the agent's,
            or the files cannot be written.
    """
    for library in ("onnx", "onnxscript", "onnxruntime"):
        _require(library)
    if file.suffix != ".onnx":
        raise UserError(f"expected a file name that ends in .onnx, such as {file.name or 'agent'}.onnx, got {file}")
    trained = open_run(find_run(run), None, "cpu", print)
    main = graph_of(trained)
    graphs = {file: main} | {
        file.with_stem(f"{file.stem}-{name}"): companion for name, companion in main.companions.items()
    }
    # All graphs are made and compared before any is written, and all are written before anything is said.
    made = [_compared(trained, graph, path) for path, graph in graphs.items()]
    for path, content in (content for contents, _ in made for content in contents.items()):
        with reporting_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, content)
    print("\n".join(line for _, lines in made for line in lines))


def _compared(trained: TrainedRun, graph: OnnxGraph, file: Path) -> tuple[dict[Path, bytes], list[str]]:
    """Return the content of a graph's files, after a comparison with torch, and lines that say what they hold."""
    facts = graph_facts(trained, graph)
    model = to_onnx(graph, facts)
    difference = largest_difference(graph, model)
    beside = file.with_suffix(".json")
    lines = [f"{file} ({len(model):,} bytes; differs from torch by {difference:.1g} at most) and {beside}:"]
    for way, ports in (("input ", graph.inputs), ("output", graph.outputs)):
        lines += [f"  {way} {port.name} ({', '.join(map(str, port.shape))}): {port.about}" for port in ports]
    return {file: model, beside: _to_json(facts)}, lines


def graph_of(trained: TrainedRun) -> OnnxGraph:
    """Return the graph of a run's agent.

    Raises:
        UserError: if it cannot be exported.
    """
    task = trained.experiment.task.name
    name = family_of(task).graph
    if not name:
        fit = ", ".join(family for family, parts in FAMILIES.items() if parts.graph)
        raise UserError(
            f"{trained.experiment.agent.name} cannot be exported: only runs of the families {fit} can, and the task of "
            f"this one is {task!r}"
        )
    graph: OnnxGraph = family_part(name)(trained)
    return graph


def graph_facts(trained: TrainedRun, graph: OnnxGraph) -> dict[str, Any]:
    """Return what the user of a graph needs to know, as plain data: the content of FILE.json."""
    experiment = trained.experiment
    return {
        "glimpse": __version__,
        "agent": experiment.agent.name,
        "task": experiment.task.name,
        "opset": OPSET,
        "inputs": [
            {**_port(port), "dtype": str(tensor.numpy().dtype)}
            for port, tensor in zip(graph.inputs, graph.samples[0], strict=True)
        ],
        "outputs": [_port(port) for port in graph.outputs],
        **graph.facts,
        "meaning": env_meaning(trained.env).model_dump(mode="json"),
    }


def to_onnx(graph: OnnxGraph, facts: dict[str, Any]) -> bytes:
    """Return the graph as an ONNX file's content, with `facts` among its metadata, but a digest of their meaning.

    Raises:
        UserError: if an agent, such as one of another package, has operations that ONNX lacks.
    """
    module = graph.module.eval().requires_grad_(False)
    axes = tuple({at: size for at, size in enumerate(port.shape) if isinstance(size, str)} for port in graph.inputs)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module,
                graph.samples[0],
                dynamo=True,
                opset_version=OPSET,
                input_names=[port.name for port in graph.inputs],
                output_names=[port.name for port in graph.outputs],
                dynamic_shapes=(axes,) if _takes_any_number(module) else axes,
                verbose=False,
            )
    except Exception as problem:  # torch has many errors for what it cannot capture.
        raise UserError(f"{facts['agent']} cannot be exported: {_first_cause(problem)}") from problem
    assert program is not None
    model = program.model_proto
    model.producer_name, model.producer_version = "glimpse", __version__
    classes = facts["meaning"].get("classes", [])
    short = {name: value for name, value in facts.items() if name != "meaning"} | {"classes": classes}
    for name, value in (short | {"meaning_sha256": _digest(facts["meaning"])}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = name, value if isinstance(value, str) else json.dumps(value)
    content: bytes = model.SerializeToString()
    return content


def largest_difference(graph: OnnxGraph, model: bytes) -> float:
    """Return the largest difference between onnxruntime's outputs and the module's, on all samples.

    Raises:
        UserError: if it is more than `TOLERANCE`, or onnxruntime cannot run the graph.
    """
    runtime = importlib.import_module("onnxruntime")
    runtime.disable_telemetry_events()  # It would tell its makers that it runs.
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    largest = 0.0
    try:
        session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for sample in graph.samples:
            fed = {port.name: tensor.numpy() for port, tensor in zip(graph.inputs, sample, strict=True)}
            found = session.run([port.name for port in graph.outputs], fed)
            with torch.no_grad():
                wanted = graph.module(*sample)
            for port, one, other in zip(graph.outputs, found, wanted, strict=True):
                largest = max(largest, _difference(port, torch.from_numpy(one), other))
    except (RuntimeError, ValueError) as problem:  # The errors of onnxruntime are RuntimeErrors.
        raise UserError(f"onnxruntime cannot run the exported graph: {str(problem).splitlines()[0]}") from None
    if not largest <= TOLERANCE:
        raise UserError(
            f"the exported graph differs from the agent by {largest:.3g}, more than {TOLERANCE:g}; nothing was written"
        )
    return largest


def _difference(port: Port, found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Return the largest difference of an output, relative where numbers are above 1."""
    if found.shape != wanted.shape:
        raise ValueError(f"{port.name} has the shape {tuple(found.shape)} instead of {tuple(wanted.shape)}")
    if not wanted.numel():
        return 0.0
    distance = (found.double() - wanted.double()).abs() / wanted.double().abs().clamp(min=1)
    distance = distance.masked_fill(found == wanted, 0.0)  # Two infinities are equal.
    return float(distance.max())


def _first_cause(problem: BaseException) -> str:
    """Return the first line of the error that others were raised from."""
    while problem.__cause__ is not None:
        problem = problem.__cause__
    return str(problem).strip().partition("\n")[0] or type(problem).__name__


def _takes_any_number(module: torch.nn.Module) -> bool:
    """Return True where the module's `forward` is `(*inputs)`, whose shapes torch wants in a tuple of their own."""
    return bool(module.forward.__code__.co_flags & 0x04)


def _require(library: str) -> None:
    """Raise UserError if a library is missing."""
    try:
        importlib.import_module(library)
    except ModuleNotFoundError:
        raise UserError(f"export needs the package {library}: pip install 'glimpse-rl[export]'") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says to itself: it reports on its own passes, and warns of its own code."""
    before = logging.root.manager.disable
    logging.disable()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(before)


def _port(port: Port) -> dict[str, Any]:
    return {"name": port.name, "shape": list(port.shape), "about": port.about}


def _digest(meaning: Any) -> str:
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def _to_json(facts: dict[str, Any]) -> bytes:
    return (json.dumps(facts, indent=1) + "\n").encode()
