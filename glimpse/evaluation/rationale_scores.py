"""Scores of predicted rationales: agreement with human rationales, and faithfulness to the agent's own answers.

Axes: D documents, of n words each; B of them in a batch, L words of the longest; N classes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, field

import numpy as np
import torch
from torch import Tensor

from glimpse.agents.ability_questions import as_explaining, own_rationale
from glimpse.agents.agent import Agent
from glimpse.agents.embedding import PADDING
from glimpse.agents.text.explaining import Explaining, Words
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.core import EvaluatedEnv, has_rationales
from glimpse.envs.data.registry import DATA_SETS
from glimpse.envs.lane_random import uniform
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.eraser import (
    KEEP_RATES,
    Bools,
    Floats,
    auprc,
    average_precision,
    highest_scoring,
    probability_drop,
    spans_macro,
    tokens_macro,
    tokens_micro,
    words_to_keep,
)
from glimpse.evaluation.scores import evaluation_keys, ordered_by_length
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.runs.build import use_bfloat16


@dataclass(frozen=True)
class RationaleAgreement:
    """Agreement of predicted with human rationales over all documents, each number in [0, 1].

    keep_rate: fraction of words in the predicted rationale, a mean over documents.
    precision, recall, f1: of words, means over documents.
    micro_f1: F1 of the words of all documents together.
    spans_f1: ERASER's IOU-F1.
    """

    keep_rate: float
    precision: float
    recall: float
    f1: float
    micro_f1: float
    spans_f1: float


@dataclass(frozen=True)
class Faithfulness:
    """Faithfulness of one agent's rationales on one split, for which nobody needs to mark words.

    It is the drop in probability of the class that is predicted from the whole text.

    sufficiency, comprehensiveness: drop if the agent's own greedy selection alone is read, and if all other words are;
        of the words with the highest salience for an agent that selects nothing.
    sufficiency_area, comprehensiveness_area: means of both over the 1, 5, 10, 20 and 50 % of words with the highest
        salience ("AOPC").
    """

    sufficiency: float
    comprehensiveness: float
    sufficiency_area: float
    comprehensiveness_area: float


@dataclass(frozen=True)
class RationaleScores:
    """Scores of one agent's rationales on one split; those of faithfulness are as in `Faithfulness`.

    keep_rate: fraction of words that `top` has.
    choice: agreement of the agent's own greedy selection; equal to `top` for an agent that selects nothing.
    top: agreement of the words with the highest salience.
    random, first: agreement of as many words of each text as `choice` has: random words, and the first words.
    f1_by_keep_rate: F1 of the words with the highest salience at other keep rates.
    average_precision: average precision of the words' salience.
    auprc: area under its precision-recall curve by the trapezoid rule, which is ERASER's official number.
    """

    keep_rate: float
    choice: RationaleAgreement
    top: RationaleAgreement
    random: RationaleAgreement
    first: RationaleAgreement
    f1_by_keep_rate: dict[str, float]
    average_precision: float
    auprc: float
    sufficiency: float
    comprehensiveness: float
    sufficiency_area: float
    comprehensiveness_area: float


@dataclass
class _Documents:
    """Rationales and probability drops of all documents, collected batch by batch.

    human_rationale, salience: D arrays (n,).
    predicted: D arrays (n,) for each kind of predicted rationale, by its name.
    drops: probability drops, batches of (B,), by the rationale's name and "alone" or "without".
    """

    human_rationale: list[Bools] = field(default_factory=list)
    salience: list[Floats] = field(default_factory=list)
    predicted: dict[str, list[Bools]] = field(default_factory=dict)
    drops: dict[str, list[Tensor]] = field(default_factory=dict)

    def add(self, human_rationale: Bools, salience: Floats, predicted: Mapping[str, Bools]) -> None:
        """Add the rationales (n,) of the next document."""
        self.human_rationale.append(human_rationale)
        self.salience.append(salience)
        for kind, words in predicted.items():
            self.predicted.setdefault(kind, []).append(words)

    def add_drop(self, kind: str, drop: Tensor) -> None:
        """Add the probability drops of the next batch, (B,)."""
        self.drops.setdefault(kind, []).append(drop)


@dataclass(frozen=True)
class _TextBatch:
    """Texts of a batch and what is known of their words.

    text: (B, L) int64 or (B, S, L), numbers of words.
    human_rationale: bool, of the text's shape.
    salience: float, of the text's shape.
    chosen: bool, of the text's shape: the agent's own selection; None for an agent that selects nothing.
    noise: (B, numbers of a text), uniform random numbers in [0, 1).
    """

    text: Tensor
    human_rationale: Tensor
    salience: Tensor
    chosen: Tensor | None
    noise: Tensor

    def predicted(self, keep_rate: float) -> Iterator[tuple[Bools, Floats, dict[str, Bools]]]:
        """Yield the human rationale, the salience and the predicted rationales by name, (n,) each, of each text."""
        for number, real in enumerate(self.text != PADDING):
            salience = self.salience[number][real].float().cpu().numpy()
            words = len(salience)
            best = {str(rate): highest_scoring(salience, words_to_keep(words, rate)) for rate in KEEP_RATES}
            top = highest_scoring(salience, words_to_keep(words, keep_rate))
            choice = top if self.chosen is None else self.chosen[number][real].cpu().numpy()
            chance = self.noise[number][real.flatten()].cpu().numpy()
            predicted = {
                "choice": choice,
                "top": top,
                "random": highest_scoring(chance, int(choice.sum())),
                "first": highest_scoring(-np.arange(words, dtype=np.float32), int(choice.sum())),
                **best,
            }
            yield self.human_rationale[number][real].cpu().numpy(), salience, predicted


def rationale_name(task: object) -> str:
    """Return what the marked words of a task's texts are called: people marked them, or they were planted."""
    data = DATA_SETS.get(str(getattr(task, "data", "")))
    return "known rationale" if data is not None and data.is_generated else "human rationale"


