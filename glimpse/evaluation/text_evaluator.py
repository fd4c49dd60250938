"""Evaluators of text environments: answers, keep rates, and rationales."""

from dataclasses import asdict
from typing import Any

from glimpse.agents.abilities import in_warmup, pooling_kind, target_keep_rate
from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.core import EvaluatedEnv
from glimpse.evaluation.episode_evaluator import EpisodeEvaluator, errors_of, own_scores
from glimpse.evaluation.evaluator import ValidationResult
from glimpse.evaluation.keep_rates import WordStatistics, describe_keep_rates, exceeds_target, selection_warnings
from glimpse.evaluation.rationale_scores import measure_rationales, print_rationale_scores, rationale_name
from glimpse.evaluation.scores import EpisodeStatistics, Scores
from glimpse.evaluation.split_score import Score
from glimpse.runs.trained_run import TrainedRun


class ReadingEvaluator(EpisodeEvaluator):
    """Evaluator by wrong answers, or by the reward, with statistics of the words that are selected or read."""

    def statistics(self, agent: Agent, env: EvaluatedEnv) -> EpisodeStatistics:
        """Return an empty collector of keep rates."""
        return WordStatistics(env)

    def result(self, agent: Agent, score: Score, statistics: dict[str, Any]) -> ValidationResult:
        """Return the error and the keep rates; weights that keep far more than their target are provisional."""
        keep_rates, target = statistics["keep_rates"], target_keep_rate(agent)
        warnings = [] if in_warmup(agent) else selection_warnings(keep_rates, target)
        return ValidationResult(
            score.chosen_by,
            {self.error_name: score.error, **score.figures, **keep_rates},
            warnings,
            later=bool(keep_rates),  # Of weights with equal errors the later ones keep fewer words.
            provisional=exceeds_target(keep_rates, target),
        )

    def describe_statistics(self, scores: Scores) -> list[str]:
        """Describe the keep rates in words."""
        return describe_keep_rates(scores.keep_rates, rationale_name(self.experiment.task))

    def notes(self, rows: dict[str, Scores], agent: Agent) -> list[str]:
        """Return warnings about the keep rates."""
        own = next(iter(rows.values()))
        return [f"warning: {text}" for text in selection_warnings(own.keep_rates, target_keep_rate(agent))]

    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """Return accuracies or correlations, and keep rates; errors if only the reward counts."""
        scores, figures = own_scores(record), own_scores(record)["averaged"]["figures"]
        if not record["answers"] and not figures:
            return super().measures(record)
        found = {f"test_{name}": value for name, value in figures.items()}
        if "pearson" not in figures:
            found = {"test_accuracy": 100 - errors_of(scores)["averaged"], **found}
        return found | (_selection_measures(scores) if scores.get("keep_rates") else {})

    def attended_share(self, record: dict[str, Any]) -> dict[str, float]:
        """Return the share of words with a positive attention weight, in percent.

        Nothing is returned for agents that select words, or whose pooling is a maximum, which compares all words.
        """
        scores = own_scores(record)
        selects = scores.get("keep_rates") or pooling_kind(self.experiment.agent) == "max"
        known = scores.get("attended") is not None and not selects
        return {"test_attended": 100 * scores["attended"]} if known else {}


class TextEvaluator(ReadingEvaluator):
    """Evaluator by wrong answers, by the correlation of scores, or by F1, with scores of the agent's rationales."""

    def details(self, trained: TrainedRun, scores: Scores, options: EvaluateOptions) -> dict[str, Any]:
        """Measure and print the agent's rationales, if the data have human rationales."""
        rationales = measure_rationales(trained.agent, trained.env, options)
        if rationales is None:
            return {}
        print_rationale_scores(rationales, bool(scores.keep_rates), rationale_name(self.experiment.task))
        return {"rationales": asdict(rationales)}


def _selection_measures(scores: dict[str, Any]) -> dict[str, float]:
    """Return sampled and greedy metrics of an agent that selects words, and its keep rates, in percent."""
    ways, errors = {"sampled": "m1", "greedy": "greedy"}, errors_of(scores)
    if "pearson" in scores["averaged"]["figures"]:
        answers = {f"test_pearson_{name}": scores[way]["figures"]["pearson"] for way, name in ways.items()}
    else:
        answers = {f"test_accuracy_{name}": 100 - errors[way] for way, name in ways.items()}
    return answers | {f"test_{name}": 100 * rate for name, rate in scores["keep_rates"].items()}
