"""Evaluator of environments whose episodes are played: by wrong answers, by correlation, by F1, or by the reward."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.answered_examples import AnsweredExamples, Columns
from glimpse.evaluation.class_measures import measure_classes, measure_predicted
from glimpse.evaluation.cost import Cost, measure_cost
from glimpse.evaluation.evaluator import Evaluator, MainMeasure, ValidationResult
from glimpse.evaluation.label_measures import measure_labels, print_labels
from glimpse.evaluation.scores import EpisodeStatistics, Scores, measure_averaged, measure_scores
from glimpse.evaluation.split_score import Score
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.runs.metric_names import error_name
from glimpse.runs.trained_run import TrainedRun


class Details(NamedTuple):
    """Further results of a run.

    record: entries of the evaluation's record.
    columns: arrays of N examples, which are kept beside the answers.
    """

    record: Mapping[str, Any] = {}
    columns: Columns = {}


class EpisodeEvaluator(Evaluator):
    """Evaluator by the error in percent, or by 100 (1 - r) where scores are predicted; see `split_score.Score`.

    Of several labels at once weights are chosen by micro F1. Subclasses add statistics of the episodes, controls, and
    warnings.
    """

    def __init__(self, experiment: Experiment) -> None:
        """Make the evaluator of an experiment's runs."""
        super().__init__(experiment)
        self.error_name = error_name(experiment.evaluate.copies)
        self.headline = ("pearson", "micro_f1", self.error_name)

    def statistics(self, agent: Agent, env: Any) -> EpisodeStatistics:
        """Return an empty collector of statistics of the episodes."""
        return EpisodeStatistics()

    def result(self, agent: Agent, score: Score, statistics: dict[str, Any]) -> ValidationResult:
        """Return the validation result, given the averaged score and the statistics of the episodes."""
        return ValidationResult(score.chosen_by, {self.error_name: score.error, **score.figures})

    def controls(self, agent: Agent, env: Any, options: EvaluateOptions) -> dict[str, Scores]:
        """Return the scores of the agent's controls by name."""
        return {}

    def tested(self, rows: dict[str, Scores]) -> dict[str, Scores]:
        """Return the scores of the agent (the first row) and of its controls, which are tested against the agent's."""
        return rows

    def cost(self, agent: Agent, env: Any) -> Cost:
        """Return the cost of an episode."""
        return measure_cost(agent, env)

    def details(self, trained: TrainedRun, scores: Scores, options: EvaluateOptions) -> Details:
        """Measure and print further results of a run."""
        return Details()

    def describe_statistics(self, scores: Scores) -> list[str]:
        """Describe the statistics of the episodes in words, a string for each."""
        return []

    def notes(self, rows: dict[str, Scores], agent: Agent) -> list[str]:
        """Return lines that explain the scores of the agent (the first row) and of its controls, such as warnings."""
        return []

    def validate(self, agent: Agent, env: Any, options: EvaluateOptions) -> ValidationResult:
        """Evaluate class probabilities averaged over M sampled episodes of each example."""
        score, statistics = measure_averaged(agent, env, options, lambda: self.statistics(agent, env))
        return self.result(agent, score, statistics)

    def describe(self, error: float, env: Any) -> str:
        """Describe the error in words; where scores are predicted, the correlation, and of several labels micro F1."""
        if env.scores is not None:
            return f"Pearson's r {1 - error / 100:.4f}"
        return f"micro F1 {1 - error / 100:.4f}" if env.many else f"error {error:.2f} %"

    def averaged_over(self, agent: Agent, env: Any) -> str:
        """Return the M of a validation result, " (M = 10)", where the agent samples its episodes."""
        copies = self.experiment.evaluate.copies
        return f" (M = {copies})" if agent.stochastic and copies > 1 and (env.classes or env.scores) else ""

    def evaluate(self, trained: TrainedRun, split: str, options: EvaluateOptions) -> dict[str, Any]:
        """Measure the agent and its controls, print them as a table, and return the record.

        The table has greedy episodes, single sampled ones (M = 1), and averages over M = `options.copies`.
        """
        # Measure the agent, its controls and its cost.
        agent, env, name = trained.agent, trained.env, trained.experiment.agent.name
        passes: list[AnsweredExamples] = []

        def collector() -> EpisodeStatistics:
            passes.append(AnsweredExamples(self.statistics(agent, env), env))
            return passes[-1]

        own = measure_scores(agent, env, options, collector)
        columns = passes[-1].columns()  # Of the averaged episodes, which come last.
        rows = self.tested({name: own, **self.controls(agent, env, options)})
        cost = self.cost(agent, env)

        # Print the table, and below it the statistics, the cost, the details and the notes.
        averages = bool(env.classes) or env.scores is not None  # Rewards are not averaged as answers are.
        print_table(rows, split, trained.experiment.task_title, trained.step, agent.stochastic, averages)
        figures = [
            f"{figure.replace('_', ' ')} {value:.4f}"
            for figure, value in own.averaged.figures.items()
            if own.averaged.is_correlation and figure != "pearson"
        ]
        measures = _measures(columns, env.classes)
        averaged, sampled = (f"M = {own.copies}: ", "sampled: ") if agent.stochastic else ("", "")
        for line in _described(measures):
            print_line(averaged + line)
        if "label_measures" in measures:
            print_labels(measures["label_measures"])
        told = [(averaged, figures), (sampled, self.describe_statistics(own)), ("", [cost.describe()])]
        print_line("; ".join(mode + ", ".join(parts) for mode, parts in told if parts))
        details = self.details(trained, own, options)
        for line in self.notes(rows, agent):
            print_line(line)

        scores = {row: measured.as_record() for row, measured in rows.items()}
        return {
            **asdict(cost),
            "answers": env.answers,
            "stochastic": bool(agent.stochastic),
            "scores": scores,
            **{name: asdict(measured) for name, measured in measures.items()},
            **details.record,
            "predictions": {**columns, **details.columns},
        }

    def fits(self, record: dict[str, Any], experiment: Experiment) -> bool:
        """Return whether the record averages as many rollouts as the experiment."""
        return bool(own_scores(record)["copies"] == experiment.evaluate.copies)

    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """Return the errors of averaged, sampled and greedy episodes, in percent, and further metrics.

        Where scores are predicted, there are correlations and errors of the averaged episodes alone.
        """
        scores = own_scores(record)
        figures = {f"test_{name}": value for name, value in scores["averaged"]["figures"].items()}
        if "test_pearson" in figures:
            return figures
        names = (f"test_{error_name(scores['copies'])}", "test_error_m1", "test_error_greedy")
        return dict(zip(names, errors_of(scores).values(), strict=True)) | figures

    def main_measure(self, record: dict[str, Any]) -> MainMeasure:
        """Return the error, or Pearson's r, of averaged episodes."""
        scores = own_scores(record)
        score = scores["averaged"]
        sampled = record.get("stochastic", any(scores[way] != score for way in ("greedy", "sampled")))
        of, how = (f", M = {scores['copies']}", "") if sampled else ("", "deterministic")
        if "pearson" in score["figures"]:
            r, low, high = (1 - score[end] / 100 for end in ("error", "high", "low"))
            return MainMeasure(f"Pearson's r{of}", r, low, high, how)
        kind = "exact-match error" if "micro_f1" in score["figures"] else "error"
        return MainMeasure(f"{kind}, %{of}", score["error"], score["low"], score["high"], how)


