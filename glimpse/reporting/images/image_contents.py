"""Data for the report of a run on images: episodes of its agent on the validation split.

Images of the test set are never shown.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from glimpse.envs.core import what_is_asked
from glimpse.evaluation.diagnostics import is_glimpsed
from glimpse.evaluation.replay import Replay, Survey, evenly, replay, survey
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.drawing.heat_maps import HeatMap, heat_maps
from glimpse.reporting.run_record import RunRecord

_MOST_PLAYED = 10_000
_ANIMATED = 4
_MISTAKES = 12
_CLASSES = 20


@dataclass(frozen=True)
class ImageContents(RunRecord):
    """All data of the page.

    found: results of greedy episodes on the validation split.
    shown: some episodes, spread evenly over the split.
    mistakes: wrong answers, the most confident first; or the scores with the largest errors.
    heat: heat maps of the locations, by class.
    """

    found: Survey
    shown: list[Replay]
    mistakes: list[Replay]
    heat: list[HeatMap]

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


def gather(record: RunRecord, episodes: int) -> ImageContents:
    """Play the run's agent on the validation split, and replay `episodes` episodes to be shown."""
    trained = record.trained
    env, agent, options = trained.env, trained.agent, trained.experiment.evaluate
    found = survey(agent, env, evenly(env.examples, _MOST_PLAYED), options)
    shown = replay(agent, env, evenly(env.examples, episodes), options)
    worst = found.confidence * found.wrong if found.miss_after is None else found.miss_after[-1]
    surest = sorted((worst > 0).nonzero()[0].tolist(), key=lambda number: -worst[number])
    mistakes = replay(agent, env, found.example[surest[:_MISTAKES]].tolist(), options)
    # Rounding differs with the batch size, which may turn a close answer.
    mistakes = [episode for episode in mistakes if not episode.right]
    heat = heat_maps(found, env, options, _CLASSES)
    return ImageContents(**vars(record), found=found, shown=shown, mistakes=mistakes, heat=heat)


def glimpse_chart(contents: ImageContents) -> Chart:
    """Return the chart of the error after each glimpse, from the evaluation or else from the greedy episodes."""
    if not contents.evaluations:
        line = _glimpse_series("greedy", contents.found.error_after_glimpse(), "agent")
        what = "absolute error after each glimpse" if contents.asked == "scores" else "error after each glimpse, %"
        return Chart(f"Validation {what}", "glimpses", (line,), ratio=True)
    measured = contents.evaluations[0]
    of_scores = contents.asked == "scores"
    title = f"{measured.title} {'100 (1 - r) after each glimpse' if of_scores else 'error after each glimpse, %'}"
    (_, agent), *controls = measured.scores.items()
    if not contents.trained.agent.stochastic:
        return Chart(title, "glimpses", (_glimpse_series("error", agent.averaged.after_glimpse, "agent"),), ratio=True)
    lines = (
        _glimpse_series(f"mean of {agent.copies}", agent.averaged.after_glimpse, "averaged"),
        _glimpse_series("greedy", agent.greedy.after_glimpse, "agent"),
        _glimpse_series("one sample", agent.sampled.after_glimpse, "sampled"),
        *(_glimpse_series(name, control.averaged.after_glimpse, "control") for name, control in controls),
    )
    return Chart(title, "glimpses", lines, ratio=True)


def _glimpse_series(name: str, errors: list[float], tone: Tone) -> Series:
    """Return errors after 1, 2, ... glimpses as a line of the chart."""
    return Series(name, tuple(enumerate(errors, start=1)), tone)
