"""Figures of a comparison with people: right answers after each look, and maps of where people and the agent look."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from PIL import Image

from glimpse.envs.images.classification import Classification
from glimpse.envs.images.shown_digits import ShownDigits, load_shown_digits
from glimpse.evaluation.people_comparison import AGENT, PEOPLE, SALIENCY, TITLES, PlayedLooks, play_as_people
from glimpse.evaluation.replay import Survey
from glimpse.reporting.drawing.charts import Chart, Series, Tone, chart_marks
from glimpse.reporting.drawing.heat_maps import heat_images, heat_maps
from glimpse.reporting.drawing.scanpaths import PALE, png, sheet
from glimpse.reproduction.figure_parts import WIDTH, Figure, MeasuredEntry
from glimpse.reproduction.people_page import right_after_looks
from glimpse.runs.trained_run import TrainedRun, open_run

_TONES: dict[str, Tone] = {
    "people": "paper",
    "agent": "agent",
    "random": "control",
    "saliency": "sampled",
    "at_people": "averaged",
}
_SIDE = 140
"""Side of a map, in pixels."""


def people_figure(lines: Sequence[MeasuredEntry]) -> Figure:
    """Draw the right answers after each look: a line for people, the agent, and each way to look of its network."""
    series = []
    for line in lines:
        for name, title in TITLES.items():
            shares = right_after_looks(line.results, f"right_{name}")
            points = tuple((float(look), mean(values)) for look, values in enumerate(shares, 1))
            series.append(Series(title, points, _TONES[name]))
    chart = Chart("Right answers, %", "looks", tuple(series))
    return Figure(chart_marks(chart, WIDTH, 380), WIDTH, 380)


def people_maps(run: Path) -> bytes:
    """Draw where people, a run's agent, and the windows of largest variance look, by class, as a PNG.

    Raises:
        UserError: if the run cannot be read.
        DataError: if there is no copy of what people did.
    """
    trained = open_run(run, None, "cpu", print)
    shown = load_shown_digits(trained.experiment.data.root, download=trained.experiment.data.download)
    played = play_as_people(trained.agent, trained.env, shown, trained.experiment.evaluate.seed)
    looks = {PEOPLE: PlayedLooks(shown.people.right, shown.people.look, shown.example), **played}
    tiles: list[Image.Image] = []
    captions: list[str] = []
    for name in (PEOPLE, AGENT, SALIENCY):
        images, names = _maps(trained, shown, looks[name])
        tiles += images
        captions += [f"{TITLES[name]}: {one}" for one in names]
    return png(sheet(tiles, [(caption, PALE) for caption in captions], columns=len(tiles) // 3))


def _maps(trained: TrainedRun, shown: ShownDigits, played: PlayedLooks) -> tuple[list[Image.Image], list[str]]:
    """Return the maps of all classes and of each, and their names."""
    env = Classification(trained.env.options, shown.data, device=trained.env.device)
    count, steps = played.right.shape
    survey = Survey(
        example=played.example.numpy(),
        label=shown.data.labels[played.example].numpy(),
        glimpses=np.full(count, steps),
        location=played.look.transpose(0, 1).numpy(),
        answer=np.zeros((steps, count), np.int64),
        confidence=np.ones(count, np.float32),
        wrong_after=~played.right.T.numpy(),
    )
    maps = heat_maps(survey, env, trained.experiment.evaluate, len(env.classes))
    return heat_images(maps, _SIDE), [one.name for one in maps]