@torch.no_grad()
def measure_rationales(agent: Agent, env: EvaluatedEnv, options: EvaluateOptions) -> RationaleScores | None:
    """Measure an agent's rationales on the split that the environment shows.

    Args:
        agent: the agent to measure.
        env: shows the split.
        options: batch, precision, seed, and the keep rate of the words with the highest salience.

    Returns:
        The scores. None if the data have no human rationales, as pairs of texts, or if the agent gives words no
        salience.
    """
    source = env if has_rationales(env) else None
    if source is None or source.human_rationale(torch.zeros(1, dtype=torch.long)) is None:
        return None
    found = _collect(agent, env, options, source.human_rationale)
    return None if found is None else _summary(found, options.keep_rate)


@torch.no_grad()
def measure_faithfulness(agent: Agent, env: EvaluatedEnv, options: EvaluateOptions) -> Faithfulness | None:
    """Measure how faithful an agent's own selection is on single texts of which nobody has marked words.

    Args:
        agent: the agent to measure.
        env: shows the split.
        options: batch, precision and seed.

    Returns:
        The scores. None for pairs of texts, or if the agent selects no words itself.
    """
    observation = env.reset(torch.zeros(1, dtype=torch.long, device=env.device), evaluation_keys(env, options)[:1])
    if list(observation) != ["text"] or own_rationale(agent, observation) is None:
        return None
    found = _collect(agent, env, options, None)
    return None if found is None else _faithfulness(found)


def _collect(
    agent: Agent, env: EvaluatedEnv, options: EvaluateOptions, marked: Callable[[Tensor], Tensor | None] | None
) -> _Documents | None:
    """Collect the rationales of a split, given the human ones of examples (E,); None if words have no salience."""
    explaining = as_explaining(agent)
    if explaining is None:
        return None
    found, keys = _Documents(), evaluation_keys(env, options)
    with torch.autocast(env.device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, env.device)):
        for example in ordered_by_length(env).split(options.batch):
            observation = env.reset(example, keys[example])
            salience, text = explaining.salience(observation), observation["text"]
            human_rationale = torch.zeros_like(text, dtype=torch.bool) if marked is None else marked(example)
            if human_rationale is None or salience is None:
                return None
            chosen = own_rationale(agent, observation)
            noise = uniform(keys[example], text[0].numel())
            own = None if chosen is None else chosen["text"]
            batch = _TextBatch(text, human_rationale, salience["text"], own, noise)
            _add_faithfulness(found, explaining, observation, _add_rationales(found, batch, options.keep_rate))
    return found


def _add_rationales(found: _Documents, batch: _TextBatch, keep_rate: float) -> dict[str, Tensor]:
    """Add the rationales of a batch of texts.

    Returns:
        The rationales whose faithfulness is measured, by name: bool, of the text's shape.
    """
    measured = {name: torch.zeros_like(batch.text, dtype=torch.bool) for name in ("choice", *map(str, KEEP_RATES))}
    real = batch.text != PADDING
    for number, (gold, salience, predicted) in enumerate(batch.predicted(keep_rate)):
        found.add(gold, salience, predicted)
        for kind, words in measured.items():
            words[number][real[number]] = torch.from_numpy(predicted[kind]).to(words.device)
    return measured


