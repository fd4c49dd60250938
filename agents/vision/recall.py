"""Layers whose outputs, once computed while acting, need not be computed again to learn from them.

An update learns from episodes that the same weights have just played, so each activation of the replay is already
known. These layers take the recorded output in place of a forward pass and do the ordinary backward pass: the
gradients are those of plain autograd (a test holds them together), and the second forward pass is saved.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _rectified_gradient(gradient: Tensor, output: Tensor) -> Tensor:
    """Of what was rectified, where `output` is what came out."""
    return cast(Tensor, torch.ops.aten.threshold_backward(gradient, output, 0))


class _RecallSum(torch.autograd.Function):
    """Rect(sum of Linear(x_i)) with a recorded output. Arguments after it: x, weight and bias of each layer."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, *layers: Tensor) -> Tensor:
        """Give the recorded output (..., out)."""
        ctx.save_for_backward(output, *layers)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """One product for each weight and each input that needs it."""
        output, *layers = ctx.saved_tensors
        inner = _rectified_gradient(gradients[0].to(output.dtype), output).flatten(0, -2)
        bias_gradient = inner.sum(0)
        given: list[Tensor | None] = [None]
        for number in range(0, len(layers), 3):
            source, weight, _ = layers[number : number + 3]
            needed = ctx.needs_input_grad[number + 1]
            given.append((inner @ weight.to(inner.dtype)).view(source.shape) if needed else None)
            given += [inner.t() @ source.flatten(0, -2).to(inner.dtype), bias_gradient]
        return tuple(given)


class RectifiedSum(nn.Module):
    """Rect(Linear(x_1) + Linear(x_2) + ...), the paper's layer of one or two inputs."""

    def __init__(self, inputs: tuple[int, ...], outputs: int) -> None:
        """Make a linear layer from each of the widths `inputs` to `outputs` units."""
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(width, outputs) for width in inputs)

    def forward(self, *sources: Tensor, recorded: Tensor | None = None) -> Tensor:
        """(..., in_i) each -> (..., out), computed, or taken from `recorded` (then only its gradient is computed)."""
        linears = cast(list[nn.Linear], list(self.linears))
        if recorded is not None:
            pairs = zip(sources, linears, strict=True)
            layers = [tensor for source, linear in pairs for tensor in (source, linear.weight, linear.bias)]
            return cast(Tensor, _RecallSum.apply(recorded, *layers))
        biases = [linear.bias for linear in linears]
        total = F.linear(sources[0], linears[0].weight, sum(biases[1:], biases[0])).flatten(0, -2)
        for linear, source in zip(linears[1:], sources[1:], strict=True):  # Adding within the product costs nothing.
            total = torch.addmm(total, source.flatten(0, -2), linear.weight.t())
        return torch.relu_(total).view(*sources[0].shape[:-1], -1)


class _RecallRecurrence(torch.autograd.Function):
    """h_t = Rect(W x_t + U h_{t-1} + b) for all t, from h = 0, with recorded h."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        """Recorded (T, B, D) -> itself, and a copy of its last step (B, D), most often all that a loss needs."""
        ctx.save_for_backward(hidden, *rest)
        ctx.set_materialize_grads(False)
        return hidden, hidden[-1].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Backwards through time in one product a step; the weights' gradients in one product each for all steps."""
        hidden, inputs, input_weight, _, memory_weight, _ = ctx.saved_tensors
        every, last = gradients
        recurrent = memory_weight.to(hidden.dtype)
        inner = torch.empty_like(hidden)  # of what was rectified
        outer = torch.zeros_like(hidden[-1]) if last is None else last.to(hidden.dtype)
        for step in reversed(range(len(hidden))):
            if every is not None:
                outer = outer + every[step]
            inner[step] = _rectified_gradient(outer, hidden[step])
            outer = inner[step] @ recurrent if step else outer
        flat = inner.flatten(0, 1)
        bias_gradient = flat.sum(0)
        input_gradient = (flat @ input_weight.to(flat.dtype)).view(inputs.shape)
        from_inputs = flat.t() @ inputs.flatten(0, 1).to(flat.dtype)
        from_memory = inner[1:].flatten(0, 1).t() @ hidden[:-1].flatten(0, 1)
        return None, input_gradient, from_inputs, bias_gradient, from_memory, bias_gradient


def recall_recurrence(layer: RectifiedSum, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Recall all steps of a recurrence whose step is `layer(input, memory)`, begun from an empty memory.

    Args:
        layer: of two inputs.
        inputs: (T, B, G).
        hidden: (T, B, D), the recorded outputs of each step.

    Returns:
        The outputs (T, B, D), and the last of them by itself, (B, D).
    """
    first, second = cast(list[nn.Linear], list(layer.linears))
    result = _RecallRecurrence.apply(hidden, inputs, first.weight, first.bias, second.weight, second.bias)
    return cast(tuple[Tensor, Tensor], result)
