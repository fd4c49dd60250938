"""Evaluators of text environments: answers, keep rates, and rationales."""

from dataclasses import asdict
from typing import Any

from torch import Tensor

from glimpse.agents.ability_questions import in_warmup, pooling_kind, reads_candidates, target_keep_rate
from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.core import EvaluatedEnv
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.episode_evaluator import Details, EpisodeEvaluator, errors_of, own_scores
from glimpse.evaluation.evaluator import ValidationResult
from glimpse.evaluation.keep_rates import WordStatistics, describe_keep_rates, exceeds_target, selection_warnings
from glimpse.evaluation.rationale_scores import (
    measure_faithfulness,
    measure_rationales,
    print_faithfulness,
    print_rationale_scores,
    rationale_name,
)
from glimpse.evaluation.scores import EpisodeStatistics, Scores
from glimpse.evaluation.search_curve import curve_measures, found_columns, print_search_curve, search_curve
from glimpse.evaluation.search_statistics import (
    chosen_by_reward,
    describe_found,
    mean_found,
    what_was_attended,
    what_was_found,
)
from glimpse.evaluation.search_walk import walk
from glimpse.evaluation.split_score import Score
from glimpse.runs.trained_run import TrainedRun


class ReadingStatistics(WordStatistics):
    """Collector of keep rates, and of what is found in documents."""

    def __init__(self, agent: Agent, env: EvaluatedEnv) -> None:
        """Make a collector without episodes."""
        super().__init__(env)
        self._shown, self._found, self._attends = env, list[dict[str, Tensor]](), reads_candidates(agent)

    def add(self, episode: Episode, example: Tensor) -> None:
        """Add episodes on examples (E,), which the environment has just ended."""
        super().add(episode, example)
        if found := what_was_found(episode, self._shown):
            self._found.append(found | (what_was_attended(episode) if self._attends else {}))

    def summary(self, greedy: bool) -> dict[str, Any]:
        """Return the statistics of `WordStatistics`, and `search`, see `what_was_found`."""
        return {**super().summary(greedy), "search": mean_found(self._found)}


class ReadingEvaluator(EpisodeEvaluator):
    """Evaluator by wrong answers, or by the reward, with statistics of the words that are selected or read."""

    def statistics(self, agent: Agent, env: EvaluatedEnv) -> EpisodeStatistics:
        """Return an empty collector of keep rates, and of what is found in documents."""
        return ReadingStatistics(agent, env)

    def result(self, agent: Agent, score: Score, statistics: dict[str, Any]) -> ValidationResult:
        """Return the error and the keep rates; weights that keep far more than their target are provisional."""
        keep_rates, target = statistics["keep_rates"], target_keep_rate(agent)
        found = statistics["search"]
        by_reward = bool(found) and chosen_by_reward(self.experiment.task)
        warnings = [] if in_warmup(agent) else selection_warnings(keep_rates, target)
        return ValidationResult(
            100 * (1 - found["mean_reward"]) if by_reward else score.chosen_by,
            {self.error_name: score.error, **score.figures, **keep_rates, **found},
            warnings,
            later=bool(keep_rates),  # Of weights with equal errors the later ones keep fewer words.
            provisional=exceeds_target(keep_rates, target),
        )

    def details(self, trained: TrainedRun, scores: Scores, options: EvaluateOptions) -> Details:
        """Measure and print the curve of an agent that decides when it has opened enough sentences of documents."""
        walked = walk(trained.agent, trained.env, options)
        if walked is None:
            return Details()
        curve = search_curve(walked)
        questions = max(1, trained.env.examples)
        print_search_curve(curve, 1000 * scores.seconds / questions, min(options.batch, questions))
        if (share := scores.search.get("evidence_marked", 1.0)) < 1:
            of = "numbers of evidence above are of these" if share else "numbers of evidence above say nothing"
            print_line(f"note: {100 * share:.1f} % of questions have evidence; {of}")
        return Details({"search_curve": asdict(curve)}, found_columns(walked, curve))

    def describe(self, error: float, env: Any) -> str:
        """Describe the error in words; the mean reward where weights are chosen by it."""
        by_reward = chosen_by_reward(self.experiment.task)
        return f"reward {1 - error / 100:z.4f}" if by_reward else super().describe(error, env)

    def describe_statistics(self, scores: Scores) -> list[str]:
        """Describe the keep rates, or what was found, in words."""
        rates = describe_keep_rates(scores.keep_rates, rationale_name(self.experiment.task))
        return [*describe_found(scores), *rates]

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
        found |= {f"test_{name}": _in_percent(name, value) for name, value in scores.get("search", {}).items()}
        if scores.get("search"):
            found["test_milliseconds"] = 1000 * scores["seconds"] / scores["greedy"]["episodes"]
        found |= {f"test_{name}": value for name, value in curve_measures(record).items()}
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

    def details(self, trained: TrainedRun, scores: Scores, options: EvaluateOptions) -> Details:
        """Measure and print the agent's rationales; without human ones, how faithful its own selection is."""
        rationales = measure_rationales(trained.agent, trained.env, options)
        if rationales is None:
            faithful = measure_faithfulness(trained.agent, trained.env, options) if scores.keep_rates else None
            if faithful is None:
                return Details()
            print_faithfulness(faithful)
            return Details({"faithfulness": asdict(faithful)})
        print_rationale_scores(rationales, bool(scores.keep_rates), rationale_name(self.experiment.task))
        return Details({"rationales": asdict(rationales)})


def _in_percent(name: str, value: float) -> float:
    """Return a share of evidence in percent, and other numbers as they are."""
    return 100 * value if name.startswith("evidence") else value


def _selection_measures(scores: dict[str, Any]) -> dict[str, float]:
    """Return sampled and greedy metrics of an agent that selects words, and its keep rates, in percent."""
    ways, errors = {"sampled": "m1", "greedy": "greedy"}, errors_of(scores)
    if "pearson" in scores["averaged"]["figures"]:
        answers = {f"test_pearson_{name}": scores[way]["figures"]["pearson"] for way, name in ways.items()}
    else:
        answers = {f"test_accuracy_{name}": 100 - errors[way] for way, name in ways.items()}
    return answers | {f"test_{name}": 100 * rate for name, rate in scores["keep_rates"].items()}
