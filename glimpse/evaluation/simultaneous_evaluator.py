"""The judge of simultaneous translations: what they say, and how far they lag behind what is said."""

from typing import Any, NamedTuple, cast

import torch
from torch.nn.utils.rnn import pad_sequence

from glimpse.agents.agent import Agent
from glimpse.agents.translation.simultaneous_translator import Interpreter
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.lanes import JudgedCore
from glimpse.envs.translation.lagging import average_lagging, differentiable_lagging
from glimpse.envs.translation.sentence_bleu import sentence_bleu
from glimpse.envs.translation.simultaneous import Interpreting
from glimpse.envs.translation.translating import length_of
from glimpse.evaluation.bleu import Quality, measure_quality
from glimpse.evaluation.evaluator import Verdict
from glimpse.evaluation.generation import Translation, interpret_texts
from glimpse.evaluation.lags import mean_lag
from glimpse.evaluation.translation_evaluator import TranslationJudge, known_loss
from glimpse.evaluation.wait_k import Waited, bleu_at, measure_waits
from glimpse.runs.trained_run import TrainedRun

_LAGS = "AL: average lagging. DAL: differentiable average lagging, which some early pieces do not lower."


class Interpretation(NamedTuple):
    """Of simultaneous translations beside references.

    quality: BLEU and chrF. reward: mean of what the world gives for each sentence.
    lag_words, lag_pieces: mean of the sentences' average lagging (Ma et al., 2019).
    dal_words: mean of their differentiable average lagging (Cherry and Foster, 2019).
    """

    quality: Quality
    reward: float
    lag_words: float
    lag_pieces: float
    dal_words: float


class InterpretationJudge(TranslationJudge):
    """By the reward on validation data; BLEU and lag beside those of whole sentences by the same weights."""

    headline = ("validation_reward", "validation_bleu")

    def __init__(self) -> None:
        """Choose by the reward."""
        super().__init__("loss")

    def validate(self, agent: Agent, world: JudgedCore, options: EvaluateOptions) -> Verdict:
        """What the world gives for a sentence; BLEU, and lag in words."""
        interpreter, shown = cast(Interpreter, agent), cast(Interpreting, world)
        loss, right = known_loss(interpreter, shown, options)
        found = measure_interpretation(shown, interpret_texts(interpreter, shown, shown.texts.source, options.batch))
        figures = {
            "validation_reward": found.reward,
            "validation_bleu": found.quality.bleu,
            "validation_lag": found.lag_words,
            "validation_loss": loss,
            "validation_accuracy": right,
        }
        return Verdict(1 - found.reward, figures, later=True)

    def describe(self, error: float, world: JudgedCore) -> str:
        """The reward in words."""
        return f"reward {1 - error:.4f}"

    def evaluate(self, trained: TrainedRun, split: str, options: EvaluateOptions) -> dict[str, Any]:
        """Interpret the split; and by the same weights with wait-k, and whole sentences as `TranslationJudge`."""
        agent, world = cast(Interpreter, trained.agent), cast(Interpreting, cast(object, trained.world))
        found = measure_interpretation(world, interpret_texts(agent, world, world.texts.source, options.batch))
        waits = measure_waits(agent, world, options.batch)
        whole = super().evaluate(trained, split, options)
        _print(agent, found, waits, whole)
        return {
            **whole,
            "policy": agent.asked.policy,
            "interpreted": {**found._asdict(), **found.quality._asdict()},
            "waits": [one._asdict() for one in waits],
        }

    def fits(self, record: dict[str, Any], experiment: Experiment) -> bool:
        """Whether policy and search were the same."""
        same = record.get("policy") == cast(Any, experiment.agent).policy and "dal_words" in record["interpreted"]
        return super().fits(record, experiment) and same

    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """BLEU and lags, and BLEU of wait-k at the same DAL, beside what is measured of whole sentences."""
        one, waits = record["interpreted"], [Waited(**wait) for wait in record["waits"]]
        return {
            "test_bleu_simultaneous": one["bleu"],
            "test_bleu_waits": bleu_at(one["dal_words"], waits),
            "test_lag_words": one["lag_words"],
            "test_lag_pieces": one["lag_pieces"],
            "test_dal_words": one["dal_words"],
            **super().measures(record),
        }


def measure_interpretation(world: Interpreting, found: list[Translation]) -> Interpretation:
    """Measure translations of all sentences of the world's split."""
    given, heard = (
        pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        for rows in ([one.target_pieces for one in found], [one.heard for one in found])
    )
    length = torch.tensor([len(one.source_pieces) for one in found])
    behind = heard, torch.tensor([len(one.target_pieces) for one in found]), length
    number = torch.arange(len(found), device=world.device)
    world.begin(number, number)
    true = world.label.cpu()
    reward = sentence_bleu(given, length_of(given), true, length_of(true)) - world.delay_cost * world.lagging(*behind)
    quality = measure_quality([one.target for one in found], world.texts.target, world.options.lower)
    in_words = mean_lag(world, found), mean_lag(world, found, differentiable_lagging)
    return Interpretation(
        quality, float(reward.mean()), in_words[0], float(average_lagging(*behind).mean()), in_words[1]
    )


def _print(agent: Interpreter, found: Interpretation, waits: list[Waited], whole: dict[str, Any]) -> None:
    """Simultaneous beside wait-k and whole."""
    from rich.console import Console
    from rich.table import Table

    table = Table("translation", title="simultaneous beside whole sentences, the same weights", caption=_LAGS)
    for heading in ("BLEU", "chrF", "AL, words", "AL, pieces", "DAL, words"):
        table.add_column(heading, justify="right")
    quality = found.quality
    lags = f"{found.lag_words:.2f}", f"{found.lag_pieces:.2f}", f"{found.dal_words:.2f}"
    table.add_row(agent.asked.policy, f"{quality.bleu:.2f}", f"{quality.chrf:.2f}", *lags)
    for wait in waits:
        table.add_row(f"wait {wait.wait}", f"{wait.bleu:.2f}", "", f"{wait.lag_words:.2f}", "", f"{wait.dal_words:.2f}")
    for name, one in (("whole, greedy", whole["greedy"]), (f"whole, beam {whole['beam']}", whole["searched"])):
        table.add_row(name, f"{one['bleu']:.2f}", f"{one['chrf']:.2f}", "", "", "")
    Console().print(table)
