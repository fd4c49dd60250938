"""What a report tells of a run at pictures: what its agent does on the validation split.

The test set is for measuring only, so none of its images is shown.
"""

from dataclasses import dataclass

import numpy as np

from glimpse.evaluation.diagnostics import is_glimpsed
from glimpse.evaluation.replay import Replay, Survey, evenly, replay, survey
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.drawing.heat_maps import HeatMap, heat_maps
from glimpse.reporting.run_record import Record

_MOST_PLAYED = 10_000
_ANIMATED = 4
_MISTAKES = 12
_CLASSES = 20


@dataclass(frozen=True)
class Contents(Record):
    """Everything that the page tells.

    found: greedy episodes on the validation split.
    shown: some of them, evenly spread over the split.
    mistakes: wrong answers, the most confident first.
    heat: where the gaze fell, by class.
    """

    found: Survey
    shown: list[Replay]
    mistakes: list[Replay]
    heat: list[HeatMap]

    @property
    def shows(self) -> str:
        """What an episode is about, in the plural."""
        return "images" if self.trained.world.classes else "episodes"

    @property
    def looks_around(self) -> bool:
        """Whether there is a path of the gaze to show: not where all is seen and the gaze rests."""
        return self.is_glimpsed or bool(np.ptp(self.found.place, axis=0).max() > 1e-6)

    @property
    def is_glimpsed(self) -> bool:
        """Whether the agent is shown less than the whole picture."""
        return is_glimpsed(self.trained.world)

    @property
    def scales(self) -> int:
        """How many boxes there are for each glimpse; 0 where no box tells what is read."""
        if self.is_glimpsed:
            return self.trained.world.retina.options.scales
        boxes = self.shown[0].boxes
        return 0 if boxes is None else boxes.shape[1]

    @property
    def animated(self) -> list[Replay]:
        """The episodes that are shown glimpse by glimpse."""
        return self.shown[:: -(-len(self.shown) // _ANIMATED)]


def gather(record: Record, episodes: int) -> Contents:
    """Play the run's agent on the validation split."""
    trained = record.trained
    world, agent, options = trained.world, trained.agent, trained.experiment.evaluate
    found = survey(agent, world, evenly(world.examples, _MOST_PLAYED), options)
    shown = replay(agent, world, evenly(world.examples, episodes), options)
    surest = sorted(found.wrong.nonzero()[0].tolist(), key=lambda number: -found.confidence[number])
    mistakes = replay(agent, world, found.example[surest[:_MISTAKES]].tolist(), options)
    # A batch of another size may round otherwise, which turns an answer that hung by a hair.
    mistakes = [episode for episode in mistakes if not episode.right]
    heat = heat_maps(found, world, options, _CLASSES)
    return Contents(**vars(record), found=found, shown=shown, mistakes=mistakes, heat=heat)


def glimpse_chart(contents: Contents) -> Chart:
    """Error after each number of glimpses: as evaluated, or else of the greedy validation episodes."""
    if not contents.evaluations:
        line = _by_glimpse("greedy", contents.found.error_after_glimpse(), "agent")
        return Chart("Validation error after each glimpse, %", "glimpses", (line,), ratio=True)
    measured = contents.evaluations[0]
    title = f"{measured.split.capitalize()} error after each glimpse, %"
    (_, agent), *controls = measured.scores.items()
    if not contents.trained.agent.samples:
        return Chart(title, "glimpses", (_by_glimpse("error", agent.averaged.after_glimpse, "agent"),), ratio=True)
    lines = (
        _by_glimpse(f"mean of {agent.copies}", agent.averaged.after_glimpse, "averaged"),
        _by_glimpse("greedy", agent.greedy.after_glimpse, "agent"),
        _by_glimpse("one sample", agent.sampled.after_glimpse, "sampled"),
        *(_by_glimpse(name, control.averaged.after_glimpse, "control") for name, control in controls),
    )
    return Chart(title, "glimpses", lines, ratio=True)


def _by_glimpse(name: str, errors: list[float], tone: Tone) -> Series:
    return Series(name, tuple(enumerate(errors, start=1)), tone)
