"""The report's page: one HTML file with its pictures inside, no script, and nothing fetched from anywhere."""

import shlex
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from glimpse import __version__
from glimpse.chart_drawing import chart_svg
from glimpse.charts import Chart
from glimpse.envs.lanes import VisualCore
from glimpse.envs.whole_view import WholeView
from glimpse.pictures import png
from glimpse.report_contents import Contents, Evaluation
from glimpse.report_diagnostics import diagnostics
from glimpse.report_episodes import data_uri, films, heat_tiles, mistakes, path_tiles, untrained
from glimpse.scores import Score, Scores


def page(contents: Contents, moving: bytes, still: Image.Image, by_glimpse: Chart, curves: Sequence[Chart]) -> str:
    """The whole page.

    Args:
        contents: what is told.
        moving: the animation, a GIF.
        still: its last frame, for readers who asked for less motion.
        by_glimpse: the chart of the error after each glimpse.
        curves: the charts of training.
    """
    experiment = contents.trained.experiment
    title, looks = escape(f"{experiment.agent.name} on {experiment.task.name}"), contents.looks_around
    answers = bool(contents.trained.world.classes)
    sections = [
        ("results", "Results", _results(contents, by_glimpse)),
        ("training", "Training", _training(curves)),
        *([("diagnostics", "Diagnostics", diagnostics(contents))] if contents.found.gaze else []),
        ("paths", "Scan paths" if looks else "Answers", path_tiles(contents)),
        ("glimpses", "One glimpse at a time", films(contents)),
        *([("places", "Where it looks", heat_tiles(contents))] if looks else []),
        ("mistakes", "Mistakes" if answers else "Failures", mistakes(contents)),
        ("config", "Config", _config(contents)),
    ]
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in sections)
    bodies = "".join(
        f'<section id="{name}">\n<h2>{heading}</h2>\n{body}\n</section>\n' for name, heading, body in sections
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: a glimpse report</title>
<style>
{style}</style>
</head>
<body>
{_header(contents, title, moving, still)}
<nav>{links}</nav>
<main>
{bodies}</main>
<footer>Written by glimpse {__version__}: <code>glimpse show {escape(contents.typed)}</code></footer>
</body>
</html>
"""


def _header(contents: Contents, title: str, moving: bytes, still: Image.Image) -> str:
    """What the run is, and the animation."""
    run, config, again = (escape(shlex.quote(f"{contents.run}{end}")) for end in ("", "/config.yaml", "-again"))
    facts = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in _facts(contents))
    count = len(contents.animated)
    source, calm = data_uri(moving, "gif"), data_uri(png(still), "png")
    return f"""<header>
<p class="eyebrow">glimpse report</p>
<h1>{title}</h1>
<p class="lead">The run in <code>{run}</code>. Every image on this page is from the validation split, and the agent
is greedy: it looks at the mean place that its policy proposes.</p>
<dl>{facts}</dl>
<p class="again">To train it again: <code>glimpse train {config} --run {again}</code></p>
<figure class="hero">
<picture class="scroll" style="max-width:{round(1.25 * still.width)}px">
<source media="(prefers-reduced-motion: reduce)" srcset="{calm}">
<img src="{source}" width="{still.width}" height="{still.height}" alt="{count} episodes, glimpse by glimpse">
</picture>
<figcaption>{f"{count} episodes side by side" if count > 1 else "An episode"}. Grey is what the agent has not seen
yet. Below each image: {_below(contents)}.</figcaption>
</figure>
</header>"""


def _below(contents: Contents) -> str:
    """What stands below each image of the animation."""
    if not contents.trained.world.classes:
        return "what the last glimpse showed, and in the end whether the episode succeeded"
    return (
        "what the last glimpse showed, and the probability that the agent gives to each class; the true class is "
        "coloured"
    )


def _sight(world: VisualCore, glimpses: int) -> str:
    """What the agent is shown, in words."""
    if isinstance(world.retina, WholeView):
        return f"the whole image, {glimpses} time{'s' if glimpses > 1 else ''}"
    retina = world.retina.options
    scales = "one scale" if retina.scales == 1 else f"{retina.scales} scales"
    return f"{glimpses} glimpses of {retina.patch} × {retina.patch}, {scales}"


def _facts(contents: Contents) -> list[tuple[str, str]]:
    """The run in a few words."""
    experiment, world, found = contents.trained.experiment, contents.trained.world, contents.found
    steps, size = len(found.place), f"{world.retina.height} × {world.retina.width}"
    taken = [("Glimpses taken", f"{found.glimpses.mean():.2f} on average")] if np.ptp(found.glimpses) else []
    shown = ("Images", f"{size}, {len(world.classes)} classes") if world.classes else ("Screen", size)
    return [
        ("Task", experiment.task.name),
        shown,
        ("Sight", _sight(world, steps)),
        ("Agent", experiment.agent.name),
        ("Validation error", f"{100 * found.wrong.mean():.2f} % of {len(found.label):,}, greedy"),
        *taken,
        ("Weights", f"of step {contents.trained.step:,}, after {_duration(contents.trained.seconds)}"),
        ("Trained on", contents.trained.trained_on),
        ("Seed", str(experiment.seed)),
    ]


def _duration(seconds: float) -> str:
    """A time in words: 37 s, 12 min, 2 h 5 min."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _results(contents: Contents, by_glimpse: Chart) -> str:
    """The tables of evaluation, and the error after each glimpse, if it was known before the end."""
    tables = "".join(
        _table(one, contents.trained.step, bool(contents.trained.world.classes)) for one in contents.evaluations
    )
    if not any(one.split == "test" for one in contents.evaluations):
        tables += (
            '<p class="note">This run has not been measured on the test set. When it is finished: '
            f"<code>glimpse evaluate {escape(contents.typed)}</code></p>"
        )
    if len(by_glimpse.series[0].points) < 2:
        return tables
    if contents.evaluations:
        copies = next(iter(contents.evaluations[0].scores.values())).copies
        source = f"Grey: the controls, mean of {copies}."
    else:
        source = f"Greedy episodes on {len(contents.found.label):,} validation images."
    scale = " The scale is logarithmic." if by_glimpse.logarithmic else ""
    return f"""{tables}<figure class="single"><h3>{escape(by_glimpse.title)}</h3>
<div class="scroll">{chart_svg(by_glimpse, 520, 290)}</div>
<figcaption>What the error would be, had the answer after so many glimpses counted. {source}{scale}
{untrained(contents)}</figcaption></figure>"""


def _table(measured: Evaluation, step: int, answers: bool) -> str:
    """The agent's errors on a split, and below them those of the same weights with other eyes."""
    (name, agent), *controls = measured.scores.items()
    older = f" Measured at step {measured.step:,}; the pictures are of step {step:,}." if measured.step != step else ""
    names = ["Greedy", "One sample", *([f"Mean of {agent.copies}"] if answers else []), "Glimpses"]
    heads = "".join(f'<th scope="col">{head}</th>' for head in names)
    between = (
        f'<tr class="between"><th colspan="{len(names) + 1}">The same weights, made to look elsewhere</th></tr>'
        if controls
        else ""
    )
    others = "".join(_row(other, scores, answers) for other, scores in controls)
    averaged = (
        f" Mean of {agent.copies}: the probabilities of {agent.copies} such episodes, averaged." if answers else ""
    )
    return f"""<figure><h3>{measured.split.capitalize()} {"error" if answers else "failures"}, %</h3>
<div class="scroll"><table class="scores"><thead><tr><td></td>{heads}</tr></thead>
<tbody class="own">{_row(name, agent, answers)}</tbody><tbody>{between}{others}</tbody></table></div>
<figcaption>{agent.greedy.episodes:,} {measured.split} {"images" if answers else "episodes"}; small, the 95 % interval.
Greedy: the mean place at each step. One sample: places drawn around it.{averaged}{older}</figcaption></figure>"""


def _row(name: str, scores: Scores, answers: bool) -> str:
    shown = [scores.greedy, scores.sampled, *([scores.averaged] if answers else [])]
    cells = "".join(map(_cell, shown))
    return f'<tr><th scope="row">{escape(name)}</th>{cells}<td>{scores.glimpses:.2f}</td></tr>'


def _cell(score: Score) -> str:
    return f"<td>{score.error:.2f} <small>{score.low:.2f} to {score.high:.2f}</small></td>"


def _training(curves: Sequence[Chart]) -> str:
    """Small charts of what was logged."""
    if not curves:
        return '<p class="note">Nothing has been logged yet.</p>'
    panels = "".join(f"<figure><h3>{escape(one.title)}</h3>{chart_svg(one, 340, 190)}</figure>" for one in curves)
    return f"""<p>From <code>metrics.jsonl</code>. The validation error is that of the averaged weights; the other
numbers are of single batches, with noise on the places.</p>
<div class="curves">{panels}</div>"""


def _config(contents: Contents) -> str:
    """The config, folded away."""
    text = escape(contents.trained.folder.config_text)
    return f"<details><summary>Every option of this run</summary>\n<pre>{text}</pre></details>"
