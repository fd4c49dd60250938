"""HTML page of the report of a run on images."""

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from glimpse.agents.abilities import readout_name
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.envs.images.whole_view import WholeView
from glimpse.evaluation.replay import Integers
from glimpse.evaluation.scores import Scores
from glimpse.evaluation.split_score import Score
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.html_page import (
    Section,
    config_section,
    not_measured,
    report_page,
    score_cell,
    scores_table,
    single_chart,
    training_section,
)
from glimpse.reporting.images.diagnostics_section import diagnostics_body
from glimpse.reporting.images.episode_sections import (
    data_uri,
    glimpses_body,
    heat_maps_body,
    image_mistakes_body,
    scanpaths_body,
    untrained_note,
)
from glimpse.reporting.images.image_contents import ImageContents
from glimpse.reporting.measures_section import measures_body
from glimpse.reporting.run_record import Evaluation

_MOST_SHARES = 8
_LEAD = "Every image on this page is from the validation split"
_GREEDY = ", and the agent is greedy: it looks at the mean location of its policy, or at the likeliest one"


def image_page_html(
    contents: ImageContents, moving: bytes, still: Image.Image, by_glimpse: Chart, curves: Sequence[Chart]
) -> str:
    """Return the page as HTML.

    Args:
        contents: data of the page.
        moving: the animation, a GIF.
        still: its last frame, for viewers that prefer reduced motion.
        by_glimpse: chart of the error after each glimpse.
        curves: training curves.
    """
    scanpaths, answers = contents.has_scanpath, contents.asked != "reward"
    sections = [
        Section("results", "Results", _results(contents, by_glimpse)),
        training_section(
            curves, "noise on the locations" if contents.trained.agent.stochastic else "the weights of that step"
        ),
        *([Section("diagnostics", "Diagnostics", diagnostics_body(contents))] if contents.found.scanpath else []),
        Section("paths", "Scanpaths" if scanpaths else "Answers", scanpaths_body(contents)),
        Section("glimpses", "One glimpse at a time", glimpses_body(contents)),
        *([Section("locations", "Locations", heat_maps_body(contents))] if scanpaths else []),
        Section("mistakes", "Mistakes" if answers else "Failures", image_mistakes_body(contents)),
        config_section(contents),
    ]
    experiment = contents.trained.experiment
    title = f"{experiment.agent.name} on {experiment.task.name}"
    lead = f"{_LEAD}{_GREEDY if contents.trained.agent.stochastic else ''}."
    return report_page(contents, title, lead, _facts(contents), _animation(contents, moving, still), sections)


def _animation(contents: ImageContents, moving: bytes, still: Image.Image) -> str:
    """Return the animation, or its last frame for viewers that prefer reduced motion."""
    count = len(contents.animated)
    source, calm = data_uri(moving, "gif"), data_uri(png(still), "png")
    return f"""<figure class="hero">
<picture class="scroll" style="max-width:{round(1.25 * still.width)}px">
<source media="(prefers-reduced-motion: reduce)" srcset="{calm}">
<img src="{source}" width="{still.width}" height="{still.height}" alt="{count} episodes, glimpse by glimpse">
</picture>
<figcaption>{f"{count} episodes side by side" if count > 1 else "An episode"}.{_veil_caption(contents)}
Below each image: {_animation_caption(contents)}.</figcaption>
</figure>"""


def _veil_caption(contents: ImageContents) -> str:
    """Return what grey or brightness means in the images of the animation."""
    if contents.shown[0].share is not None:
        return " Brightness shows how much the last glimpse read."
    return " Grey is what the agent has not seen yet." if contents.is_glimpsed else ""


def _animation_caption(contents: ImageContents) -> str:
    """Return what stands below each image of the animation."""
    shown = "the patches of the last glimpse"
    if contents.shown[0].share is not None:
        shown = readout_name(contents.trained.agent)
    further = {
        "reward": "and in the end whether the episode succeeded",
        "scores": "and in the end the predicted score and the true one",
        "many": "and the predicted probability of each label; the true ones are coloured",
        "classes": "and the predicted probability of each class; the true class is coloured",
    }
    return f"{shown}, {further[contents.asked]}"


def _observation_text(env: VisualEnv, glimpses: int, ends_early: bool) -> str:
    """Return the agent's observation in words."""
    if isinstance(env.retina, WholeView):
        return "the whole image" + f", {glimpses} times" * (glimpses > 1)
    retina = env.retina.options
    scales = "one scale" if retina.scales == 1 else f"{retina.scales} scales"
    most = "at most " if ends_early else ""
    return f"{most}{glimpses} glimpses of {retina.patch} × {retina.patch}, {scales}"


def _facts(contents: ImageContents) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    experiment, env, found = contents.trained.experiment, contents.trained.env, contents.found
    steps, size = len(found.location), f"{env.retina.height} × {env.retina.width}"
    ends_early = bool(found.glimpses.min() < steps)
    taken = [("Glimpses taken", _glimpses_text(found.glimpses))] if ends_early else []
    how = ", greedy" if contents.trained.agent.stochastic else ""
    error = "Validation failures" if contents.asked == "reward" else "Validation error"
    missed = f"{100 * found.wrong.mean():.2f} % of {len(found.label):,}"
    if found.miss_after is not None:
        missed = f"{found.miss_after[-1].mean():.4g}, the mean of {len(found.label):,}"
    shown = ("Images", f"{size}, {_asked_text(contents)}") if contents.asked != "reward" else ("Screen", size)
    return [
        ("Task", experiment.task.name),
        shown,
        ("Observation", _observation_text(env, steps, ends_early)),
        ("Agent", experiment.agent.name),
        (error, missed + how),
        *taken,
    ]


