"""Layers that reuse outputs recorded while acting, so that learning needs no second forward pass.

An update learns from episodes that the same weights have just played, so each activation of the replay is already
known. These layers take the recorded output in place of a forward pass and do the ordinary backward pass. The gradients
are those of plain autograd, as a test checks.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _relu_gradient(gradient: Tensor, output: Tensor) -> Tensor:
    """Return the gradient of a ReLU's input, given the gradient of its output and the output itself."""
    return cast(Tensor, torch.ops.aten.threshold_backward(gradient, output, 0))


class _RecallSum(torch.autograd.Function):
    """ReLU(sum of Linear(x_i)) with a recorded output, followed by x, weight and bias of each layer."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, *layers: Tensor) -> Tensor:
        """Return the recorded output (..., out)."""
        ctx.save_for_backward(output, *layers)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients with one product for each weight and each input that needs it."""
        output, *layers = ctx.saved_tensors
        inner = _relu_gradient(gradients[0].to(output.dtype), output).flatten(0, -2)
        bias_gradient = inner.sum(0)
        result: list[Tensor | None] = [None]
        for number in range(0, len(layers), 3):
            source, weight, _ = layers[number : number + 3]
            needed = ctx.needs_input_grad[number + 1]
            result.append((inner @ weight.to(inner.dtype)).view(source.shape) if needed else None)
            result += [inner.t() @ source.flatten(0, -2).to(inner.dtype), bias_gradient]
        return tuple(result)


class ReluSum(nn.Module):
    """Layer ReLU(Linear(x_1) + Linear(x_2) + ...), the paper's layer of one or two inputs."""

    def __init__(self, inputs: tuple[int, ...], outputs: int) -> None:
        """Make one linear layer to `outputs` units for each of the widths `inputs`."""
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(width, outputs) for width in inputs)

    def forward(self, *sources: Tensor, recorded: Tensor | None = None) -> Tensor:
        """Return the output (..., out).

        Args:
            *sources: inputs, (..., in_i) each.
            recorded: (..., out), the output of the same inputs and weights; then only the gradient is computed.
        """
        linears = cast(list[nn.Linear], list(self.linears))
        if recorded is not None:
            pairs = zip(sources, linears, strict=True)
            layers = [tensor for source, linear in pairs for tensor in (source, linear.weight, linear.bias)]
            return cast(Tensor, _RecallSum.apply(recorded, *layers))
        biases = [linear.bias for linear in linears]
        total = F.linear(sources[0], linears[0].weight, sum(biases[1:], biases[0])).flatten(0, -2)
        for linear, source in zip(linears[1:], sources[1:], strict=True):  # `addmm` adds for free.
            total = torch.addmm(total, source.flatten(0, -2), linear.weight.t())
        return torch.relu_(total).view(*sources[0].shape[:-1], -1)


class _RecallRecurrence(torch.autograd.Function):
    """Recurrence h_t = ReLU(W x_t + U h_{t-1} + b) for all t, from h = 0, with recorded h."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        """Return recorded (T, B, D), and a copy of its last step (B, D), which is most often all that a loss needs."""
        ctx.save_for_backward(hidden, *rest)
        ctx.set_materialize_grads(False)
        return hidden, hidden[-1].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Compute the gradients: one product a step through time, and one product for each weight."""
        hidden, inputs, input_weight, _, memory_weight, _ = ctx.saved_tensors
        every, last = gradients
        recurrent = memory_weight.to(hidden.dtype)
        inner = torch.empty_like(hidden)  # gradient of the input of the ReLU
        outer = torch.zeros_like(hidden[-1]) if last is None else last.to(hidden.dtype)
        for step in reversed(range(len(hidden))):
            if every is not None:
                outer = outer + every[step]
            inner[step] = _relu_gradient(outer, hidden[step])
            outer = inner[step] @ recurrent if step else outer
        flat = inner.flatten(0, 1)
        bias_gradient = flat.sum(0)
        input_gradient = (flat @ input_weight.to(flat.dtype)).view(inputs.shape)
        from_inputs = flat.t() @ inputs.flatten(0, 1).to(flat.dtype)
        from_memory = inner[1:].flatten(0, 1).t() @ hidden[:-1].flatten(0, 1)
        return None, input_gradient, from_inputs, bias_gradient, from_memory, bias_gradient


def recall_recurrence(layer: ReluSum, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Return the recorded outputs of a recurrence with step `layer(input, memory)`, from an empty memory on.

    Args:
        layer: has two inputs.
        inputs: (T, B, G).
        hidden: (T, B, D), the recorded outputs of all steps.

    Returns:
        The outputs (T, B, D), and the last of them, (B, D), both with gradients.
    """
    first, second = cast(list[nn.Linear], list(layer.linears))
    result = _RecallRecurrence.apply(hidden, inputs, first.weight, first.bias, second.weight, second.bias)
    return cast(tuple[Tensor, Tensor], result)
