"""Evaluator of simultaneous translations: BLEU, and the lag behind the source."""

from typing import Any, NamedTuple

import torch
from torch.nn.utils.rnn import pad_sequence

from glimpse.agents.translation.options import SimultaneousTranslatorOptions
from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.translation.lagging import average_lagging, differentiable_lagging
from glimpse.envs.translation.sentence_bleu import sentence_bleu
from glimpse.envs.translation.simultaneous import SimultaneousTranslation
from glimpse.envs.translation.translating import length_of
from glimpse.evaluation.bleu import TranslationQuality, measure_quality
from glimpse.evaluation.bleu_counts import bleu_interval
from glimpse.evaluation.evaluator import MainMeasure, ValidationResult
from glimpse.evaluation.generation import Translation, translate_simultaneously
from glimpse.evaluation.lags import mean_lag, mean_reference_lag
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.evaluation.translation_evaluator import TranslationEvaluator, teacher_forced_loss, translation_columns
from glimpse.evaluation.wait_k import WaitKResult, measure_wait_k, wait_k_bleu_at
from glimpse.runs.trained_run import TrainedRun

_CAPTION = (
    "AL: average lagging at the translation's pace; SimulEval AL: at the reference's. DAL: differentiable average "
    "lagging, which a few early tokens do not lower."
)


class SimultaneousQuality(NamedTuple):
    """Quality and lag of simultaneous translations.

    quality: BLEU and chrF against references.
    reward: mean return of the sentences' episodes.
    lag_words, lag_tokens: mean average lagging (Ma et al., 2019), in words and in tokens.
    reference_lag_words: the same with the length of the reference, as SimulEval has it, in words.
    dal_words: mean differentiable average lagging (Cherry and Foster, 2019), in words.
    """

    quality: TranslationQuality
    reward: float
    lag_words: float
    lag_tokens: float
    reference_lag_words: float
    dal_words: float


class SimultaneousEvaluator(TranslationEvaluator):
    """Evaluator by the reward; wait-k and whole-sentence translation with the same weights are the controls."""

    headline = ("reward", "bleu")

    def validate(self, agent: Any, env: Any, options: EvaluateOptions) -> ValidationResult:
        """Measure the reward, BLEU, and the lag in words."""
        loss, right = teacher_forced_loss(agent, env, options)
        found = measure_simultaneous(env, translate_simultaneously(agent, env, env.texts.source, options.batch))
        figures = {
            "reward": found.reward,
            "bleu": found.quality.bleu,
            "lag": found.lag_words,
            "loss": loss,
            "accuracy": right,
        }
        return ValidationResult(1 - found.reward, figures, later=True)

    def describe(self, error: float, env: Any) -> str:
        """Describe the reward in words."""
        return f"reward {1 - error:.4f}"

    def evaluate(self, trained: TrainedRun, split: str, options: EvaluateOptions) -> dict[str, Any]:
        """Translate the split simultaneously, by wait-k, and as whole sentences, with the same weights."""
        agent: SimultaneousTranslator = trained.agent
        env: SimultaneousTranslation = trained.env
        translations = translate_simultaneously(agent, env, env.texts.source, options.batch)
        found = measure_simultaneous(env, translations)
        waits = measure_wait_k(agent, env, options.batch)
        whole = super().evaluate(trained, split, options)
        _print(agent, found, waits, whole)
        columns = translation_columns(env, [one.target for one in translations])
        return {
            **whole,
            "policy": agent.policy_options.policy,
            "simultaneous": {**found._asdict(), **found.quality._asdict()},
            "waits": [one._asdict() for one in waits],
            "simultaneous_interval": bleu_interval(columns["bleu"]),
            "predictions": columns,
        }

    def main_measure(self, record: dict[str, Any]) -> MainMeasure:
        """Return BLEU of the translations that were written while the source was read."""
        one = record["simultaneous"]
        name = f"BLEU at an average lag of {one['lag_words']:.2f} words"
        return MainMeasure(name, one["bleu"], *record["simultaneous_interval"])

    def fits(self, record: dict[str, Any], experiment: Experiment) -> bool:
        """Return whether the record is from the same policy and beam search as the experiment's."""
        options = experiment.agent
        assert isinstance(options, SimultaneousTranslatorOptions)
        same = record.get("policy") == options.policy and "reference_lag_words" in record["simultaneous"]
        return super().fits(record, experiment) and same

    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """Return BLEU, lags, BLEU of wait-k at the same DAL, and the metrics of whole-sentence translation."""
        one, waits = record["simultaneous"], [WaitKResult(**wait) for wait in record["waits"]]
        return {
            "test_bleu_simultaneous": one["bleu"],
            "test_bleu_waits": wait_k_bleu_at(one["dal_words"], waits),
            "test_lag_words": one["lag_words"],
            "test_lag_tokens": one["lag_tokens"],
            "test_reference_lag_words": one["reference_lag_words"],
            "test_dal_words": one["dal_words"],
            **super().measures(record),
        }