def _add_faithfulness(found: _Documents, agent: Explaining, observation: Words, rationales: dict[str, Tensor]) -> None:
    """Add the probability drops of answers from each rationale alone, and from the text without it."""
    real = observation["text"] != PADDING

    def probabilities(words: Tensor) -> Tensor:
        return agent.read_only(observation, {"text": words}).float().softmax(-1)

    full = probabilities(real)
    for kind, chosen in rationales.items():
        found.add_drop(f"{kind} alone", probability_drop(full, probabilities(chosen)))
        found.add_drop(f"{kind} without", probability_drop(full, probabilities(real & ~chosen)))


def _summary(found: _Documents, keep_rate: float) -> RationaleScores:
    """Compute all scores of a split."""
    agreement = {kind: _agreement(predicted, found.human_rationale) for kind, predicted in found.predicted.items()}
    return RationaleScores(
        keep_rate,
        agreement["choice"],
        agreement["top"],
        agreement["random"],
        agreement["first"],
        f1_by_keep_rate={str(rate): agreement[str(rate)].f1 for rate in KEEP_RATES},
        average_precision=average_precision(found.salience, found.human_rationale),
        auprc=auprc(found.salience, found.human_rationale),
        **asdict(_faithfulness(found)),
    )


def _faithfulness(found: _Documents) -> Faithfulness:
    """Compute the mean probability drops of a split."""
    drops = {kind: float(torch.cat(each).mean()) for kind, each in found.drops.items()}
    areas = [float(np.mean([drops[f"{rate} {way}"] for rate in KEEP_RATES])) for way in ("alone", "without")]
    return Faithfulness(drops["choice alone"], drops["choice without"], *areas)


def _agreement(predicted: list[Bools], human_rationale: list[Bools]) -> RationaleAgreement:
    """Compute the agreement of D predicted with D human rationales, arrays (n,) each."""
    macro = tokens_macro(predicted, human_rationale)
    keep_rate = float(np.mean([one.mean() for one in predicted]))
    micro_f1, spans_f1 = tokens_micro(predicted, human_rationale).f1, spans_macro(predicted, human_rationale).f1
    return RationaleAgreement(keep_rate, *macro, micro_f1, spans_f1)


def print_rationale_scores(rationales: RationaleScores, own: bool, name: str = "human rationale") -> None:
    """Print the scores as a table, with the faithfulness below.

    Args:
        rationales: the scores.
        own: whether the agent selects words itself.
        name: what the rationale that they are compared with is called, see `rationale_name`.
    """
    top = f"top {100 * rationales.keep_rate:g} %"
    rows = {**({"own selection, greedy": rationales.choice} if own else {}), top: rationales.top}
    rows |= {"as many, random": rationales.random, "as many, first": rationales.first}
    columns = ["words", "keep rate", "precision", "recall", "F1", "micro F1", "IOU-F1"]
    TableConsole().print_table(
        columns,
        [[words, *(f"{100 * value:.1f}" for value in astuple(one))] for words, one in rows.items()],
        title=f"predicted against {name}s, %",
        optional=("micro F1", "keep rate", "IOU-F1", "recall", "precision"),
        right=columns[1:],
        bordered=True,
    )
    print_line(
        f"average precision of the words' salience: {100 * rationales.average_precision:.1f} %; ERASER's AUPRC "
        f"(trapezoids): {100 * rationales.auprc:.1f} %"
    )
    print_faithfulness(rationales, next(iter(rows)))


def print_faithfulness(found: RationaleScores | Faithfulness, chosen: str = "own selection, greedy") -> None:
    """Print the faithfulness in a line; `chosen` is what the rationale is called."""
    drops = found.sufficiency, found.comprehensiveness, found.sufficiency_area, found.comprehensiveness_area
    sufficiency, comprehensiveness, *areas = (f"{100 * drop:z.1f}" for drop in drops)
    print_line(
        f"drop in probability, percentage points: {sufficiency} with the {chosen}, alone (sufficiency), "
        f"{comprehensiveness} without (comprehensiveness); means over 1 to 50 % of words: {' and '.join(areas)}"
    )
