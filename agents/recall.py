"""Layers that record their outputs while acting and reuse them, so that learning needs no second forward pass.

An update learns from episodes that the same weights have just played, so each activation of the replay is already
known. These layers take the recorded output in place of a forward pass and do the ordinary backward pass. The gradients
are those of plain autograd, as a test checks.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.recording import Recordable, StepRows, product_type


def relu_gradient(gradient: Tensor, output: Tensor, into: Tensor | None = None) -> Tensor:
    """Return the gradient of a ReLU's input.

    Args:
        gradient: of its output.
        output: its output, of the same type.
        into: where to write the result, such as `gradient` itself; by default a new tensor.
    """
    into = torch.empty_like(output) if into is None else into
    # Not below 0, numbers of bfloat16 are ordered as the integers of the same bits, which are compared faster.
    kind = torch.int16 if output.dtype == torch.bfloat16 else output.dtype
    torch.ops.aten.threshold_backward.grad_input(gradient.view(kind), output.view(kind), 0, grad_input=into.view(kind))
    return into


def sum_gradients(inner: Tensor, *sources: Tensor) -> list[Tensor]:
    """Return the gradients of weight and bias of each layer of a sum Linear(x_1) + Linear(x_2) + ...

    Args:
        inner: (..., out), the gradient of the sum.
        *sources: x_i, (..., in_i) each.
    """
    flat = inner.flatten(0, -2)
    bias = flat.sum(0)
    return [each for source in sources for each in (flat.t() @ source.flatten(0, -2).to(flat.dtype), bias)]


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
        inner = relu_gradient(gradients[0].to(output.dtype), output)
        sources, weights = layers[::3], layers[1::3]
        of_layers = sum_gradients(inner, *sources)
        result: list[Tensor | None] = [None]
        for number, weight in enumerate(weights):
            needed = ctx.needs_input_grad[3 * number + 1]
            result.append(inner @ weight.to(inner.dtype) if needed else None)
            result += of_layers[2 * number : 2 * number + 2]
        return tuple(result)


class ReluSum(Recordable):
    """Layer ReLU(Linear(x_1) + Linear(x_2) + ...), the paper's layer of one or two inputs."""

    recorder: "_SumRecorder | None" = None

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
        if self.recorder is not None and self.recorder.rows.fit(sources[0]):
            return self.recorder(*sources)
        linears = self._linears()
        if recorded is not None:
            pairs = zip(sources, linears, strict=True)
            layers = [tensor for source, linear in pairs for tensor in (source, linear.weight, linear.bias)]
            return cast(Tensor, _RecallSum.apply(recorded, *layers))
        total = F.linear(sources[0], linears[0].weight, self._bias()).flatten(0, -2)
        for linear, source in zip(linears[1:], sources[1:], strict=True):  # `addmm` adds for free.
            total = torch.addmm(total, source.flatten(0, -2), linear.weight.t())
        return torch.relu_(total).view(*sources[0].shape[:-1], -1)

    def make_recorder(self, steps: int) -> "_SumRecorder":
        """Return what takes the T steps of a rollout."""
        linears = self._linears()
        kind = product_type(linears[0].weight)
        return _SumRecorder([linear.weight.to(kind).t() for linear in linears], self._bias().to(kind), steps)

    def _linears(self) -> list[nn.Linear]:
        return cast(list[nn.Linear], list(self.linears))

    def _bias(self) -> Tensor:
        """Return the sum of the biases (out,)."""
        first, *others = (linear.bias for linear in self._linears())
        return sum(others, first)


class _SumRecorder:
    """ReLU(x_1 W_1 + x_2 W_2 + ... + b) of T steps, written into one tensor."""

    def __init__(self, weights: list[Tensor], bias: Tensor, steps: int) -> None:
        """Take matrices (in_i, out) and a bias (out,) of one type."""
        self._weights, self._bias = weights, bias
        self.rows = StepRows(steps, {"output": len(bias)})

    def __call__(self, *sources: Tensor) -> Tensor:
        """Return the output (B, out) of the next step, from inputs (B, in_i)."""
        kind, output = self._bias.dtype, self.rows.next(sources[0].shape[0], self._bias)["output"]
        torch.addmm(self._bias, sources[0].to(kind), self._weights[0], out=output)
        for source, weight in zip(sources[1:], self._weights[1:], strict=True):
            output.addmm_(source.to(kind), weight)
        return output.relu_()


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
        steps = list(zip(inner.unbind(), hidden.unbind(), strict=True))
        for step in reversed(range(len(steps))):
            if every is not None:
                outer = outer + every[step]
            inside, output = steps[step]
            relu_gradient(outer.to(output.dtype), output, inside)
            outer = inside @ recurrent if step else outer
        from_input, bias_gradient = sum_gradients(inner, inputs)
        from_memory = inner[1:].flatten(0, 1).t() @ hidden[:-1].flatten(0, 1)
        input_gradient = inner @ input_weight.to(inner.dtype)
        return None, input_gradient, from_input, bias_gradient, from_memory, bias_gradient


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
