"""What an agent names as its reasons, measured against those that people marked, and against its own answers.

Axes: D documents, of n words each; B of them in a batch, L words of the longest; N classes.
"""

from dataclasses import astuple, dataclass, field

import numpy as np
import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.embedding import PADDING
from glimpse.agents.text.explaining import Explaining, Words
from glimpse.agents.text.selecting_reader import Chooser
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.lane_random import uniform
from glimpse.envs.lanes import JudgedCore
from glimpse.evaluation.eraser import (
    SHARES,
    Bools,
    Floats,
    average_precision,
    best_words,
    lost,
    share_of,
    spans_macro,
    tokens_macro,
    tokens_micro,
)
from glimpse.evaluation.scores import by_length, evaluation_keys
from glimpse.runs.build import use_bfloat16


@dataclass(frozen=True)
class Named:
    """Words that were named as reasons, in all documents; all in [0, 1].

    share: of the words, a mean over documents. precision, recall, f1: of words, means over documents. micro_f1: of all
    words together. spans_f1: ERASER's IOU-F1.
    """

    share: float
    precision: float
    recall: float
    f1: float
    micro_f1: float
    spans_f1: float


@dataclass(frozen=True)
class Reasons:
    """Of one agent, on one split. Probabilities that are lost are of the class that it predicts from a whole text.

    share: of words, that `top` names.
    choice: what the agent names: its own greedy choice; of one that makes none the same as `top`.
    top: the share of words that count most with the agent.
    random, first: as many words of each text as `choice` names, at random, and the first ones.
    by_share: the words' F1 of the words that count most, for other shares.
    average_precision: of how much each word counts.
    sufficiency, comprehensiveness: what is lost where `choice` alone is read, and all the rest.
    sufficiency_area, comprehensiveness_area: the same as means over 1, 5, 10, 20 and 50 % of the words, those that
        count most ("AOPC").
    """

    share: float
    choice: Named
    top: Named
    random: Named
    first: Named
    by_share: dict[str, float]
    average_precision: float
    sufficiency: float
    comprehensiveness: float
    sufficiency_area: float
    comprehensiveness_area: float


@dataclass
class _Documents:
    """What is known of each document, one after the other: D arrays (n,) by name, and what answers lost, (D,)."""

    marked: list[Bools] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)
    named: dict[str, list[Bools]] = field(default_factory=dict)
    lost: dict[str, list[Tensor]] = field(default_factory=dict)

    def name(self, kind: str, chosen: Bools) -> None:
        """Add what was named of the next document."""
        self.named.setdefault(kind, []).append(chosen)

    def lose(self, kind: str, each: Tensor) -> None:
        """Add what was lost with the next batch, (B,)."""
        self.lost.setdefault(kind, []).append(each)


@torch.no_grad()
def measure_reasons(agent: Agent, world: JudgedCore, options: EvaluateOptions) -> Reasons | None:
    """Measure them on the split that the world shows; None where nobody marked words, or nothing is weighed.

    Of pairs, whose words nobody marked, there are none either.
    """
    marks = getattr(world, "marked", None)
    if not isinstance(agent, Explaining) or marks is None or marks(torch.zeros(1, dtype=torch.long)) is None:
        return None
    found, keys = _Documents(), evaluation_keys(world, options)
    with torch.autocast(world.device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, world.device)):
        for example in by_length(world).split(options.batch):
            observation = world.begin(example, keys[example])
            scores = agent.salience(observation)
            if scores is None:
                return None
            chosen = _own_choice(agent, observation)
            noise = uniform(keys[example], observation["text"][0].numel())
            kept = _name_words(found, observation["text"], marks(example), scores["text"], chosen, noise, options.share)
            _take_away(found, agent, observation, kept)
    return _summary(found, options.share)


def _own_choice(agent: Explaining, observation: Words) -> Tensor | None:
    """Which words an agent reads by its own choice, bool as the text; None of one that makes none."""
    return agent.reads(observation)["text"] if isinstance(agent, Chooser) else None


