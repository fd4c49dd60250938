"""`make demo`: trains RAM on translated MNIST, evaluates it, and writes its report."""

import sys
from pathlib import Path

from glimpse.cli.command_line import main
from glimpse.envs.errors import DataError
from glimpse.envs.images.image_data import load_images
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.reproduction.table_entries import row_name
from glimpse.reproduction.tables import TABLES
from glimpse.runs.results import read_rows
from glimpse.runs.run_folder import RunFolder

_RESULTS, _METRIC = Path("results/demo.json"), "test_error_m10"


def choose_config() -> str:
    """Return `demo`, or `digits-ram` (and say so) where MNIST cannot be downloaded."""
    try:
        load_images("mnist", "train")
    except DataError as problem:
        print_line(f"MNIST cannot be had here:\n{problem}")
        print_line("The demo takes scikit-learn's digits, which need no download.")
        return "digits-ram"
    return "demo"


def show_controls(results: Path = _RESULTS) -> None:
    """Print the test errors of RAM and of controls that were trained alike, by the rows of a checkout's results."""
    known = read_rows(results, "glimpse reproduce demo", "config")
    rows = {row_name(row): row for row in known if row["metric"] == _METRIC}
    found = [
        (entry.label, f"{row['mean']:.2f}", " ".join(f"{value:.2f}" for value in row["values"]))
        for entry in TABLES["demo"].entries
        if (row := rows.get(entry.name)) is not None
    ]
    if found:
        title = "RAM and controls that were trained on as many episodes: test error, M = 10, % (glimpse reproduce demo)"
        TableConsole().print_table(["locations", "mean", "each seed"], found, title=title, bordered=True)


def demo(run: Path | None = None) -> int:
    """Train (or resume), evaluate and report; return the exit code."""
    config = choose_config()
    run = run or Path("runs") / config
    if RunFolder(run).config_path.exists():
        print_line(f"{run} exists: resuming it (delete it to begin anew)")
        code = main(["train", "--resume", str(run)])
    else:
        code = main(["train", config, "--folder", str(run)])
    code = code or main(["evaluate", str(run)])
    if not code and config == "demo":
        show_controls()
    return code or main(["report", str(run)])


if __name__ == "__main__":
    sys.exit(demo())
