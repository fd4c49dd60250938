"""The judge of translations: by cross-entropy or BLEU while they are learned, and by BLEU and chrF afterwards."""

import math
from typing import Any, cast

import torch

from glimpse.agents.agent import Agent
from glimpse.agents.translation.translator import Translator
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.lanes import JudgedCore
from glimpse.envs.translation.options import TranslationOptions, names_a_file
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.bleu import OfLength, Quality, by_length, measure_quality
from glimpse.evaluation.evaluator import Judge, Verdict
from glimpse.evaluation.generation import translate_texts
from glimpse.runs.build import use_bfloat16
from glimpse.runs.trained_run import TrainedRun


class TranslationJudge(Judge):
    """By the cross-entropy of a piece, or by BLEU of greedy translations; see `EvaluateOptions.choose_by`."""

    headline = ("validation_bleu", "validation_perplexity")
    asks = frozenset({"batch"})

    def __init__(self, choose_by: str) -> None:
        """Choose by `loss` or by `bleu`."""
        self.by_bleu = choose_by == "bleu"

    def validate(self, agent: Agent, world: JudgedCore, options: EvaluateOptions) -> Verdict:
        """Cross-entropy and perplexity of a piece; and BLEU, if that decides."""
        translator, shown = cast(Translator, agent), cast(Translating, world)
        loss, right = known_loss(translator, shown, options)
        figures = {
            "validation_loss": loss,
            "validation_perplexity": math.exp(min(loss, 50.0)),
            "validation_accuracy": right,
        }
        if not self.by_bleu:
            return Verdict(loss, figures)
        bleu = translate_split(translator, shown, options, beam=1)[0].bleu
        return Verdict(100 - bleu, {**figures, "validation_bleu": bleu}, later=True)

    def describe(self, error: float, world: JudgedCore) -> str:
        """BLEU, or the perplexity of a piece, in words."""
        if self.by_bleu:
            return f"BLEU {100 - error:.2f}"
        return f"perplexity {math.exp(min(error, 50.0)):.3f}"

    def evaluate(self, trained: TrainedRun, split: str, options: EvaluateOptions) -> dict[str, Any]:
        """Perplexity; BLEU and chrF of greedy search and of the beam; and BLEU by the length of the source."""
        agent, world = cast(Translator, trained.agent), cast(Translating, cast(object, trained.world))
        beam = agent.options.search.beam
        loss, right = known_loss(agent, world, options)
        greedy, lengths = translate_split(agent, world, options, beam=1)
        searched, lengths = translate_split(agent, world, options, beam) if beam > 1 else (greedy, lengths)
        _print(trained, split, {"greedy": greedy, f"beam {beam}": searched}, lengths, loss)
        return {
            "parameters": sum(parameter.numel() for parameter in agent.parameters()),
            "beam": beam,
            "length_penalty": agent.options.search.length_penalty,
            "loss": loss,
            "perplexity": math.exp(min(loss, 50.0)),
            "accuracy": right,
            "greedy": greedy._asdict(),
            "searched": searched._asdict(),
            "by_length": [one._asdict() for one in lengths],
        }

    def fits(self, record: dict[str, Any], experiment: Experiment) -> bool:
        """Whether the search was the same."""
        search = cast(Any, experiment.agent).search
        return bool((record["beam"], record["length_penalty"]) == (search.beam, search.length_penalty))

    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """BLEU and chrF of the beam, BLEU of greedy search, and perplexity."""
        return {
            "test_bleu": record["searched"]["bleu"],
            "test_bleu_greedy": record["greedy"]["bleu"],
            "test_chrf": record["searched"]["chrf"],
            "test_perplexity": record["perplexity"],
        }


@torch.no_grad()
def known_loss(agent: Translator, world: Translating, options: EvaluateOptions) -> tuple[float, float]:
    """Cross-entropy of a piece of the split's references, and the share that is the likeliest, given what is before."""
    sums, count = torch.zeros(2, dtype=torch.float64), 0
    device = world.device
    with torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, device)):
        for example in torch.argsort(world.lengths, stable=True).to(device).split(options.batch):
            world.begin(example, example)
            source = world.lesson()["source"]
            made, pieces = agent.errors(source, world.label), int((world.label != 0).sum())
            sums += torch.stack([made.cross_entropy, made.right]).double().cpu() * pieces
            count += pieces
    loss, right = (sums / count).tolist()
    return loss, right


def translate_split(
    agent: Translator, world: Translating, options: EvaluateOptions, beam: int
) -> tuple[Quality, list[OfLength]]:
    """Translate the whole split, and compare."""
    search = agent.options.search.model_copy(update={"beam": beam})
    found = translate_texts(agent, world, world.texts.source, search, max(1, options.batch // beam))
    targets = [one.target for one in found]
    quality = measure_quality(targets, world.texts.target, world.options.lower)
    return quality, by_length(world.texts.source, targets, world.texts.target)


def _print(trained: TrainedRun, split: str, rows: dict[str, Quality], lengths: list[OfLength], loss: float) -> None:
    """A line for each search, BLEU by length, and the signatures."""
    from rich.console import Console
    from rich.table import Table

    title = f"{split} ({trained.experiment.shown_task}, step {trained.step})"
    table = Table("search", title=title, min_width=len(title))
    for heading in ("BLEU", "chrF", "exact, %"):
        table.add_column(heading, justify="right")
    for name, quality in rows.items():
        table.add_row(name, f"{quality.bleu:.2f}", f"{quality.chrf:.2f}", f"{quality.right:.2f}")
    console = Console()
    console.print(table)
    curve = Table("words of the source", title="BLEU by length, of the last line above")
    curve.add_column("sentences", justify="right")
    curve.add_column("BLEU", justify="right")
    for low, one in zip([0, *(one.words or 0 for one in lengths)], lengths, strict=False):
        name = f"{low + 1} to {one.words}" if one.words else f"{low + 1} and more"
        curve.add_row(name, str(one.sentences), f"{one.bleu:.2f}")
    console.print(curve)
    print(f"cross-entropy {loss:.4f}, perplexity {math.exp(min(loss, 50.0)):.3f} a piece, of known translations")
    for signature in next(iter(rows.values())).signatures:
        print(signature)
    if split == "test" and (told := not_tested(trained.experiment)):
        print(f"note: {told}")


def not_tested(experiment: Experiment) -> str:
    """What is to be said of a test split that is none: a user's own texts without a test part."""
    task = experiment.task
    if isinstance(task, TranslationOptions) and names_a_file(task.data) and task.test is None:
        return "these are the validation part, by which weights are chosen: name a test part of its own (task.test)"
    return ""
