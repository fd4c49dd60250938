"""The judge of worlds whose episodes are played: by wrong answers, by the correlation of scores, or by rewards."""

from dataclasses import asdict
from typing import Any

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.lanes import JudgedCore
from glimpse.envs.text.whole_text import Reading
from glimpse.evaluation.control_locators import describe_gain, evaluation_warnings, measure_controls
from glimpse.evaluation.cost import measure_cost
from glimpse.evaluation.diagnostics import gaze_matters, gaze_warnings
from glimpse.evaluation.evaluator import Judge, Verdict
from glimpse.evaluation.keep_rates import describe_kept, exceeds, selection_warnings
from glimpse.evaluation.rationale_scores import measure_reasons, print_reasons
from glimpse.evaluation.scores import Score, Scores, measure, measure_averaged
from glimpse.runs.trained_run import TrainedRun


class EpisodeJudge(Judge):
    """By the error in percent, or 100 (1 - r) of scores; see `glimpse.evaluation.scores.Score`."""

    headline = ("validation_pearson", "validation_error")

    def __init__(self, kind: str) -> None:
        """Judge a kind of world; see `WORLDS`."""
        self.kind = kind

    def validate(self, agent: Agent, world: JudgedCore, options: EvaluateOptions) -> Verdict:
        """By probabilities that are averaged over M sampled episodes; and where they look, or what they choose."""
        score, gaze, kept = measure_averaged(agent, world, options)
        warnings = [
            *gaze_warnings(gaze, agent),
            *([] if agent.prepares else selection_warnings(kept, agent.asked_share)),
        ]
        figures = {f"validation_{name}": value for name, value in (score.figures | kept).items()}
        figures = {"validation_error": score.error, **figures, **(gaze.numbers() if gaze else {})}
        # Of equal choices the later one keeps fewer words.
        beyond = exceeds(kept, agent.asked_share)
        return Verdict(score.error, figures, warnings, later=bool(kept), provisional=beyond)

    def describe(self, error: float, world: JudgedCore) -> str:
        """The error; of scores, the correlation that it stands for."""
        if isinstance(world, Reading) and world.scores is not None:
            return f"Pearson's r {1 - error / 100:.4f}"
        return f"error {error:.2f} %"

    def evaluate(self, trained: TrainedRun, split: str, options: EvaluateOptions) -> dict[str, Any]:
        """Greedy, M = 1 and M of `options.copies`, beside the controls, as a table."""
        agent, world, name = trained.agent, trained.world, trained.experiment.agent.name
        rows: dict[str, Scores] = {name: measure(agent, world, options)}
        if gaze_matters(agent, world):
            rows |= measure_controls(agent, world, options)
        reasons, cost = measure_reasons(agent, world, options), measure_cost(agent, world)
        print_table(rows, split, trained.experiment.shown_task, trained.step, agent.samples)
        figures = rows[name].averaged.figures
        measured = [
            f"{figure.replace('_', ' ')} {value:.4f}" for figure, value in figures.items() if figure != "pearson"
        ]
        measured += describe_kept(rows[name].kept)
        print(", ".join([*measured, cost.describe()]))
        if reasons is not None:
            print_reasons(reasons, bool(rows[name].kept))
        for line in (*describe_gain(rows), *(f"warning: {text}" for text in _warnings(rows, agent))):
            print(line)
        found: dict[str, Any] = {**asdict(cost), "scores": {row: asdict(scores) for row, scores in rows.items()}}
        return found | ({} if reasons is None else {"reasons": asdict(reasons)})

    def fits(self, record: dict[str, Any], experiment: Experiment) -> bool:
        """Whether as many copies were averaged."""
        return bool(own_scores(record)["copies"] == experiment.evaluate.copies)

    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """Accuracies, errors or correlations, as is usual for the kind of world."""
        return _test_measures(self.kind, own_scores(record))


