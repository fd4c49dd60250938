"""An agent as a graph for ONNX: a module of tensors alone, and what its inputs and outputs are."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Port:
    """Input or output of a graph.

    name: its name.
    shape: its axes; a number is fixed, a name (`batch`, `words`) may have any size.
    about: what it holds, in words.
    """

    name: str
    shape: tuple[str | int, ...]
    about: str


@dataclass(frozen=True)
class OnnxGraph:
    """What is exported.

    module: takes the inputs' tensors, in order, and returns a tuple of the outputs' tensors.
    inputs, outputs: what they are.
    samples: inputs of several sizes; the graph is made with the first, whose named axes have two entries or more, and
        is compared with the module on all of them.
    facts: what else its user needs to know, as plain data.
    companions: graphs that are needed beside it, by what is added to the file's name.
    """

    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    samples: tuple[tuple[Tensor, ...], ...]
    facts: dict[str, Any] = field(default_factory=dict)
    companions: dict[str, "OnnxGraph"] = field(default_factory=dict)
