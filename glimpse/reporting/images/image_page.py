"""HTML page of the report of a run on images."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from PIL import Image

from glimpse.envs.images.picture_env import VisualEnv
from glimpse.envs.images.whole_view import WholeView
from glimpse.evaluation.replay import Integers
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.html_page import Section, config_section, not_measured, report_page, training_section
from glimpse.reporting.html_parts import number_table, single_chart
from glimpse.reporting.images.animation_figure import animation_figure
from glimpse.reporting.images.diagnostics_section import diagnostics_body
from glimpse.reporting.images.episode_sections import glimpses_body, scanpaths_body
from glimpse.reporting.images.image_contents import ImageContents, failure_name, glance_side
from glimpse.reporting.images.location_sections import heat_maps_body
from glimpse.reporting.images.mistakes_section import image_mistakes_body
from glimpse.reporting.measures_section import measures_body
from glimpse.reporting.score_tables import Wording, score_table

_MOST_SHARES = 8
_LEAD = "Every {} on this page is from the validation split"
_GREEDY = ", and the agent is greedy: it looks at the mean location of its policy, or at the likeliest one"


def image_page_html(
    contents: ImageContents,
    frames: Sequence[Image.Image],
    durations: Sequence[int],
    by_glimpse: Chart | None,
    curves: Sequence[Chart],
    detail: float = 1.0,
) -> str:
    """Return the page as HTML.

    Args:
        contents: data of the page.
        frames: frames of the animation.
        durations: their durations in milliseconds.
        by_glimpse: chart of the error after each glimpse; None for none.
        curves: training curves.
        detail: factor of the sides of pictures.
    """
    scanpaths, answers = contents.has_scanpath, contents.asked != "reward"
    noise = "sampled locations" if contents.trained.agent.stochastic else "the weights of that step"
    diagnostics = contents.found.scanpath
    sections = [
        Section("results", "Results", _results(contents, by_glimpse)),
        training_section(contents, curves, noise),
        *([Section("diagnostics", "Diagnostics", diagnostics_body(contents, diagnostics))] if diagnostics else []),
        Section("paths", "Scanpaths" if scanpaths else "Answers", scanpaths_body(contents, detail)),
        Section("glimpses", "One glimpse at a time", glimpses_body(contents, detail)),
        *([Section("locations", "Locations", heat_maps_body(contents, detail))] if scanpaths else []),
        Section("mistakes", "Mistakes" if answers else "Failures", image_mistakes_body(contents, detail)),
        config_section(contents),
    ]
    experiment = contents.trained.experiment
    title = f"{experiment.agent.name} on {experiment.task.name}"
    lead = f"{_LEAD.format(contents.shows[:-1])}{_GREEDY if contents.trained.agent.stochastic else ''}."
    hero = animation_figure(contents, frames, durations, detail)
    return report_page(contents, title, lead, _facts(contents), hero, sections)


def _observation_text(env: VisualEnv, glimpses: int, ends_early: bool) -> str:
    """Return the agent's observation in words."""
    if isinstance(env.retina, WholeView):
        return "the whole image" + f", {glimpses} times" * (glimpses > 1)
    retina = env.retina.options
    scales = "one scale" if retina.scales == 1 else f"{retina.scales} scales"
    most = "at most " if ends_early else ""
    zoom = f", {env.zoom.describe()}" if env.zoom is not None else ""
    side = glance_side(env)
    glance = f", and a glance: the whole image in {side} × {side} pixels" if side else ""
    return f"{most}{glimpses} glimpses of {retina.patch} × {retina.patch}, {scales}{zoom}{glance}"


def _facts(contents: ImageContents) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    experiment, env, found = contents.trained.experiment, contents.trained.env, contents.found
    steps, size = len(found.location), f"{env.retina.height} × {env.retina.width}"
    ends_early = bool(found.glimpses.min() < steps)
    how = ", greedy" if contents.trained.agent.stochastic else ""
    taken = [(f"Glimpses taken{how}", _glimpses_text(found.glimpses))] if ends_early else []
    shown = ("Images", f"{size}, {_asked_text(contents)}") if contents.asked != "reward" else ("Screen", size)
    # An evaluation of these weights has the number already, maybe on another device, where rounding differs.
    missed = (
        []
        if contents.measured_here()
        else [(contents.of_these_weights(failure_name(contents)), _missed_text(contents))]
    )
    return [
        ("Task", experiment.task.name),
        shown,
        ("Observation", _observation_text(env, steps, ends_early)),
        ("Agent", experiment.agent.name),
        *missed,
        *taken,
    ]


def _missed_text(contents: ImageContents) -> str:
    """Return the share of wrong answers or failures of the validation split, or the mean error of scores."""
    found = contents.found
    if found.miss_after is not None:
        return f"{found.miss_after[-1].mean():.4g}, the mean of {len(found.label):,}"
    return f"{100 * found.wrong.mean():.2f} % of {len(found.label):,}"


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


def _results(contents: ImageContents, by_glimpse: Chart | None) -> Markup:
    """Return the tables of evaluations, the chart of the error after each glimpse, and further measures."""
    wording = Wording(contents.shows, "the mean location of the policy, or the likeliest", "locations", "Glimpses")
    tables = [number_table(score_table(one, contents, wording)) for one in contents.evaluations]
    parts = [*tables, not_measured(contents, [one.split for one in contents.evaluations])]
    if by_glimpse is not None:
        parts.append(single_chart(by_glimpse, _chart_caption(contents)))
    return Markup("").join([*parts, measures_body(contents)])


def _chart_caption(contents: ImageContents) -> str:
    """Return what the chart of the error after each glimpse shows."""
    ends_early = contents.found.glimpses.min() < len(contents.found.location)
    early = " Where an episode had stopped by then, its last answer counts." if ends_early else ""
    what = "100 less 100 times Pearson's r" if contents.asked == "scores" and contents.evaluations else "The error"
    return f"{what} if the answer after this number of glimpses counted.{early}{_episodes_text(contents)}"


def _episodes_text(contents: ImageContents) -> str:
    """Return which episodes the chart of the error after each glimpse is of."""
    if not contents.evaluations:
        greedy = "Greedy episodes" if contents.trained.agent.stochastic else "Episodes"
        return f" {greedy} on {len(contents.found.label):,} validation images."
    agent, *controls = contents.evaluations[0].scores.values()
    mode = f", M = {agent.copies}" * contents.trained.agent.stochastic
    return f" Grey: the controls{mode}." if controls else ""