def measure_simultaneous(env: SimultaneousTranslation, found: list[Translation]) -> SimultaneousQuality:
    """Measure translations of all sentences of the environment's split, in order."""
    # Translations, delays and lengths, as the environment has them.
    translations, delays = (
        pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        for rows in ([one.target_tokens for one in found], [one.delays for one in found])
    )
    written = torch.tensor([len(one.target_tokens) for one in found])
    lag_inputs = delays, written, torch.tensor([len(one.source_tokens) for one in found])
    number = torch.arange(len(found), device=env.device)
    env.reset(number, number)
    reference = env.label.cpu()

    # The environment's reward: sentence BLEU minus the cost of the lag.
    bleu = sentence_bleu(translations, length_of(translations), reference, length_of(reference))
    reward = bleu - env.delay_cost * env.lagging(*lag_inputs)
    quality = measure_quality([one.target for one in found], env.texts.target, env.options.lower, env.options.target)
    return SimultaneousQuality(
        quality,
        reward=float(reward.mean()),
        lag_words=mean_lag(env, found),
        lag_tokens=float(average_lagging(*lag_inputs).mean()),
        reference_lag_words=mean_reference_lag(env, found, env.texts.target),
        dal_words=mean_lag(env, found, differentiable_lagging),
    )


def _print(
    agent: SimultaneousTranslator, found: SimultaneousQuality, waits: list[WaitKResult], whole: dict[str, Any]
) -> None:
    """Print a table of simultaneous, wait-k and whole-sentence translation."""
    columns = ["translation", "BLEU", "chrF", "AL, words", "AL, tokens", "SimulEval AL, words", "DAL, words"]
    quality = found.quality
    lags = [f"{lag:.2f}" for lag in (found.lag_words, found.lag_tokens, found.reference_lag_words, found.dal_words)]
    rows = [[agent.policy_options.policy, f"{quality.bleu:.2f}", f"{quality.chrf:.2f}", *lags]]
    for wait in waits:
        own, reference, dal = (f"{lag:.2f}" for lag in (wait.lag_words, wait.reference_lag_words, wait.dal_words))
        rows.append([f"wait {wait.wait}", f"{wait.bleu:.2f}", "", own, "", reference, dal])
    for name, one in (("whole, greedy", whole["greedy"]), (f"whole, beam {whole['beam']}", whole["searched"])):
        rows.append([name, f"{one['bleu']:.2f}", f"{one['chrf']:.2f}", "", "", "", ""])
    TableConsole().print_table(
        columns,
        rows,
        title="simultaneous and whole-sentence translation, same weights",
        caption=_CAPTION,
        optional=("AL, tokens", "chrF", "SimulEval AL, words", "DAL, words"),
        right=columns[1:],
        bordered=True,
    )
