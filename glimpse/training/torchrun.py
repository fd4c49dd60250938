"""What `torchrun` tells a process that it starts: whether there are others, and which GPU is its own."""

import os


def are_ranks() -> bool:
    """Return whether this process is one of several that `torchrun` has started."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def is_leader() -> bool:
    """Return whether this process evaluates, writes and tracks: rank 0, or a process alone."""
    return not are_ranks() or os.environ["RANK"] == "0"


def device_of_rank(name: str, gpus: int) -> str:
    """Return the device of a config for this process.

    Args:
        name: the device of the config.
        gpus: how many GPUs torch sees.

    Returns:
        `name`; but `cuda:K` for the K-th process of a machine with GPUs, unless `name` is a device of its own.
    """
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if are_ranks() and gpus and name in ("auto", "cuda") else name
