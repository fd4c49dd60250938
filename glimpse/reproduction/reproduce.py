"""`glimpse reproduce TABLE`: train missing runs, evaluate each once on the test set, and write the table's results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glimpse.config.exact_config import relevant_differences
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.config.other_data import read_other_data
from glimpse.errors import UserError
from glimpse.evaluation.evaluate import evaluate_run
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.reproduction.learning_curves import curves_picture
from glimpse.reproduction.length_curves import lengths_picture
from glimpse.reproduction.line_answers import write_answers
from glimpse.reproduction.people_figures import people_maps
from glimpse.reproduction.ranked_lines import ranked_line
from glimpse.reproduction.result_files import write_picture, write_results
from glimpse.reproduction.result_rows import line_answers, line_command, result_rows
from glimpse.reproduction.row_facts import rows_of_line
from glimpse.reproduction.run_measures import Result, is_whole
from glimpse.reproduction.table_entries import row_name
from glimpse.reproduction.tables import TABLES, Table, TableEntry
from glimpse.runs.checkpoint import load_newest
from glimpse.runs.evaluation_file import read_evaluation_file
from glimpse.runs.metric_names import SECONDS, read_run_metrics
from glimpse.runs.predictions_file import read_predictions
from glimpse.runs.results import Row, read_rows
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import BEST, PROVISIONAL
from glimpse.sweeps.jobs import Job, Workers, make_jobs
from glimpse.training.step_record import StepRecord
from glimpse.training.train import train_command

_QUICK = ("train.steps=30", "train.evaluate_every=30", "evaluate.copies=2")


def reproduce_tables(
    names: Sequence[str],
    runs: Path,
    output: Path,
    *,
    seeds: int | None = None,
    only: Sequence[str] = (),
    quick: bool = False,
    overrides: Sequence[str] = (),
    workers: Workers | None = None,
) -> int:
    """Reproduce tables one after the other; see `reproduce_table` for the arguments and the exit code.

    Raises:
        UserError: as `reproduce_table`; for an unknown table or line before anything is trained.
    """
    for name in names:
        _chosen_entries(name, only)
    for name in names:
        code = reproduce_table(
            name, runs, output, seeds=seeds, only=only, quick=quick, overrides=overrides, workers=workers
        )
        if code:
            return code
    return 0


def reproduce_table(
    name: str,
    runs: Path,
    output: Path,
    *,
    seeds: int | None = None,
    only: Sequence[str] = (),
    quick: bool = False,
    overrides: Sequence[str] = (),
    workers: Workers | None = None,
) -> int:
    """Reproduce a table and write `output`/NAME.json, .md, .svg and .png (with `quick`, NAME-quick.json and so on).

    Args:
        name: name of the table.
        runs: folder of the run folders; finished runs are reused, unfinished ones are resumed.
        output: folder of the results. Rows of other lines that it already has are kept.
        seeds: number of runs of each line; by default that of the table.
        only: names of the lines to reproduce, which are those of their configs; by default all lines.
        quick: whether this is a smoke run: one seed, 30 steps, two rollouts per example, and run folders of its own.
        overrides: config overrides `a.b=c` for every run (such as threads=1).
        workers: who trains the runs that are missing, several at once; by default this process, one after the other.

    Returns:
        0, or 143 or 130 if a training was stopped.

    Raises:
        UserError: for an unknown line, a run that was started with another config, or a run or file that
            cannot be read or written.
    """
    table, path = TABLES[name], output / f"{name}{'-quick' * quick}"
    chosen = _chosen_entries(name, only)
    lines = [(entry, _jobs(entry, runs, seeds, quick, overrides)) for entry in chosen if not entry.ranking]
    if workers is not None:
        runs.mkdir(parents=True, exist_ok=True)
        make_jobs([job for _, jobs in lines for job in jobs if not _is_trained(job)], workers, print)
    for entry, jobs in lines:
        results = []
        for job in jobs:
            run = job.folder
            code = _train(load_experiment(job.words[0], job.words[1:]), run)
            if code:
                return code
            results.append(_result(run, table))
        base = load_experiment(entry.config, _run_overrides(entry, results[0].experiment.seed, quick))
        command = line_command(name, entry, base, results[0].experiment, len(results), quick)
        earlier = rows_of_line(output, [path.name] if quick else TABLES, entry.name)
        answers = line_answers(results)
        if not quick:
            write_answers(output, entry.name, answers)
        _replace_rows(table, path, entry, result_rows(table, entry, results, earlier, command, answers))
    for entry in (entry for entry in chosen if entry.ranking):
        print(f"== {entry.name}", flush=True)
        earlier = rows_of_line(output, [path.name] if quick else TABLES, entry.name)
        ranked = ranked_line(name, entry, earlier, seeds, quick, overrides)
        if not quick:
            write_answers(output, entry.name, ranked.answers)
        _replace_rows(table, path, entry, ranked.rows)
    if not quick:
        _write_curves(table, path, runs)
    print("written to " + ", ".join(f"{path}{end}" for end in (".json", ".md", ".svg", ".png")))
    return 0


def _replace_rows(table: Table, path: Path, entry: TableEntry, rows: list[Row]) -> None:
    """Write a table's files with new rows of one line."""
    known = read_rows(path.with_name(f"{path.name}.json"), "glimpse reproduce", "config")
    write_results(table, path, [*(row for row in known if row_name(row) != entry.name), *rows])


