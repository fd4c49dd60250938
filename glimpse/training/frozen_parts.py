"""Parts of an agent whose weights stay as they are in training, `train.freeze` in a config."""

from collections.abc import Iterable, Sequence
from typing import Any

from glimpse.errors import UserError


def freeze_parts(agent: Any, parts: Sequence[str]) -> str:
    """Take parameters out of training: they get no gradient, so that no update, decay or average changes them.

    Args:
        agent: an agent whose optimiser is not made yet.
        parts: names of its modules or parameters, such as `glimpse_network` or `encoder.layers.0`.

    Returns:
        A line for the user; "" without parts.

    Raises:
        UserError: if there is no such part, or nothing is left to be trained.
    """
    if not parts:
        return ""
    named = dict(agent.named_parameters(remove_duplicate=False))
    for part in parts:
        if not (own := [name for name in named if f"{name}.".startswith(f"{part}.")]):
            raise UserError(f"train.freeze: the agent has no part {part!r}; its parts are {', '.join(_parts(named))}")
        for name in own:
            named[name].requires_grad_(False)
    every = list(agent.parameters())
    frozen = sum(each.numel() for each in every if not each.requires_grad)
    total = sum(each.numel() for each in every)
    if frozen == total:
        raise UserError(f"train.freeze: {', '.join(parts)} leaves nothing to be trained; leave out some of them")
    return f"frozen: {', '.join(parts)}, {frozen:,} of {total:,} parameters"


def _parts(names: Iterable[str]) -> list[str]:
    """Return the names of the largest parts, in their order."""
    return list(dict.fromkeys(name.split(".")[0] for name in names))
