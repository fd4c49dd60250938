"""What all tests share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Two threads that wait for each other are many times slower where something else uses a core."""
    torch.set_num_threads(1)
