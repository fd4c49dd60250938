"""The report of a run whose agent reads texts piece by piece, or only chooses words: what it read, and what not.

The test set is for measuring only, so none of its texts is shown.
"""

from html import escape

import numpy as np
import torch
from numpy.typing import NDArray

from glimpse.agents.embedding import PADDING
from glimpse.envs.text.skimming import Skimming
from glimpse.envs.text.vocabulary import UNKNOWN
from glimpse.evaluation.keep_rates import describe_kept
from glimpse.evaluation.replay import evenly
from glimpse.evaluation.scores import evaluation_keys
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.html_page import Section, config, not_measured, page, score_cell, scores_table, training
from glimpse.reporting.run_record import Evaluation, Record, training_charts
from glimpse.reporting.text.accounts import Account, Text
from glimpse.reporting.text.token_html import reading
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import play

_LEAD = "Every text on this page is from the validation split."


def skim_files(record: Record, texts: int) -> dict[str, bytes]:
    """The files of the report, by name; `texts` are shown with what was read of them, where they are read in pieces."""
    shown = skimmed(record, evenly(record.trained.world.examples, texts))
    curves, experiment = training_charts(record.metrics), record.trained.experiment
    classes = record.trained.world.classes
    sections = [Section("results", "Results", _results(record)), training(curves, "chance")]
    if shown:
        sections.append(Section("texts", "Texts", _texts(shown, classes)))
    hero = f'<div class="hero">{reading(shown[0], classes)}</div>' if shown else ""
    title = f"{experiment.shown_agent} on {experiment.shown_task}"
    document = page(record, title, _LEAD, _facts(record, shown), hero, [*sections, config(record)])
    return {"curves.png": png(charts_image(curves)), "index.html": document.encode()}


@torch.no_grad()
def skimmed(record: Record, examples: list[int]) -> list[Account]:
    """What the greedy agent read of texts, and its answers; nothing of a world that shows no windows."""
    world, agent, options = record.trained.world, record.trained.agent, record.trained.experiment.evaluate
    if not isinstance(world, Skimming):
        return []
    numbers = torch.tensor(examples, device=world.device)
    with torch.autocast(world.device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, world.device)):
        episode = play(world, agent, numbers, evaluation_keys(world, options)[numbers], greedy=True)
    belief = episode.belief[-1].cpu().numpy()
    found = []
    for row, example in enumerate(examples):
        text = world.text(example)
        read = np.zeros(len(text), np.bool_)
        shown = episode.taken[:, row] & (episode.observation["words"][:, row] != PADDING).any(-1)
        for place in episode.observation["place"][:, row][shown].flatten().tolist():
            first, last = world.span(example, place)
            read[first:last] = True
        words = tuple(world.vocabulary.words[number] for number in text)
        unknown: NDArray[np.bool_] = np.array(text) == UNKNOWN
        one = Text(words, unknown, (len(words),), dropped=~read)
        found.append(Account(example, (one,), belief[row], true=float(episode.label[row])))
    return found


def _facts(record: Record, shown: list[Account]) -> list[tuple[str, str]]:
    """The run in a few words."""
    world = record.trained.world
    parameters = sum(parameter.numel() for parameter in record.trained.agent.parameters())
    facts = [("Texts", f"{world.examples:,}"), ("Parameters", f"{parameters:,}")]
    if shown:
        words = [text.dropped for one in shown for text in one.texts if text.dropped is not None]
        share = 1 - np.concatenate(words).mean()
        facts.append(("Words read", f"{100 * share:.0f} % of those below"))
    return facts


def _results(record: Record) -> str:
    """The tables of evaluation, with the shares of words."""
    return "".join(_table(one, record.trained.step) for one in record.evaluations) + not_measured(record)


def _table(measured: Evaluation, step: int) -> str:
    """Greedy, sampled and averaged."""
    (name, agent), *_ = measured.scores.items()
    cells = "".join(map(score_cell, (agent.greedy, agent.sampled, agent.averaged)))
    row = f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    kept = "".join(f"; {line}" for line in describe_kept(agent.kept))
    caption = f"{agent.averaged.episodes:,} {measured.split} texts; small, the 95 % interval{kept}."
    heads = ["Greedy", "M = 1", f"M = {agent.copies}"]
    return scores_table(measured, step, f"{measured.split.capitalize()} error, %", heads, row, caption)


def _texts(shown: list[Account], classes: tuple[str, ...]) -> str:
    """Words that were read, and struck out those that were jumped over."""
    told = "Read greedily, from left to right; words that are struck out were jumped over, or come after the answer."
    pages = "".join(reading(one, classes) for one in shown)
    return f'<p>{told}</p>\n<div class="readings">{pages}</div>'
