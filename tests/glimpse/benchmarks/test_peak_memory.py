"""Peak memory of a function."""

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


def test_peak_counts_memory_held_at_the_same_time() -> None:
    """Two blocks of 64 MiB one after the other peak at 64 MiB, both at once at 128 MiB, and doing nothing at 0."""
    if peak_memory(lambda: None, torch.device("cpu")) is None:
        pytest.skip("this system does not report peak memory")
    # A fresh process, since this one may reuse memory that it has freed.
    found = subprocess.run([sys.executable, "-c", IN_A_FRESH_PROCESS], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == pytest.approx([64, 128, 0], abs=12)
