"""The most memory at a time."""

import pytest
import torch

from glimpse.peak_memory import peak_memory


def test_what_is_held_at_a_time_is_counted() -> None:
    """64 MiB, twice one after the other, are 64 MiB; side by side they are 128. Nothing is next to nothing."""
    device = torch.device("cpu")
    if peak_memory(lambda: None, device) is None:
        pytest.skip("this system does not tell")

    def held(count: int) -> int:
        return len([torch.ones(2**24) for _ in range(count)])

    assert peak_memory(lambda: (held(1), held(1)), device) == pytest.approx(64, abs=8)
    assert peak_memory(lambda: held(2), device) == pytest.approx(128, abs=8)
    assert peak_memory(lambda: None, device) == pytest.approx(0, abs=8)
