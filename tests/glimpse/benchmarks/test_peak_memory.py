"""The most memory at a time."""

import json
import subprocess
import sys

import pytest
import torch

from glimpse.benchmarks.peak_memory import peak_memory

IN_A_FRESH_PROCESS = """
import json
import torch
from glimpse.benchmarks.peak_memory import peak_memory

device = torch.device("cpu")
held = lambda count: len([torch.ones(2**24) for _ in range(count)])
held(1)
works = (lambda: (held(1), held(1)), lambda: held(2), lambda: None)
print(json.dumps([peak_memory(work, device) for work in works]))
"""


def test_what_is_held_at_a_time_is_counted() -> None:
    """64 MiB, twice one after the other, are 64 MiB; side by side they are 128. Nothing is next to nothing."""
    if peak_memory(lambda: None, torch.device("cpu")) is None:
        pytest.skip("this system does not tell")
    # What a process has freed, it may keep and use again.
    found = subprocess.run([sys.executable, "-c", IN_A_FRESH_PROCESS], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == pytest.approx([64, 128, 0], abs=12)