def _measures(columns: Columns, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return measures of the averaged answers, as entries of the record; none where only the reward counts."""
    if "answer" in columns:
        return {"class_measures": measure_classes(columns, classes)}
    if "probabilities" in columns:
        return {"label_measures": measure_labels(columns, classes)}
    return {"score_measures": measure_predicted(columns)} if "predicted" in columns else {}


def _described(measures: dict[str, Any]) -> list[str]:
    """Describe measures of the averaged answers in words, in at most one line."""
    if (found := measures.get("class_measures")) is not None:
        ece = f"calibration error {found.calibration_error:.4f} (ECE, 15 bins)"
        return [f"macro F1 {found.macro_f1:.4f}, {ece}"]
    if (labels := measures.get("label_measures")) is not None:
        shares = f"exact match {labels.exact_match:.4f}, labels rightly given or left out {labels.label_accuracy:.4f}"
        return [f"micro F1 {labels.micro_f1:.4f}, macro F1 {labels.macro_f1:.4f}, {shares}"]
    return [f"absolute error {found.absolute_error:.4f}" for found in measures.values()]


def own_scores(record: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of the agent itself, not of its controls, from a record of an evaluation."""
    return dict(record["scores"][record["agent"]])


def errors_of(scores: dict[str, Any]) -> dict[str, float]:
    """Return the errors of averaged, sampled and greedy episodes, in percent, from the `scores` of a record."""
    return {way: scores[way]["error"] for way in ("averaged", "sampled", "greedy")}


def print_table(
    rows: dict[str, Scores], split: str, task: str, step: int, stochastic: bool = True, averages: bool = True
) -> None:
    """Print a line for each agent: the first is the agent itself, the others are its weights with control locators.

    Args:
        rows: scores by name.
        split: name of the split that was measured.
        task: title of the task.
        step: training step of the weights.
        stochastic: whether the agent samples actions. If not, greedy, single and averaged episodes are the same, and
            the table has one column for them.
        averages: whether the answers of M episodes are averaged; they have no column if not, or if M is 1.
    """
    first = next(iter(rows.values()))
    ways = {"greedy": "greedy", "sampled": "M = 1", "averaged": f"M = {first.copies}"}
    if first.copies == 1 or not averages:
        del ways["averaged"]
    last = list(ways)[-1] if stochastic else "averaged"
    caption = f"{first.averaged.episodes:,} examples; 95 % interval{f' of {ways[last]}' if stochastic else ''}"
    if len(rows) > 1:
        caption += "; below the line: the same weights with control locators"
    alone, kind = ("Pearson's r",) * 2 if first.averaged.is_correlation else ("error", "error, %")
    if "micro_f1" in first.averaged.figures:
        kind = "exact-match error, %"
    title = f"{split} {kind} ({task}, step {step})"
    counted = stochastic and not first.keep_rates  # An agent that selects words takes no glimpses.
    columns = ["agent", *(ways.values() if stochastic else (alone,)), "95 %", *(("glimpses",) if counted else ())]
    cells = []
    for name, scores in rows.items():
        measured = [getattr(scores, way) for way in ways] if stochastic else [scores.averaged]
        taken = [f"{scores.glimpses:.2f}"] if counted else []
        cells.append([name, *map(_error_or_r, measured), _interval(getattr(scores, last)), *taken])
    optional = ("glimpses", *(ways[way] for way in reversed(ways) if way != last))
    TableConsole().print_table(
        columns,
        cells,
        title=title,
        caption=caption,
        optional=optional,
        right=columns[1:],
        bordered=True,
        first_rows=1,
    )


def _error_or_r(score: Score) -> str:
    """Format the error in percent, or Pearson's r where scores are predicted."""
    return f"{score.figures['pearson']:.4f}" if score.is_correlation else f"{score.error:z.2f}"


def _interval(score: Score) -> str:
    """Format the 95 % interval of the error in percent, or of Pearson's r."""
    if score.is_correlation:
        return f"{1 - score.high / 100:.4f} to {1 - score.low / 100:.4f}"
    return f"{score.low:z.2f} to {score.high:z.2f}"