def _name_words(
    found: _Documents,
    text: Tensor,
    marked: Tensor,
    scores: Tensor,
    chosen: Tensor | None,
    noise: Tensor,
    share: float,
) -> dict[str, Tensor]:
    """Add who names which words of a batch of texts; those that answers are measured with, bool as the text."""
    kept = {name: torch.zeros_like(text, dtype=torch.bool) for name in ("choice", *map(str, SHARES))}
    for number, real in enumerate(text != PADDING):
        gold, score = marked[number][real].cpu().numpy(), scores[number][real].float().cpu().numpy()
        words = len(score)
        best = {str(part): best_words(score, share_of(words, part)) for part in SHARES}
        top = best_words(score, share_of(words, share))
        own = top if chosen is None else chosen[number][real].cpu().numpy()
        chance = noise[number][real.flatten()].cpu().numpy()
        found.marked.append(gold)
        found.scores.append(score)
        for kind, named in {
            "choice": own,
            "top": top,
            "random": best_words(chance, int(own.sum())),
            "first": best_words(-np.arange(words, dtype=np.float32), int(own.sum())),
            **best,
        }.items():
            found.name(kind, named)
        for kind, named in {"choice": own, **best}.items():
            kept[kind][number][real] = torch.from_numpy(named).to(text.device)
    return kept


def _take_away(found: _Documents, agent: Explaining, observation: Words, kept: dict[str, Tensor]) -> None:
    """Add what answers from some words, and from all others, lose against those from whole texts."""
    real = observation["text"] != PADDING

    def believes(words: Tensor) -> Tensor:
        return agent.read_only(observation, {"text": words}).float().softmax(-1)

    full = believes(real)
    for kind, chosen in kept.items():
        found.lose(f"{kind} alone", lost(full, believes(chosen)))
        found.lose(f"{kind} without", lost(full, believes(real & ~chosen)))


def _summary(found: _Documents, share: float) -> Reasons:
    """All numbers of a split."""
    named = {kind: _measured(chosen, found.marked) for kind, chosen in found.named.items()}
    losses = {kind: float(torch.cat(each).mean()) for kind, each in found.lost.items()}
    areas = {way: float(np.mean([losses[f"{part} {way}"] for part in SHARES])) for way in ("alone", "without")}
    return Reasons(
        share,
        named["choice"],
        named["top"],
        named["random"],
        named["first"],
        by_share={str(part): named[str(part)].f1 for part in SHARES},
        average_precision=average_precision(found.scores, found.marked),
        sufficiency=losses["choice alone"],
        comprehensiveness=losses["choice without"],
        sufficiency_area=areas["alone"],
        comprehensiveness_area=areas["without"],
    )


def _measured(chosen: list[Bools], marked: list[Bools]) -> Named:
    macro = tokens_macro(chosen, marked)
    share = float(np.mean([one.mean() for one in chosen]))
    return Named(share, *macro, tokens_micro(chosen, marked).f1, spans_macro(chosen, marked).f1)


def print_reasons(reasons: Reasons, own: bool) -> None:
    """Print them as a table, with the faithfulness of what is named below; `own`, whether the agent itself chooses."""
    from rich.console import Console
    from rich.table import Table

    top = f"top {100 * reasons.share:g} %"
    rows = {**({"own choice": reasons.choice} if own else {}), top: reasons.top}
    rows |= {"as many, random": reasons.random, "as many, first": reasons.first}
    table = Table(title="words named as reasons, against marked ones, %")
    for heading in ("", "of words", "precision", "recall", "F1", "micro F1", "IOU-F1"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, one in rows.items():
        table.add_row(name, *(f"{100 * value:.1f}" for value in astuple(one)))
    Console().print(table)
    print(f"average precision of how much each word counts: {100 * reasons.average_precision:.1f} %")
    print(
        f"probability lost, percentage points: {100 * reasons.sufficiency:.1f} with {next(iter(rows))} alone "
        f"(sufficiency), {100 * reasons.comprehensiveness:.1f} without (comprehensiveness); "
        f"over 1 to 50 % of words {100 * reasons.sufficiency_area:.1f} and {100 * reasons.comprehensiveness_area:.1f}"
    )
