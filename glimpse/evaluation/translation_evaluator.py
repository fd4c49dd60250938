"""Evaluator of translations: by cross-entropy or BLEU during training, and by BLEU and chrF afterwards."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from glimpse.agents.translation.options import TranslatorOptions
from glimpse.agents.translation.translator import Translator
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.printed_lines import print_line
from glimpse.envs.translation.options import TranslationOptions, names_a_file
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.bleu import LengthGroup, TranslationQuality, bleu_by_length, measure_quality
from glimpse.evaluation.bleu_counts import bleu_interval, count_matches
from glimpse.evaluation.evaluator import Evaluator, MainMeasure, ValidationResult
from glimpse.evaluation.generation import translate_texts
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.runs.build import use_bfloat16
from glimpse.runs.finite_numbers import NotFiniteError
from glimpse.runs.trained_run import TrainedRun


class TranslationEvaluator(Evaluator):
    """Evaluator by the cross-entropy per token, or by BLEU of greedy translations; see `EvaluateOptions.choose_by`.

    by_bleu: whether the best weights are chosen by BLEU.
    """

    headline = ("bleu", "perplexity")
    options_used = frozenset({"batch"})

    def __init__(self, experiment: Experiment) -> None:
        """Make the evaluator of an experiment's runs."""
        super().__init__(experiment)
        self.by_bleu = experiment.evaluate.choose_by == "bleu"

    def validate(self, agent: Any, env: Any, options: EvaluateOptions) -> ValidationResult:
        """Measure cross-entropy and perplexity per token; and BLEU, if weights are chosen by it."""
        loss, right = teacher_forced_loss(agent, env, options)
        figures = {
            "loss": loss,
            "perplexity": math.exp(min(loss, 50.0)),
            "accuracy": right,
        }
        if not self.by_bleu:
            return ValidationResult(loss, figures)
        bleu = translate_split(agent, env, options, beam=1).quality.bleu
        return ValidationResult(100 - bleu, {**figures, "bleu": bleu}, later=True)

    def describe(self, error: float, env: Any) -> str:
        """Describe BLEU, or the perplexity per token, in words."""
        if self.by_bleu:
            return f"BLEU {100 - error:.2f}"
        return f"perplexity {math.exp(min(error, 50.0)):.3f}"

    def evaluate(self, trained: TrainedRun, split: str, options: EvaluateOptions) -> dict[str, Any]:
        """Measure perplexity, BLEU and chrF of greedy and beam search, and BLEU by the length of the source."""
        agent: Translator = trained.agent
        env: Translating = trained.env
        beam = agent.options.search.beam
        loss, right = teacher_forced_loss(agent, env, options)
        greedy = translate_split(agent, env, options, beam=1)
        searched = translate_split(agent, env, options, beam) if beam > 1 else greedy
        lengths = searched.by_length
        columns = translation_columns(env, searched.targets)
        interval = bleu_interval(columns["bleu"])
        plain = bleu_interval(translation_columns(env, greedy.targets)["bleu"]) if beam > 1 else interval
        rows = {"greedy": greedy.quality, **({f"beam {beam}": searched.quality} if beam > 1 else {})}
        _print(trained, split, rows, lengths, loss)
        return {
            "parameters": sum(parameter.numel() for parameter in agent.parameters()),
            "beam": beam,
            "length_penalty": agent.options.search.length_penalty,
            "loss": loss,
            "perplexity": math.exp(min(loss, 50.0)),
            "accuracy": right,
            "greedy": greedy.quality._asdict(),
            "searched": searched.quality._asdict(),
            "by_length": [one._asdict() for one in lengths],
            "bleu_interval": interval,
            "greedy_bleu_interval": plain,
            "predictions": columns,
        }

    def fits(self, record: dict[str, Any], experiment: Experiment) -> bool:
        """Return whether the record is from the same beam search as the experiment's."""
        options = experiment.agent
        assert isinstance(options, TranslatorOptions)
        return (record["beam"], record["length_penalty"]) == (options.search.beam, options.search.length_penalty)

    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """Return BLEU and chrF of beam search, BLEU of greedy search, and perplexity."""
        return {
            "test_bleu": record["searched"]["bleu"],
            "test_bleu_greedy": record["greedy"]["bleu"],
            "test_chrf": record["searched"]["chrf"],
            "test_perplexity": record["perplexity"],
        }

    def main_measure(self, record: dict[str, Any]) -> MainMeasure:
        """Return BLEU of beam search."""
        return MainMeasure(f"BLEU, beam {record['beam']}", record["searched"]["bleu"], *record["bleu_interval"])


