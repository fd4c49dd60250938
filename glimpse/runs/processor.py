"""The processor in words: its model, and the vector extensions that matter for matrix products."""

import platform
from pathlib import Path

import torch

_EXTENSIONS = ("amx_bf16", "avx512_bf16", "avx512_f", "avx2")
"""From the newest to the oldest, by the names of `torch.cpu.get_capabilities`."""


def describe_processor() -> str:
    """Return the model with its vector extensions, as "Intel(R) Xeon(R) Processor (family 6, model 207), avx2".

    Virtual machines often hide the marketing name ("AMD EPYC"), so that only family and model tell generations apart.
    """
    extensions = [name for name in _EXTENSIONS if torch.cpu.get_capabilities().get(name)]
    return f"{processor_model()}, {' '.join(extensions) or 'no vector extensions'}"


def processor_model() -> str:
    """Return the processor's name, with family and model number where the system tells them (Linux)."""
    facts = _first_processor()
    name = facts.get("model name") or torch.cpu.get_capabilities().get("cpu_name")
    words = str(name or platform.processor() or platform.machine())
    numbers = [f"{key.split()[-1]} {facts[key]}" for key in ("cpu family", "model") if key in facts]
    return f"{words} ({', '.join(numbers)})" if numbers else words


def _first_processor() -> dict[str, str]:
    """Return the first processor's entry of /proc/cpuinfo; nothing on other systems."""
    try:
        entry = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in entry.splitlines())
    return {key.strip(): " ".join(value.split()) for key, _, value in pairs if value.strip()}
