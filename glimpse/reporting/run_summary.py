"""Summary of a run in a line, from the files of its folder."""

from pathlib import Path

from glimpse.config.files import load_experiment
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.runs.evaluation_file import not_an_evaluation, read_evaluation_file
from glimpse.runs.metrics_log import read_metrics
from glimpse.runs.run_folder import RunFolder


def summarise_run(path: Path) -> dict[str, str]:
    """Return cells of a run: its agent, task, seed, last step, and its main measure on the test set.

    Raises:
        UserError: if it cannot be read.
    """
    folder = RunFolder.open(path)
    experiment, record = load_experiment(folder.config_path), read_evaluation_file(folder.evaluation_path).get("test")
    rows = read_metrics(folder.metrics_path)
    steps = f"{int(rows[-1]['step'] or 0):,}" if rows else ""
    if experiment.train.steps and steps:
        steps += f"/{experiment.train.steps:,}"
    try:
        measure = evaluator_of(experiment).main_measure(record) if record else None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise not_an_evaluation(folder.evaluation_path) from None
    how = f" ({measure.how})" if measure and measure.how else ""
    test = f"{measure.name} {measure.value:.4g}{how}" if measure else "not evaluated"
    return {
        "agent": experiment.agent_title,
        "task": experiment.task_title,
        "seed": str(experiment.seed),
        "step": steps,
        "test": test,
    }
