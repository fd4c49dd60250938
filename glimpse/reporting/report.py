"""`glimpse report`: write a page about a run, and its pictures as single files."""

from pathlib import Path

from glimpse.envs.printed_lines import print_line
from glimpse.families import family_of, family_part
from glimpse.reporting.run_record import read_record
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.finite_numbers import naming_bad_numbers
from glimpse.runs.memory import reporting_memory_errors
from glimpse.runs.precision_errors import reporting_precision_errors
from glimpse.runs.run_folder import CONFIG
from glimpse.runs.run_source import find_run, writable_run
from glimpse.runs.trained_run import open_run


def report_command(run: Path, output: Path | None, episodes: int) -> None:
    """Write a run's report and print the paths of its files.

    Args:
        run: the run's folder.
        output: folder of the report; by default RUN/report. Files of an earlier report are replaced atomically.
        episodes: number of scanpaths, or texts, to show.

    Raises:
        UserError: if there is no run, no checkpoint, or nothing can be written.
        DataError: if the data cannot be loaded.
    """
    run = find_run(run) if output else writable_run(run, print_line)
    remedy = f"Set evaluate.precision: float32 in {run / CONFIG}"
    with reporting_memory_errors("Lower --episodes"), reporting_precision_errors("evaluate.precision", remedy):
        record = read_record(run, open_run(run, "validation", None, print_line))
        write = family_part(family_of(record.trained.experiment.task.name).report)
        files = naming_bad_numbers(record.trained.agent, lambda: write(record, episodes))
    for path in write_files(output or record.trained.folder.report, files):
        print(path)


def write_files(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """Write files into a folder, each atomically; other files in it are kept.

    Args:
        folder: the folder, created if it does not exist.
        files: contents by file name.

    Returns:
        The files' paths.

    Raises:
        UserError: if they cannot be written.
    """
    with reporting_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in files.items():
        with reporting_write_errors(folder / name):
            replace_file(folder / name, data)
        paths.append(folder / name)
    return paths
