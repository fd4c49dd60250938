"""The report's page of a run at pictures."""

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from glimpse.envs.images.whole_view import WholeView
from glimpse.envs.lanes import VisualCore
from glimpse.evaluation.replay import Integers
from glimpse.evaluation.scores import Scores
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.html_page import (
    Section,
    config,
    not_measured,
    page,
    score_cell,
    scores_table,
    single_chart,
    training,
)
from glimpse.reporting.images.diagnostics_section import diagnostics
from glimpse.reporting.images.episode_sections import data_uri, films, heat_tiles, mistakes, path_tiles, untrained
from glimpse.reporting.images.image_contents import Contents
from glimpse.reporting.run_record import Evaluation

_MOST_SHARES = 8
_LEAD = "Every image on this page is from the validation split"
_GREEDY = ", and the agent is greedy: it looks at the mean place that its policy proposes, or the likeliest one"


def picture_page(
    contents: Contents, moving: bytes, still: Image.Image, by_glimpse: Chart, curves: Sequence[Chart]
) -> str:
    """The whole page.

    Args:
        contents: what is told.
        moving: the animation, a GIF.
        still: its last frame, for readers who asked for less motion.
        by_glimpse: the chart of the error after each glimpse.
        curves: the charts of training.
    """
    looks, answers = contents.looks_around, bool(contents.trained.world.classes)
    sections = [
        Section("results", "Results", _results(contents, by_glimpse)),
        training(curves, "noise on the places" if contents.trained.agent.samples else "the weights of that step"),
        *([Section("diagnostics", "Diagnostics", diagnostics(contents))] if contents.found.gaze else []),
        Section("paths", "Scan paths" if looks else "Answers", path_tiles(contents)),
        Section("glimpses", "One glimpse at a time", films(contents)),
        *([Section("places", "Where it looks", heat_tiles(contents))] if looks else []),
        Section("mistakes", "Mistakes" if answers else "Failures", mistakes(contents)),
        config(contents),
    ]
    experiment = contents.trained.experiment
    title = f"{experiment.agent.name} on {experiment.task.name}"
    lead = f"{_LEAD}{_GREEDY if contents.trained.agent.samples else ''}."
    return page(contents, title, lead, _facts(contents), _animation(contents, moving, still), sections)


def _animation(contents: Contents, moving: bytes, still: Image.Image) -> str:
    """Episodes that move, unless the reader asked for less motion."""
    count = len(contents.animated)
    source, calm = data_uri(moving, "gif"), data_uri(png(still), "png")
    return f"""<figure class="hero">
<picture class="scroll" style="max-width:{round(1.25 * still.width)}px">
<source media="(prefers-reduced-motion: reduce)" srcset="{calm}">
<img src="{source}" width="{still.width}" height="{still.height}" alt="{count} episodes, glimpse by glimpse">
</picture>
<figcaption>{f"{count} episodes side by side" if count > 1 else "An episode"}.{_veil(contents)} Below each image:
{_below(contents)}.</figcaption>
</figure>"""


def _veil(contents: Contents) -> str:
    """What the grey over the images of the animation is."""
    if contents.shown[0].share is not None:
        return " The brighter an image is somewhere, the more the last glimpse read there."
    return " Grey is what the agent has not seen yet." if contents.is_glimpsed else ""


def _below(contents: Contents) -> str:
    """What stands below each image of the animation."""
    shown = "what the last glimpse showed" if contents.shown[0].share is None else contents.trained.agent.shows
    if not contents.trained.world.classes:
        return f"{shown}, and in the end whether the episode succeeded"
    return f"{shown}, and the probability that the agent gives to each class; the true class is coloured"


def _sight(world: VisualCore, glimpses: int, ends_early: bool) -> str:
    """What the agent is shown, in words."""
    if isinstance(world.retina, WholeView):
        return "the whole image" + f", {glimpses} times" * (glimpses > 1)
    retina = world.retina.options
    scales = "one scale" if retina.scales == 1 else f"{retina.scales} scales"
    most = "at most " if ends_early else ""
    return f"{most}{glimpses} glimpses of {retina.patch} × {retina.patch}, {scales}"


