"""Errors of machines that cannot compute an agent in bfloat16, in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from glimpse.errors import UserError
from glimpse.runs.memory import is_out_of_memory

_SIGNS = ("bfloat16", "could not create a primitive", "mkldnn", "onednn")
"""What torch says of a CPU whose library has no such operation: not always the name of the precision."""


@contextmanager
def reporting_precision_errors(key: str, remedy: str, bfloat16: bool = True) -> Iterator[None]:
    """Turn the error of a machine without an operation in bfloat16 into a UserError that names the option.

    Args:
        key: the option of the precision.
        remedy: what the user can do.
        bfloat16: whether the networks run in it; if not, errors pass as they are.

    Raises:
        UserError: if the machine cannot compute the agent.
    """
    try:
        yield
    except RuntimeError as error:
        message = str(error).strip().partition("\n")[0]
        if not bfloat16 or is_out_of_memory(error) or not any(sign in message.lower() for sign in _SIGNS):
            raise
        raise UserError(
            f"{key}: this machine cannot compute this agent in bfloat16 ({message.partition('. ')[0]}). {remedy}"
        ) from None
