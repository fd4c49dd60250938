"""Files of the report of a run on images, and the picture that is logged to the tracker."""

from pathlib import Path

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.replay import evenly, replay
from glimpse.reporting.drawing.animation import animation
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.heat_maps import heat_sheet
from glimpse.reporting.drawing.scanpaths import paths_sheet, png
from glimpse.reporting.images.image_contents import gather, glimpse_chart
from glimpse.reporting.images.image_page import image_page_html
from glimpse.reporting.report_size import fitting_files
from glimpse.reporting.run_record import RunRecord, training_charts
from glimpse.reporting.small_pictures import small_gif, small_png
from glimpse.reporting.tracked_picture import TrackedPicture
from glimpse.runs.durable import replace_file, reporting_write_errors

_TRACKED = 12
_MOST_GIF, _MOST_PNG = 600_000, 200_000
"""Largest files of pictures beside the page, in bytes."""
_MOST_TILES = 48
"""Most scanpaths in a picture beside the page."""


def image_files(record: RunRecord, episodes: int) -> dict[str, bytes]:
    """Return the files of the report by name; `episodes` scanpaths are shown, or as many as fit."""
    contents = gather(record, episodes)
    env = contents.trained.env
    curves, by_glimpse = training_charts(contents), glimpse_chart(contents)

    def write(count: int, detail: float) -> dict[str, bytes]:
        shown = contents.showing(count)
        frames, durations = animation(shown.animated, env.retina, env.classes)
        page = image_page_html(shown, frames, durations, by_glimpse, curves, detail)
        some = [shown.shown[number] for number in evenly(count, _MOST_TILES)]
        paths = paths_sheet(some, env.retina, env.classes, side=round(200 * detail))
        return {
            "episode.gif": small_gif(frames, durations, round(_MOST_GIF * detail)),
            "paths.png": small_png(paths, round(_MOST_PNG * detail)),
            "heat.png": small_png(heat_sheet(shown.heat, side=160), _MOST_PNG),
            "curves.png": png(charts_image([*([by_glimpse] if by_glimpse else []), *curves])),
            "index.html": page.encode(),
        }

    return fitting_files(write, len(contents.shown))


def tracked_scanpaths(agent: Agent, env: VisualEnv, folder: Path) -> TrackedPicture:
    """Write `scanpaths.png`: scanpaths on some images of the validation split, the same ones each time."""
    path = folder / "scanpaths.png"
    write_scanpaths(agent, env, _TRACKED, path)
    return TrackedPicture("scanpaths", path, "scanpaths on validation images")


def write_scanpaths(agent: Agent, env: VisualEnv, episodes: int, path: Path) -> None:
    """Write a PNG of scanpaths on images spread evenly over the environment's split, the same ones each time.

    Raises:
        UserError: if the file cannot be written.
    """
    shown = replay(agent, env, evenly(env.examples, episodes), EvaluateOptions())
    with reporting_write_errors(path):
        replace_file(path, png(paths_sheet(shown, env.retina, env.classes, side=140)))
