"""What a training changes in its process: signal handlers, torch's threads, and the generators."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import numpy as np
import torch


@contextmanager
def noting_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT in a list: saving inside a handler could tear a checkpoint.

    Only the main thread can have handlers; a training in another one, as in notebooks, is not stopped by signals.
    """
    stop: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: FrameType | None) -> None:
        stop.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # A second Ctrl-C stops at once.

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: Python has not set it.


@contextmanager
def ending_at_once(stop: list[int]) -> Iterator[None]:
    """Let the signals that `noting_signals` collects in `stop` end this context at once, by KeyboardInterrupt.

    It is for work that leaves nothing behind, as loading data, where nobody looks at the list.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        stop.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        if stop:  # It came before.
            raise KeyboardInterrupt
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def giving_globals_back() -> Iterator[None]:
    """Leave the process's number of threads and its generators on the CPU as they were, for who called from Python."""
    threads, torch_state, numpy_state = torch.get_num_threads(), torch.get_rng_state(), np.random.get_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
