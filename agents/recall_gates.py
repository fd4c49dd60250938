"""Recurrent cores with gates: recording of their steps while acting, and their gradients from what was recorded.

See `recall.py` and `recording.py`. Plain `nn.LSTM` and `nn.GRU` are the definition that tests compare with.

Axes: T steps, B episodes, G feature width, D memory width.
"""

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from glimpse.agents.recall import sum_gradients
from glimpse.agents.recording import StepRows, product_type

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


class GateWeights(NamedTuple):
    """Weights of a core with n gates, in the type of products.

    from_input: (n D, G).
    from_memory: (n D, D).
    input_bias, memory_bias: (n D,).
    """

    from_input: Tensor
    from_memory: Tensor
    input_bias: Tensor
    memory_bias: Tensor


def gate_weights(network: nn.RNNBase, kind: torch.dtype | None = None) -> GateWeights:
    """Return the weights of a network of one layer, by default in the type of products."""
    weights = cast(list[Tensor], network.all_weights[0])
    return GateWeights(*(each.to(kind or product_type(each)) for each in weights))


class LstmRecorder:
    """Steps of an LSTM, whose gates and memories are written into tensors of all steps.

    recorded: gates i, f, g, o (B, 4 D), memory (h, c) (B, 2 D) and tanh c (B, D) of the last step.
    """

    def __init__(self, network: nn.LSTM, steps: int) -> None:
        """Take the T steps of a rollout."""
        self._weights, self.width = gate_weights(network), network.hidden_size
        self._bias = self._weights.input_bias + self._weights.memory_bias
        self.rows = StepRows(steps, {"gates": 4 * self.width, "memory": 2 * self.width, "squashed": self.width})
        self.recorded: dict[str, Tensor] = {}

    def __call__(self, feature: Tensor, memory: Tensor) -> Tensor:
        """Take one step: (B, G) and (B, 2 D) -> (B, 2 D)."""
        weights, width, kind = self._weights, self.width, self._bias.dtype
        self.recorded = self.rows.next(feature.shape[0], self._bias)
        gates, after, squashed = self.recorded.values()
        (hidden, cell), (new_hidden, new_cell) = memory.to(kind).chunk(2, -1), after.chunk(2, -1)
        torch.addmm(self._bias, feature.to(kind), weights.from_input.t(), out=gates)
        gates.addmm_(hidden, weights.from_memory.t())
        gates[:, : 2 * width].sigmoid_()
        gates[:, 2 * width : 3 * width].tanh_()
        gates[:, 3 * width :].sigmoid_()
        let, keep, new, show = gates.chunk(4, -1)
        torch.mul(keep, cell, out=new_cell).addcmul_(let, new)
        torch.mul(show, torch.tanh(new_cell, out=squashed), out=new_hidden)
        return after


