"""Report of a run whose agent reads texts in part: window by window, or selected words.

Texts of the test set are never shown.
"""

from html import escape

import numpy as np
import torch
from numpy.typing import NDArray

from glimpse.agents.embedding import PADDING
from glimpse.envs.text.skimming import Skimming
from glimpse.envs.text.vocabulary import UNKNOWN
from glimpse.evaluation.keep_rates import describe_keep_rates
from glimpse.evaluation.replay import evenly
from glimpse.evaluation.scores import evaluation_keys
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.html_page import (
    Section,
    config_section,
    not_measured,
    report_page,
    score_cell,
    scores_table,
    training_section,
)
from glimpse.reporting.run_record import Evaluation, RunRecord, training_charts
from glimpse.reporting.text.accounts import Account, Text
from glimpse.reporting.text.token_html import text_figure
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import play

_LEAD = "Every text on this page is from the validation split."


def skim_files(record: RunRecord, texts: int) -> dict[str, bytes]:
    """Return the files of the report by name; `texts` texts are shown if they are read window by window."""
    shown = skimmed_texts(record, evenly(record.trained.env.examples, texts))
    curves, experiment = training_charts(record.metrics), record.trained.experiment
    classes = record.trained.env.classes
    sections = [Section("results", "Results", _results(record)), training_section(curves, "chance")]
    if shown:
        sections.append(Section("texts", "Texts", _texts(shown, classes)))
    hero = f'<div class="hero">{text_figure(shown[0], classes)}</div>' if shown else ""
    title = f"{experiment.agent_title} on {experiment.task_title}"
    document = report_page(record, title, _LEAD, _facts(record, shown), hero, [*sections, config_section(record)])
    return {"curves.png": png(charts_image(curves)), "index.html": document.encode()}


@torch.no_grad()
def skimmed_texts(record: RunRecord, examples: list[int]) -> list[Account]:
    """Return what the greedy agent read of some texts, and its answers; empty if the environment has no windows."""
    env, agent, options = record.trained.env, record.trained.agent, record.trained.experiment.evaluate
    if not isinstance(env, Skimming):
        return []
    numbers = torch.tensor(examples, device=env.device)
    with torch.autocast(env.device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, env.device)):
        episode = play(env, agent, numbers, evaluation_keys(env, options)[numbers], greedy=True)
    belief = episode.belief[-1].cpu().numpy()
    found = []
    for row, example in enumerate(examples):
        text = env.text(example)
        read = np.zeros(len(text), np.bool_)
        shown = episode.step_mask[:, row] & (episode.observation["words"][:, row] != PADDING).any(-1)
        for position in episode.observation["position"][:, row][shown].flatten().tolist():
            first, last = env.span(example, position)
            read[first:last] = True
        words = tuple(env.vocabulary.words[number] for number in text)
        unknown: NDArray[np.bool_] = np.array(text) == UNKNOWN
        one = Text(words, unknown, (len(words),), dropped=~read)
        found.append(Account(example, (one,), belief[row], true=float(episode.label[row])))
    return found


def _facts(record: RunRecord, shown: list[Account]) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    env = record.trained.env
    parameters = sum(parameter.numel() for parameter in record.trained.agent.parameters())
    facts = [("Texts", f"{env.examples:,}"), ("Parameters", f"{parameters:,}")]
    if shown:
        words = [text.dropped for one in shown for text in one.texts if text.dropped is not None]
        share = 1 - np.concatenate(words).mean()
        facts.append(("Words read", f"{100 * share:.0f} % of those below"))
    return facts


def _results(record: RunRecord) -> str:
    """Return the tables of evaluations, with keep rates."""
    return "".join(_table(one, record.trained.step) for one in record.evaluations) + not_measured(record)


def _table(measured: Evaluation, step: int) -> str:
    """Return the table of an evaluation: greedy, sampled and averaged errors."""
    (name, agent), *_ = measured.scores.items()
    cells = "".join(map(score_cell, (agent.greedy, agent.sampled, agent.averaged)))
    row = f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    kept = "".join(f"; {line}" for line in describe_keep_rates(agent.keep_rates))
    caption = f"{agent.averaged.episodes:,} {measured.split} texts; small, the 95 % interval{kept}."
    heads = ["Greedy", "M = 1", f"M = {agent.copies}"]
    return scores_table(measured, step, f"{measured.split.capitalize()} error, %", heads, row, caption)


def _texts(shown: list[Account], classes: tuple[str, ...]) -> str:
    """Return the HTML of texts in which skipped words are struck out."""
    caption = "Read greedily, from left to right. Words that are struck out were skipped, or come after the answer."
    pages = "".join(text_figure(one, classes) for one in shown)
    return f'<p>{caption}</p>\n<div class="readings">{pages}</div>'
