"""Data for the report of a run on images: episodes of its agent on the validation split.

Images of the test set are never shown.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from glimpse.agents.ability_questions import trains_every_answer
from glimpse.envs.core import what_is_asked
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.diagnostics import is_glimpsed
from glimpse.evaluation.replay import Replay, Survey, evenly, replay, survey
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.drawing.heat_maps import HeatMap, heat_maps
from glimpse.reporting.measure_names import result_name
from glimpse.reporting.report_size import MOST_SHOWN, fewer_note
from glimpse.reporting.run_record import RunRecord
from glimpse.reporting.score_tables import acting

_MOST_PLAYED = 10_000
_ANIMATED = 4
_MISTAKES = 12
_CLASSES = 20
_TONES: dict[str, Tone] = {"greedy": "agent", "M = 1": "sampled"}


@dataclass(frozen=True)
class ImageContents(RunRecord):
    """All data of the page.

    found: results of greedy episodes on the validation split.
    shown: some episodes, spread evenly over the split.
    mistakes: wrong answers, the most confident first; or the scores with the largest errors.
    heat: heat maps of the locations, by class.
    wanted: number of episodes that should be shown.
    """

    found: Survey
    shown: list[Replay]
    mistakes: list[Replay]
    heat: list[HeatMap]
    wanted: int

    @property
    def fewer_note(self) -> str:
        """A sentence if fewer episodes are shown than the split has and were asked for; else ""."""
        return fewer_note(len(self.shown), min(self.wanted, self.trained.env.examples))

    @property
    def asked(self) -> Literal["classes", "scores", "many", "reward"]:
        """What the agent is asked for; see `what_is_asked`."""
        return what_is_asked(self.trained.env)

    @property
    def shows(self) -> str:
        """The word for episodes: `images` where an answer is asked for, else `episodes`."""
        return "episodes" if self.asked == "reward" else "images"

    @property
    def has_scanpath(self) -> bool:
        """True if there is a scanpath to show: not if the whole image is seen and the location is constant."""
        return self.is_glimpsed or bool(np.ptp(self.found.location, axis=0).max() > 1e-6)

    @property
    def is_glimpsed(self) -> bool:
        """True if the agent sees less than the whole image at once."""
        return is_glimpsed(self.trained.env)

    @property
    def scales(self) -> int:
        """The number of boxes of each glimpse; 0 if boxes do not describe what is read."""
        if self.is_glimpsed:
            return int(self.trained.env.retina.options.scales)
        boxes = self.shown[0].boxes
        return 0 if boxes is None else boxes.shape[1]

    @property
    def animated(self) -> list[Replay]:
        """Episodes that are shown glimpse by glimpse."""
        return self.shown[:: -(-len(self.shown) // _ANIMATED)]

    @property
    def has_answers_after_each_glimpse(self) -> bool:
        """True if one class, score or set of labels is asked for, and every answer on the way to it is trained."""
        trained = self.trained
        return bool(trained.env.answers == 1) and trains_every_answer(trained.experiment.agent)

    def showing(self, count: int) -> "ImageContents":
        """Return the same contents with `count` of the shown episodes, spread evenly."""
        return replace(self, shown=[self.shown[number] for number in evenly(len(self.shown), count)])


def gather(record: RunRecord, episodes: int) -> ImageContents:
    """Play the run's agent on the validation split, and replay `episodes` episodes to be shown."""
    trained = record.trained
    env, agent, options = trained.env, trained.agent, trained.experiment.evaluate
    found = survey(agent, env, evenly(env.examples, _MOST_PLAYED), options)
    shown = replay(agent, env, evenly(env.examples, min(episodes, MOST_SHOWN)), options)
    worst = found.confidence * found.wrong if found.miss_after is None else found.miss_after[-1]
    surest = sorted((worst > 0).nonzero()[0].tolist(), key=lambda number: -worst[number])
    mistakes = replay(agent, env, found.example[surest[:_MISTAKES]].tolist(), options)
    # Rounding differs with the batch size, which may turn a close answer.
    mistakes = [episode for episode in mistakes if not episode.right]
    heat = heat_maps(found, env, options, _CLASSES)
    return ImageContents(**vars(record), found=found, shown=shown, mistakes=mistakes, heat=heat, wanted=episodes)


def glance_side(env: VisualEnv) -> int:
    """Return the side of the glance, the whole image in few pixels, that each observation has beside the glimpse, or 0.

    Drawings do not show it.
    """
    glance = env.observation_space.spaces.get("glance")
    return 0 if glance is None or glance.shape is None else glance.shape[-1]


def glimpse_chart(contents: ImageContents) -> Chart | None:
    """Return the chart of the error after each glimpse, from the evaluation or else from the greedy episodes.

    There is none of an agent whose loss trains the last answer alone, or of episodes of one glimpse.
    """
    if not contents.has_answers_after_each_glimpse or len(contents.found.location) < 2:
        return None
    stochastic = contents.trained.agent.stochastic
    if not contents.evaluations:
        line = _glimpse_series("error", contents.found.error_after_glimpse(), "agent")
        what = "mean absolute error" if contents.asked == "scores" else "error, %"
        mode = ", greedy" * stochastic
        return Chart(f"Validation {what}, after each glimpse{mode}", "glimpses", (line,), ratio=True)
    measured = contents.evaluations[0]
    what = "100 (1 - Pearson's r)" if contents.asked == "scores" else "error, %"
    title = f"{measured.title} {what}, after each glimpse"
    (_, agent), *controls = measured.scores.items()
    ways = acting(agent, stochastic)
    lines = [
        _glimpse_series(way or "error", score.after_glimpse, _TONES.get(way, "averaged" if way else "agent"))
        for way, score in reversed(ways.items())
    ]
    mode = next(reversed(ways))
    lines += [
        _glimpse_series(name, acting(control, stochastic)[mode].after_glimpse, "control") for name, control in controls
    ]
    return Chart(title, "glimpses", tuple(lines), ratio=True)


def failure_name(contents: ImageContents) -> str:
    """Return the name of what the greedy episodes of the validation split show: errors, or failures."""
    mode = "greedy" if contents.trained.agent.stochastic else ""
    if contents.asked == "scores":
        return f"Validation {result_name('absolute_error', mode)[:1].lower()}{result_name('absolute_error', mode)[1:]}"
    what = "Validation failures" if contents.asked == "reward" else "Validation error"
    return f"{what}, {mode}" if mode else what


def _glimpse_series(name: str, errors: list[float], tone: Tone) -> Series:
    """Return errors after 1, 2, ... glimpses as a line of the chart."""
    return Series(name, tuple(enumerate(errors, start=1)), tone)
