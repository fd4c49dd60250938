"""Results of a sweep in the terminal: its best trials, which keys matter, and what to do next."""

from pathlib import Path

import optuna

from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.sweeps.sweep_results import importance, trial_rows, write_trials

_SHOWN = 10


def show_sweep(study: optuna.Study, folder: Path) -> None:
    """Print a sweep's best trials, and write all of them and their picture into its folder."""
    rows = trial_rows(study)
    write_trials(study, folder)
    if rows:
        cells = [[_cell(value) for value in row.values()] for row in rows[:_SHOWN]]
        TableConsole().print_table(list(rows[0]), cells, optional=("outcome",))
    if len(rows) > _SHOWN:
        print_line(f"{len(rows) - _SHOWN} more in {folder / 'trials.csv'}")
    if weights := importance(study):
        print_line(
            "share explained by each key: " + ", ".join(f"{key} {100 * share:.0f} %" for key, share in weights.items())
        )
    trained = [row for row in rows if row["outcome"] == "trained"]
    print_line(f"written to {folder / 'trials.csv'}" + (f" and {folder / 'sweep.png'}" if trained else ""))
    if trained:
        best = folder / trained[0]["trial"]
        told = "chosen by validation data; the test set was not used. next: glimpse evaluate"
        print_line(f"{told} {best} --split test")


def _cell(value: object) -> str:
    """Return a value as a cell of the table."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