def _jobs(entry: TableEntry, runs: Path, seeds: int | None, quick: bool, overrides: Sequence[str]) -> list[Job]:
    """Return the trainings of a line, one for each seed."""
    return [
        Job(
            runs / f"{entry.name}-seed{seed}{'-quick' * quick}",
            (entry.config, *_run_overrides(entry, seed, quick), *overrides),
        )
        for seed in range(seeds or (1 if quick else entry.seeds))
    ]


def _is_trained(job: Job) -> bool:
    """Return whether a run is there and complete."""
    return RunFolder(job.folder).config_path.exists() and _is_finished(RunFolder.open(job.folder))


def _run_overrides(entry: TableEntry, seed: int, quick: bool) -> list[str]:
    """Return the config overrides of one run of a line."""
    fold = [f"task.fold={seed}"] if entry.folds else []
    return [*entry.overrides, f"seed={seed}", *fold, *(_QUICK if quick else ())]


def _chosen_entries(name: str, only: Sequence[str]) -> list[TableEntry]:
    """Return the lines of a table that the user asked for.

    Raises:
        UserError: for an unknown table, or a line that it does not have.
    """
    if name not in TABLES:
        raise UserError(f"unknown table {name!r}; choose from {', '.join(TABLES)}")
    lines = {entry.name: entry for entry in TABLES[name].entries}
    wanted = [Path(config).name.removesuffix(".yaml") for config in only]
    unknown = [config for config in wanted if config not in lines]
    if unknown:
        raise UserError(f"table {name!r} has no line {', '.join(unknown)}; its lines are {', '.join(lines)}")
    return [entry for line, entry in lines.items() if line in wanted or not wanted]


def _train(given: Experiment, run: Path) -> int:
    """Train a run unless it is finished; an unfinished run is resumed with the config that it was started with.

    Returns:
        The exit code of the training, 0 if it is complete.

    Raises:
        UserError: if the run was started with another config.
    """
    print(f"== {run}", flush=True)
    if not RunFolder(run).config_path.exists():
        return train_command(given, run, resume=False)
    folder = RunFolder.open(run)
    kept = load_experiment(folder.config_path)
    if other := relevant_differences(kept, given):
        raise UserError(
            f"{run} was started with other values of {', '.join(other)}. Move it away to train it anew, "
            "or pass the values of its config.yaml as a.b=c"
        )
    if _is_finished(folder):
        print("trained already")
        return 0
    return train_command(kept, run, resume=True)


def _is_finished(folder: RunFolder) -> bool:
    """Return whether the newest checkpoint is of the last training step, or patience ended the training there."""
    newest = load_newest(folder.checkpoints, print, read_only=True)
    if newest is None:
        return False
    options = load_experiment(folder.config_path).train
    if options.patience is not None and newest.state["waited"] >= options.patience:
        return True
    budget = options.steps
    decided = StepRecord(folder.steps_path).at(newest.step)
    return newest.step >= budget if budget is not None else decided is not None and decided.progress == 1


def _result(run: Path, table: Table) -> Result:
    """Return the run's test set evaluation: the record in its folder if it is up to date, else a new one."""
    folder = RunFolder.open(run)
    experiment = load_experiment(folder.config_path)
    record = read_evaluation_file(folder.evaluation_path).get("test", {})
    best = load_newest(folder.best, print, read_only=True)
    fits = best is not None and record.get("step") == best.step and "averaged" not in record
    if not fits or not is_whole(record, table) or not evaluator_of(experiment).fits(record, experiment):
        record = evaluate_run(run, "test")
    if record.get("weights", BEST) not in (BEST, PROVISIONAL):
        raise UserError(
            f"{run} was measured with the weights {record['weights']}, which do not belong into a table. Put "
            f"{folder.best} back from a copy, or move {run} away to train it anew"
        )
    shifted = {end: _shifted_record(run, folder, override, record) for override, end in table.shifts.items()}
    rows = read_run_metrics(folder)
    if not rows or not isinstance(rows[-1].get(SECONDS), int | float):
        raise UserError(f"{folder.metrics_path} lacks the last rows of the training. Restore it, or train {run} anew")
    steps, seconds = int(rows[-1]["step"] or 0), float(rows[-1][SECONDS] or 0)
    return Result(experiment, record, steps, seconds, shifted, read_predictions(run, record))


def _shifted_record(run: Path, folder: RunFolder, override: str, own: dict[str, Any]) -> dict[str, Any]:
    """Return the evaluation of the same weights on other test data: that in the run's folder, or a new one."""
    name = f"test of {read_other_data(folder.config_path, [override]).name}"
    record = read_evaluation_file(folder.evaluation_path).get(name, {})
    fits = (
        record.get("step") == own["step"] and record.get("weights") in (BEST, PROVISIONAL) and "averaged" not in record
    )
    return record if fits else evaluate_run(run, "test", overrides=[override])


def _write_curves(table: Table, path: Path, runs: Path) -> None:
    """Draw the learning curves, the curves by length and the maps of a table, from the run folders that exist."""
    curves = curves_picture(table, runs) if table.curve else None
    lengths = lengths_picture(table, runs) if table.lengths else None
    compared = [run for entry in table.entries for run in sorted(runs.glob(f"{entry.config}-seed*[0-9]"))]
    maps = people_maps(compared[0]) if table.people and compared else None
    for name, picture in (("curves", curves), ("lengths", lengths), ("maps", maps)):
        if picture is not None:
            write_picture(path.with_name(f"{path.name}-{name}.png"), picture)
