"""Numbers that are not finite in what an agent computes, although its weights still are: found, and named."""

import contextlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from glimpse.errors import UserError
from glimpse.runs.memory import is_out_of_memory

Result = TypeVar("Result")


class NotFiniteError(UserError):
    """Numbers of an evaluation that are not finite.

    names: what they are, in words.
    """

    def __init__(self, names: list[str]) -> None:
        """Say what is not finite."""
        super().__init__(
            f"{', '.join(names)} not finite: nothing can be measured with these weights. Use another run or checkpoint"
        )
        self.names = names


@contextmanager
def refusing_bad_decisions(agent: nn.Module) -> Iterator[None]:
    """Raise NotFiniteError at the end if a decision of the agent was NaN or infinite; no step waits for the device.

    Minus infinity passes: it is the logit of what an agent rules out.
    """
    good: dict[str, Tensor] = {}

    def check(module: nn.Module, given: object, result: Any) -> None:
        for name, value in result[0]._asdict().items():
            if torch.is_tensor(value) and value.is_floating_point():
                passes = (value < torch.inf).all()
                good[name] = good[name] & passes if name in good else passes

    hook = agent.register_forward_hook(check)
    try:
        yield
    finally:
        hook.remove()
    if bad := [name for name, passes in good.items() if not passes]:
        raise NotFiniteError([f"the agent's {name}" for name in bad])


def naming_bad_numbers(agent: nn.Module, measure: Callable[[], Result]) -> Result:
    """Return what `measure` returns; if it fails by numbers of the agent that are not finite, say in which layer.

    Such numbers fail in many ways, so after an error it is called again, with a look at each layer's result.

    Raises:
        NotFiniteError: if a layer's result is NaN or infinite.
    """
    try:
        return measure()
    except (RuntimeError, ValueError, IndexError, OverflowError) as error:
        if not is_out_of_memory(error) and (name := _first_bad_layer(agent, measure)):
            raise NotFiniteError([f"output of the agent's {name}"]) from None
        raise


def _first_bad_layer(agent: nn.Module, measure: Callable[[], object]) -> str | None:
    """Return the name of the first layer whose result is not finite when `measure` is called; None if all are."""
    found: list[str] = []
    names = {module: name for name, module in agent.named_modules() if name}

    def check(module: nn.Module, given: object, result: object) -> None:
        if not found and not all(bool((part < torch.inf).all()) for part in _floats(result)):
            found.append(names[module])

    hooks = [module.register_forward_hook(check) for module in names]
    try:
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            measure()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def _floats(result: object) -> Iterator[Tensor]:
    """Yield the tensors of real numbers in what a layer returned."""
    if isinstance(result, Tensor):
        if result.is_floating_point():
            yield result
    elif isinstance(result, tuple | list):
        for part in result:
            yield from _floats(part)
    elif isinstance(result, dict):
        yield from _floats(list(result.values()))
