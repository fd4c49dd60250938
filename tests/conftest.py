"""Settings that all tests share."""

import atexit
import gc

import pytest

# What is imported and collected lives to the end: looking for garbage in it takes a third of the time, and finds none.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from here on, but not in what is there by now: that would also copy it into forked children."""
    gc.freeze()
    atexit.register(gc.unfreeze)  # Libraries report what is left at the end.
    gc.set_threshold(50_000, 10, 10)  # Exports make many small objects, hardly any of them garbage.
    gc.enable()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Limit torch to one thread: on busy cores, threads that wait for each other are many times slower."""
    import torch  # Not above: the process that hands tests out to others has no use for it, and they wait for it.

    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def gradients_in_children() -> None:
    """Let forked children compute gradients, whatever devices this process sees later.

    The first backward pass starts a thread for each device that there is by then, and no child has these threads.
    """
    import torch

    torch.zeros(1, requires_grad=True).sum().backward()