def own_scores(record: dict[str, Any]) -> dict[str, Any]:
    """Those of the agent itself, not of its controls."""
    return dict(record["scores"][record["agent"]])


def _test_measures(kind: str, scores: dict[str, Any]) -> dict[str, float]:
    """What an agent reached, as is usual for a kind of world."""
    errors = {way: scores[way]["error"] for way in ("averaged", "sampled", "greedy")}
    if kind == "catch":  # Nothing is believed there that could be averaged.
        return {"test_caught_m1": 100 - errors["sampled"], "test_caught_greedy": 100 - errors["greedy"]}
    if kind in ("text", "skim"):
        figures = {f"test_{name}": value for name, value in scores["averaged"]["figures"].items()}
        figures = figures or {"test_accuracy": 100 - errors["averaged"]}
        return figures | (_chosen_measures(scores, errors) if scores.get("kept") else {})
    averaged = f"test_error_m{scores['copies']}"
    return dict(zip((averaged, "test_error_m1", "test_error_greedy"), errors.values(), strict=True))


def _chosen_measures(scores: dict[str, Any], errors: dict[str, float]) -> dict[str, float]:
    """Of an agent that chooses words: its answers without an average, and which words it chose, in percent."""
    alone = {"sampled": "m1", "greedy": "greedy"}
    if scores["averaged"]["figures"]:
        answers = {f"test_pearson_{name}": scores[way]["figures"]["pearson"] for way, name in alone.items()}
    else:
        answers = {f"test_accuracy_{name}": 100 - errors[way] for way, name in alone.items()}
    return answers | {f"test_{name}": 100 * share for name, share in scores["kept"].items()}


def _warnings(rows: dict[str, Scores], agent: Agent) -> list[str]:
    """What is wrong with where the agent looks, or with what it chooses."""
    return [*evaluation_warnings(rows, agent), *selection_warnings(next(iter(rows.values())).kept, agent.asked_share)]


def print_table(rows: dict[str, Scores], split: str, task: str, step: int, samples: bool = True) -> None:
    """One line an agent; the first is the agent itself, the others its weights with other eyes.

    Args:
        rows: the scores, by name.
        split: that was measured.
        task: what it is called.
        step: of the weights.
        samples: whether chance has a part; without it there is one number, and not a greedy, single and averaged one.
    """
    from rich.console import Console
    from rich.table import Table

    first = next(iter(rows.values()))
    caption = f"{first.averaged.episodes} examples; 95 % interval{' of the last column' * samples}"
    if len(rows) > 1:
        caption += "; below the line: the same weights with other eyes"
    alone, kind = ("Pearson's r",) * 2 if first.averaged.figures else ("error", "error, %")
    title = f"{split} {kind} ({task}, step {step})"
    table = Table(title=title, caption=caption, min_width=len(title))
    several = ("greedy", "M = 1", f"M = {first.copies}")
    counted = samples and not first.kept  # Who chooses words takes no glimpses.
    for heading in ("agent", *(several if samples else (alone,)), "95 %", *(("glimpses",) if counted else ())):
        table.add_column(heading, justify="left" if heading == "agent" else "right", no_wrap=True)
    for number, (name, scores) in enumerate(rows.items()):
        measured = (scores.greedy, scores.sampled, scores.averaged) if samples else (scores.averaged,)
        cells = [*map(_error_or_r, measured), _interval(scores.averaged)]
        table.add_row(name, *cells, *([f"{scores.glimpses:.2f}"] if counted else []), end_section=number == 0)
    Console().print(table)


def _error_or_r(score: Score) -> str:
    """The error in percent, or the correlation that it stands for."""
    return f"{score.figures['pearson']:.4f}" if score.figures else f"{score.error:.2f}"


def _interval(score: Score) -> str:
    """The same of its interval."""
    if score.figures:
        return f"{1 - score.high / 100:.4f} to {1 - score.low / 100:.4f}"
    return f"{score.low:.2f} to {score.high:.2f}"