class _RecallLstm(torch.autograd.Function):
    """LSTM from an empty memory on, with recorded gates (T, B, 4 D), memories (T, B, 2 D) and tanh c (T, B, D)."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, memory: Tensor, squashed: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (T, B, D), and a copy of the last."""
        ctx.save_for_backward(gates, memory, squashed, *rest)
        ctx.set_materialize_grads(False)
        hidden = memory[..., : squashed.shape[-1]]
        return hidden, hidden[-1].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Compute the gradients: one product a step through time, and one product for each weight."""
        gates, memory, squashed, features, *weights = ctx.saved_tensors
        every, outer = gradients
        recurrent, width = weights[1].to(gates.dtype), squashed.shape[-1]
        inner, (hidden, cell) = torch.empty_like(gates), memory.chunk(2, -1)
        of_cell, part = torch.zeros_like(squashed[0]), torch.empty_like(squashed[0])
        for step in reversed(range(len(gates))):
            outer = _sum(outer, every, step, part)
            now, found = gates[step], inner[step]
            let, keep, new, show = now.chunk(4, -1)
            of_let, of_keep, of_new, of_show = found.chunk(4, -1)
            torch.mul(outer, squashed[step], out=of_show)
            torch.mul(outer, show, out=part)
            of_cell.add_(_tanh_backward(part, squashed[step], grad_input=part))
            torch.mul(of_cell, new, out=of_let)
            torch.mul(of_cell, let, out=of_new)
            if step:
                torch.mul(of_cell, cell[step - 1], out=of_keep)
            else:
                of_keep.zero_()
            first, last = slice(2 * width), slice(3 * width, None)
            _sigmoid_backward(found[:, first], now[:, first], grad_input=found[:, first])
            _tanh_backward(of_new, new, grad_input=of_new)
            _sigmoid_backward(found[:, last], now[:, last], grad_input=found[:, last])
            if step:
                of_cell.mul_(keep)
                outer = found @ recurrent
        from_input, bias = sum_gradients(inner, features)
        from_memory = inner[1:].flatten(0, 1).t() @ hidden[:-1].flatten(0, 1)
        return None, None, None, inner @ weights[0].to(inner.dtype), from_input, from_memory, bias, bias


class GruRecorder:
    """Steps of a gated recurrent unit, whose gates and memories are written into tensors of all steps.

    recorded: gates r, z, n (B, 3 D), memory h (B, D), and what r multiplies (B, D), of the last step.
    """

    def __init__(self, network: nn.GRU, steps: int) -> None:
        """Take the T steps of a rollout."""
        self._weights, self.width = gate_weights(network), network.hidden_size
        self.rows = StepRows(steps, {"gates": 3 * self.width, "memory": self.width, "reset": self.width})
        self.recorded: dict[str, Tensor] = {}

    def __call__(self, feature: Tensor, memory: Tensor) -> Tensor:
        """Take one step: (B, G) and (B, D) -> (B, D)."""
        weights, width, kind = self._weights, self.width, self._weights.input_bias.dtype
        self.recorded = self.rows.next(feature.shape[0], weights.input_bias)
        gates, after, reset = self.recorded.values()
        memory = memory.to(kind)
        torch.addmm(weights.input_bias, feature.to(kind), weights.from_input.t(), out=gates)
        from_memory = torch.addmm(weights.memory_bias, memory, weights.from_memory.t())
        both, new = gates[:, : 2 * width], gates[:, 2 * width :]
        both.add_(from_memory[:, : 2 * width]).sigmoid_()
        reset.copy_(from_memory[:, 2 * width :])
        new.addcmul_(both[:, :width], reset).tanh_()
        return torch.lerp(new, memory, both[:, width:], out=after)


class _RecallGru(torch.autograd.Function):
    """GRU from an empty memory on, with recorded gates (T, B, 3 D), memories (T, B, D) and what r multiplies."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, memory: Tensor, reset: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (T, B, D), and a copy of the last."""
        ctx.save_for_backward(gates, memory, reset, *rest)
        ctx.set_materialize_grads(False)
        return memory, memory[-1].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Compute the gradients: one product a step through time, and one product for each weight."""
        gates, memory, reset, features, *weights = ctx.saved_tensors
        every, outer = gradients
        recurrent, width = weights[1].to(gates.dtype), reset.shape[-1]
        # Gradients of what input and memory add to the gates; they differ in the third.
        of_input, of_memory = torch.empty_like(gates), torch.empty_like(gates)
        before, first = torch.zeros_like(reset[0]), slice(2 * width)
        for step in reversed(range(len(gates))):
            outer = _sum(outer, every, step, before)
            previous = memory[step - 1] if step else before
            (r, z, n), found = gates[step].chunk(3, -1), of_input[step]
            of_r, of_z, of_n = found.chunk(3, -1)
            torch.mul(outer, previous - n, out=of_z)
            torch.mul(outer, 1 - z, out=of_n)
            _tanh_backward(of_n, n, grad_input=of_n)
            torch.mul(of_n, reset[step], out=of_r)
            _sigmoid_backward(found[:, first], gates[step][:, first], grad_input=found[:, first])
            of_memory[step][:, first] = found[:, first]
            torch.mul(of_n, r, out=of_memory[step][:, 2 * width :])
            if step:
                outer = torch.addcmul(of_memory[step] @ recurrent, outer, z)
        from_input, input_bias = sum_gradients(of_input, features)
        from_memory = of_memory[1:].flatten(0, 1).t() @ memory[:-1].flatten(0, 1)
        memory_bias = of_memory.flatten(0, 1).sum(0)
        of_features = of_input @ weights[0].to(of_input.dtype)
        return None, None, None, of_features, from_input, from_memory, input_bias, memory_bias


def _sum(outer: Tensor | None, every: Tensor | None, step: int, like: Tensor) -> Tensor:
    """Return the gradient (B, D) of a step's output: from later steps, and from the loss of each step, where it is."""
    if every is None:
        return torch.zeros_like(like) if outer is None else outer.to(like.dtype)
    return every[step].to(like.dtype) if outer is None else outer.to(like.dtype) + every[step]


def recall_gates(network: nn.RNNBase, features: Tensor, known: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the recorded outputs of an LSTM or GRU from an empty memory on.

    Args:
        network: `nn.LSTM` or `nn.GRU`, of one layer.
        features: (T, B, G).
        known: what its recorder recorded, each (T, B, ...).

    Returns:
        The outputs (T, B, D), and the last of them, (B, D), both with gradients.
    """
    weights = network.all_weights[0]
    if "squashed" in known:
        found = _RecallLstm.apply(known["gates"], known["memory"], known["squashed"], features, *weights)
    else:
        found = _RecallGru.apply(known["gates"], known["memory"], known["reset"], features, *weights)
    return cast(tuple[Tensor, Tensor], found)
