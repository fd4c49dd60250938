"""Settings that all tests share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Limit torch to one thread: on busy cores, threads that wait for each other are many times slower."""
    torch.set_num_threads(1)
