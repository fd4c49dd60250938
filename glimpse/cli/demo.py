"""`make demo`: trains RAM on MNIST for three minutes, evaluates it, and writes its report."""

import sys
from pathlib import Path

from glimpse.cli.command_line import main
from glimpse.envs.errors import DataError
from glimpse.envs.images.image_data import load_images
from glimpse.envs.printed_lines import print_line
from glimpse.runs.run_folder import RunFolder


def choose_config() -> str:
    """Return `demo`, or `digits-ram` (and say so) where MNIST cannot be downloaded."""
    try:
        load_images("mnist", "train")
    except DataError as problem:
        print_line(f"MNIST cannot be had here:\n{problem}")
        print_line("The demo takes scikit-learn's digits, which need no download.")
        return "digits-ram"
    return "demo"


def demo(run: Path | None = None) -> int:
    """Train (or resume), evaluate and report; return the exit code."""
    config = choose_config()
    run = run or Path("runs") / config
    if RunFolder(run).config_path.exists():
        print_line(f"{run} exists: resuming it (delete it to begin anew)")
        code = main(["train", "--resume", str(run)])
    else:
        code = main(["train", config, "--folder", str(run)])
    return code or main(["evaluate", str(run)]) or main(["report", str(run)])


if __name__ == "__main__":
    sys.exit(demo())
