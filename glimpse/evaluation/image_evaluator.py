"""Evaluators of picture environments: answers, locations, and control locators."""

from typing import Any

from glimpse.agents.ability_questions import pixels_read, reads_glance_only
from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.control_locators import (
    describe_attention_gain,
    evaluation_warnings,
    measure_controls,
    with_tests,
)
from glimpse.evaluation.cost import Cost, measure_cost, shown_pixels
from glimpse.evaluation.diagnostics import location_matters, scanpath_warnings
from glimpse.evaluation.episode_evaluator import Details, EpisodeEvaluator, errors_of, own_scores
from glimpse.evaluation.evaluator import MainMeasure, ValidationResult
from glimpse.evaluation.location_statistics import LocationStatistics
from glimpse.evaluation.people_evaluation import people_details
from glimpse.evaluation.scores import EpisodeStatistics, Scores
from glimpse.evaluation.split_score import Score
from glimpse.runs.trained_run import TrainedRun


class ImageEvaluator(EpisodeEvaluator):
    """Evaluator by wrong answers, with statistics of the locations and control locators."""

    def statistics(self, agent: Agent, env: VisualEnv) -> EpisodeStatistics:
        """Return an empty collector of the episodes' locations."""
        return LocationStatistics(agent, env)

    def result(self, agent: Agent, score: Score, statistics: dict[str, Any]) -> ValidationResult:
        """Return the error, the statistics of the locations, and warnings about them."""
        result, scanpath = super().result(agent, score, statistics), statistics["scanpath"]
        figures = result.figures | (scanpath.numbers() if scanpath else {})
        return ValidationResult(result.error, figures, scanpath_warnings(scanpath, agent))

    def controls(self, agent: Agent, env: VisualEnv, options: EvaluateOptions) -> dict[str, Scores]:
        """Return the scores of the same weights with control locators, if the agent's location matters."""
        return measure_controls(agent, env, options) if location_matters(agent, env) else {}

    def tested(self, rows: dict[str, Scores]) -> dict[str, Scores]:
        """Return the scores of the agent (the first row) and of its controls, with paired tests."""
        return with_tests(rows)

    def cost(self, agent: Agent, env: VisualEnv) -> Cost:
        """Return the cost of an episode, with the pixels that it reads."""
        return measure_cost(agent, env, _seen_pixels(agent, env)[-1])

    def details(self, trained: TrainedRun, scores: Scores, options: EvaluateOptions) -> Details:
        """Return the pixels read after each look; compare the run with people, if it never saw the digits they saw."""
        shown = _seen_pixels(trained.agent, trained.env)
        pixels = [pixels_read(trained.agent, each) for each in shown]
        return Details({"pixels_after_look": pixels, **people_details(trained, options.seed)})

    def notes(self, rows: dict[str, Scores], agent: Agent) -> list[str]:
        """Return the attention gain, and warnings."""
        warnings = [f"warning: {text}" for text in evaluation_warnings(rows, agent)]
        return [*describe_attention_gain(rows), *warnings]


def _seen_pixels(agent: Agent, env: VisualEnv) -> list[int]:
    """Return the number of pixels that the environment has shown after each look; of the glance alone, one number."""
    looks = [0] if reads_glance_only(agent) else range(1, agent.steps + 1)
    return [shown_pixels(env, look) for look in looks]


class ControlEvaluator(ImageEvaluator):
    """Evaluator by the reward that was missed, for environments without answers."""

    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """Return the percentage of episodes that succeeded, sampled and greedy."""
        errors = errors_of(own_scores(record))
        return {"test_caught_m1": 100 - errors["sampled"], "test_caught_greedy": 100 - errors["greedy"]}

    def main_measure(self, record: dict[str, Any]) -> MainMeasure:
        """Return the percentage of sampled episodes that succeeded."""
        score = own_scores(record)["sampled"]
        value, low, high = (100 - score[end] for end in ("error", "high", "low"))
        return MainMeasure("caught, %, M = 1", value, low, high)