def _asked_text(contents: ImageContents) -> str:
    """Return what is asked for in words."""
    env = contents.trained.env
    if contents.asked == "scores":
        return "a score from {:g} to {:g}".format(*env.scores)
    return f"{len(env.classes)} {'labels, any number of them' if contents.asked == 'many' else 'classes'}"


def _glimpses_text(glimpses: Integers) -> str:
    """Return the mean of numbers of glimpses (E,) in words, and the share of each number if there are few."""
    numbers, counts = np.unique(glimpses, return_counts=True)
    shares = ", ".join(
        f"{number}: {100 * count / len(glimpses):.0f} %" for number, count in zip(numbers, counts, strict=True)
    )
    return f"{glimpses.mean():.2f} on average" + (f" ({shares})" if len(numbers) <= _MOST_SHARES else "")


def _results(contents: ImageContents, by_glimpse: Chart) -> str:
    """Return the tables of evaluations, and the chart of the error after each glimpse if there are several."""
    tables = "".join(_table(one, contents) for one in contents.evaluations)
    tables += not_measured(contents)
    measures = measures_body(contents.evaluations)
    if len(by_glimpse.series[0].points) < 2:
        return tables + measures
    early = (
        " Where an episode had stopped by then, its last answer counts."
        if contents.found.glimpses.min() < len(contents.found.location)
        else ""
    )
    what = "100 less 100 times Pearson's r" if contents.asked == "scores" and contents.evaluations else "The error"
    caption = f"{what} if the answer after this number of glimpses counted.{early}{_episodes_text(contents)}"
    return tables + single_chart(by_glimpse, caption, untrained_note(contents)) + measures


def _episodes_text(contents: ImageContents) -> str:
    """Return which episodes the chart of the error after each glimpse is of."""
    if not contents.evaluations:
        greedy = "Greedy episodes" if contents.trained.agent.stochastic else "Episodes"
        return f" {greedy} on {len(contents.found.label):,} validation images."
    agent, *controls = contents.evaluations[0].scores.values()
    return f" Grey: the controls, mean of {agent.copies}." if controls else ""


def _table(measured: Evaluation, contents: ImageContents) -> str:
    """Return the table of the agent's errors on a split, and below them those with other locations."""
    step, answers = contents.trained.step, contents.asked != "reward"
    if not contents.trained.agent.stochastic:
        return _single_table(measured, step)
    (name, agent), *controls = measured.scores.items()
    names = ["Greedy", "One sample", *([f"Mean of {agent.copies}"] if answers else []), "Glimpses"]
    between = (
        f'<tr class="between"><th colspan="{len(names) + 1}">Same weights, other locations</th></tr>'
        if controls
        else ""
    )
    others = "".join(_row(other, scores, answers) for other, scores in controls)
    what = "scores" if contents.asked == "scores" else "probabilities"
    averaged = f" Mean of {agent.copies}: {what} averaged over {agent.copies} rollouts." if answers else ""
    averaged += _score_errors(measured)
    title = f"{measured.title} {_measure_name(agent.averaged, answers)}"
    shows = "images" if answers else "episodes"
    caption = f"""{agent.greedy.episodes:,} {escape(measured.split)} {shows}; small, the 95 % interval.
Greedy: the mean location at each step. One sample: one rollout with sampled locations.{averaged}"""
    return scores_table(measured, step, title, names, _row(name, agent, answers), caption, between + others)


def _single_table(measured: Evaluation, step: int) -> str:
    """Return the table of a deterministic agent, which has a single error."""
    ((name, scores), *_) = measured.scores.items()
    row = f'<tr><th scope="row">{escape(name)}</th>{score_cell(scores.averaged)}</tr>'
    caption = f"{scores.averaged.episodes:,} {escape(measured.split)} images; small, the 95 % interval."
    name, head = _measure_name(scores.averaged, True), "Pearson's r" if scores.averaged.is_correlation else "Error"
    return scores_table(measured, step, f"{measured.title} {name}", [head], row, caption + _score_errors(measured))


def _measure_name(score: Score, answers: bool) -> str:
    """Return the name of what a table shows."""
    if score.is_correlation:
        return "Pearson's r"
    exact = "exact-match " if "micro_f1" in score.figures else ""
    return f"{exact}error, %" if answers else "failures, %"


def _score_errors(measured: Evaluation) -> str:
    """Return a sentence with the errors of predicted scores; "" where none are predicted."""
    found = measured.score_measures
    if found is None:
        return ""
    return f" Mean absolute error {found.absolute_error:.4g}, mean squared error {found.squared_error:.4g}."


def _row(name: str, scores: Scores, answers: bool) -> str:
    """Return the table row of one set of scores."""
    shown = [scores.greedy, scores.sampled, *([scores.averaged] if answers else [])]
    cells = "".join(map(score_cell, shown))
    return f'<tr><th scope="row">{escape(name)}</th>{cells}<td>{scores.glimpses:.2f}</td></tr>'