def _facts(contents: Contents) -> list[tuple[str, str]]:
    """The run in a few words."""
    experiment, world, found = contents.trained.experiment, contents.trained.world, contents.found
    steps, size = len(found.place), f"{world.retina.height} × {world.retina.width}"
    ends_early = bool(found.glimpses.min() < steps)
    taken = [("Glimpses taken", _taken(found.glimpses))] if ends_early else []
    error = "Validation error" if world.classes else "Validation failures"
    how = ", greedy" if contents.trained.agent.samples else ""
    shown = ("Images", f"{size}, {len(world.classes)} classes") if world.classes else ("Screen", size)
    return [
        ("Task", experiment.task.name),
        shown,
        ("Sight", _sight(world, steps, ends_early)),
        ("Agent", experiment.agent.name),
        (error, f"{100 * found.wrong.mean():.2f} % of {len(found.label):,}{how}"),
        *taken,
    ]


def _taken(glimpses: Integers) -> str:
    """How many glimpses episodes took, (E,): the mean, and the share of each number where there are few."""
    numbers, counts = np.unique(glimpses, return_counts=True)
    shares = ", ".join(
        f"{number}: {100 * count / len(glimpses):.0f} %" for number, count in zip(numbers, counts, strict=True)
    )
    return f"{glimpses.mean():.2f} on average" + (f" ({shares})" if len(numbers) <= _MOST_SHARES else "")


def _results(contents: Contents, by_glimpse: Chart) -> str:
    """The tables of evaluation, and the error after each glimpse, if it was known before the end."""
    tables = "".join(_table(one, contents) for one in contents.evaluations)
    tables += not_measured(contents)
    if len(by_glimpse.series[0].points) < 2:
        return tables
    early = (
        " Where an agent had stopped by then, its last answer counts."
        if contents.found.glimpses.min() < len(contents.found.place)
        else ""
    )
    told = f"What the error would be, had the answer after so many glimpses counted.{early}{_source(contents)}"
    return tables + single_chart(by_glimpse, told, untrained(contents))


def _source(contents: Contents) -> str:
    """Which episodes a chart of errors after each glimpse is of."""
    if not contents.evaluations:
        greedy = "Greedy episodes" if contents.trained.agent.samples else "Episodes"
        return f" {greedy} on {len(contents.found.label):,} validation images."
    agent, *controls = contents.evaluations[0].scores.values()
    return f" Grey: the controls, mean of {agent.copies}." if controls else ""


def _table(measured: Evaluation, contents: Contents) -> str:
    """The agent's errors on a split, and below them those of the same weights with other eyes."""
    step, answers = contents.trained.step, bool(contents.trained.world.classes)
    if not contents.trained.agent.samples:
        return _single_table(measured, step)
    (name, agent), *controls = measured.scores.items()
    names = ["Greedy", "One sample", *([f"Mean of {agent.copies}"] if answers else []), "Glimpses"]
    between = (
        f'<tr class="between"><th colspan="{len(names) + 1}">The same weights, made to look elsewhere</th></tr>'
        if controls
        else ""
    )
    others = "".join(_row(other, scores, answers) for other, scores in controls)
    averaged = (
        f" Mean of {agent.copies}: the probabilities of {agent.copies} such episodes, averaged." if answers else ""
    )
    title = f"{measured.split.capitalize()} {'error' if answers else 'failures'}, %"
    shows = "images" if answers else "episodes"
    caption = f"""{agent.greedy.episodes:,} {measured.split} {shows}; small, the 95 % interval.
Greedy: the mean place at each step. One sample: places drawn around it.{averaged}"""
    return scores_table(measured, step, title, names, _row(name, agent, answers), caption, between + others)


def _single_table(measured: Evaluation, step: int) -> str:
    """The error of an agent that leaves nothing to chance, so that there is one."""
    ((name, scores), *_) = measured.scores.items()
    row = f'<tr><th scope="row">{escape(name)}</th>{score_cell(scores.averaged)}</tr>'
    caption = f"{scores.averaged.episodes:,} {measured.split} images; small, the 95 % interval."
    return scores_table(measured, step, f"{measured.split.capitalize()} error, %", ["Error"], row, caption)


def _row(name: str, scores: Scores, answers: bool) -> str:
    shown = [scores.greedy, scores.sampled, *([scores.averaged] if answers else [])]
    cells = "".join(map(score_cell, shown))
    return f'<tr><th scope="row">{escape(name)}</th>{cells}<td>{scores.glimpses:.2f}</td></tr>'
