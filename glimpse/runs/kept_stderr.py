"""Standard error kept from the terminal while another library starts its processes."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


@contextmanager
def kept_from_terminal() -> Iterator[list[str]]:
    """Keep what is written to standard error from the terminal, for good by processes that are started meanwhile.

    The process of Weights & Biases prints a trace of its threads there when an answer of a server breaks it.

    Yields:
        A list, which holds what was written, by this process and by others, when the context has ended.
    """
    written: list[str] = []
    try:
        terminal = os.dup(2)
    except OSError:  # Standard error is closed.
        yield written
        return
    with tempfile.TemporaryFile() as file, io.StringIO() as ours:
        os.dup2(file.fileno(), 2)
        try:
            with redirect_stderr(ours):
                yield written
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            file.seek(0)
            written += [ours.getvalue(), file.read().decode(errors="replace")]