@torch.no_grad()
def teacher_forced_loss(agent: Translator, env: Translating, options: EvaluateOptions) -> tuple[float, float]:
    """Compute the teacher-forced loss of the split's references.

    Returns:
        The cross-entropy per token, and the fraction of tokens that are the likeliest ones, given the tokens before.

    Raises:
        NotFiniteError: if the cross-entropy is not finite.
    """
    sums, count = torch.zeros(2, dtype=torch.float64), 0
    device = env.device
    with torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, device)):
        for example in torch.argsort(env.lengths, stable=True).to(device).split(options.batch):
            env.reset(example, example)
            source = env.full_observation()["source"]
            made, tokens = agent.target_loss(source, env.label), int((env.label != 0).sum())
            sums += torch.stack([made.cross_entropy, made.right]).double().cpu() * tokens
            count += tokens
    loss, right = (sums / count).tolist()
    if not math.isfinite(loss):
        raise NotFiniteError(["the cross-entropy"])
    return loss, right


class TranslatedSplit(NamedTuple):
    """Translations of a whole split: their quality, also by the length of the source, and themselves, in order."""

    quality: TranslationQuality
    by_length: list[LengthGroup]
    targets: list[str]


def translate_split(agent: Translator, env: Translating, options: EvaluateOptions, beam: int) -> TranslatedSplit:
    """Translate the whole split by beam search, and compare the translations with the references.

    Args:
        agent: the translator.
        env: shows the split.
        options: batch of the evaluation.
        beam: beam width; 1 is greedy search.
    """
    search = agent.options.search.model_copy(update={"beam": beam})
    found = translate_texts(agent, env, env.texts.source, search, max(1, options.batch // beam))
    targets = [one.target for one in found]
    references, language = env.texts.target, env.options.target
    quality = measure_quality(targets, references, env.options.lower, language)
    return TranslatedSplit(quality, bleu_by_length(env.texts.source, targets, references, language), targets)


def translation_columns(env: Translating, targets: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return what runs are compared by: the counts of each translation, and whether it equals its reference."""
    references = env.texts.target
    counts = count_matches(targets, references, env.options.lower, env.options.target)
    same = np.array([one == other for one, other in zip(targets, references, strict=True)])
    return {"bleu": counts.astype(np.int32), "same": same}


def _print(
    trained: TrainedRun, split: str, rows: dict[str, TranslationQuality], lengths: list[LengthGroup], loss: float
) -> None:
    """Print a line for each search, BLEU by length, the loss, and sacrebleu's signatures."""
    console, columns = TableConsole(), ["search", "BLEU", "chrF", "exact, %"]
    console.print_table(
        columns,
        [[name, *(f"{value:.2f}" for value in (one.bleu, one.chrf, one.right))] for name, one in rows.items()],
        title=f"{split} ({trained.experiment.task_title}, step {trained.step})",
        optional=("exact, %", "chrF"),
        right=columns[1:],
        bordered=True,
    )
    lowest = [1, *((one.words or 0) + 1 for one in lengths)]
    console.print_table(
        ["words of the source", "sentences", "BLEU"],
        [
            [f"{low} to {one.words}" if one.words else f"{low} and more", str(one.sentences), f"{one.bleu:.2f}"]
            for low, one in zip(lowest, lengths, strict=False)
        ],
        title="BLEU by length, for the last line above",
        optional=("sentences",),
        right=("sentences", "BLEU"),
        bordered=True,
    )
    print_line(f"cross-entropy {loss:.4f}, perplexity {math.exp(min(loss, 50.0)):.3f} per token of the references")
    measured = next(iter(rows.values()))
    for line in filter(None, (*measured.signatures, measured.tokenizer_reason)):
        print_line(line)
    if split == "test" and (note := own_texts_note(trained.experiment)):
        print_line(f"note: {note}")


def own_texts_note(experiment: Experiment) -> str:
    """Return a note if the test split is the validation split: for a user's own texts without a test part."""
    task = experiment.task
    if isinstance(task, TranslationOptions) and names_a_file(task.data) and task.test is None:
        return "these are the validation sentences, by which the weights are chosen; name a test part (task.test)"
    return ""
