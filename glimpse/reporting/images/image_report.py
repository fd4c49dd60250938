"""Files of the report of a run on images, and the picture that is logged to the tracker."""

from pathlib import Path

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.replay import evenly, replay
from glimpse.reporting.drawing.animation import animation, gif
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.heat_maps import heat_sheet
from glimpse.reporting.drawing.scanpaths import paths_sheet, png
from glimpse.reporting.images.image_contents import gather, glimpse_chart
from glimpse.reporting.images.image_page import image_page_html
from glimpse.reporting.run_record import RunRecord, training_charts
from glimpse.reporting.tracked_picture import TrackedPicture
from glimpse.runs.durable import replace_file, reporting_write_errors

_TRACKED = 12


def image_files(record: RunRecord, episodes: int) -> dict[str, bytes]:
    """Return the files of the report by name; `episodes` scanpaths are shown."""
    contents = gather(record, episodes)
    env = contents.trained.env
    frames, durations = animation(contents.animated, env.retina, env.classes)
    moving = gif(frames, durations)
    curves, by_glimpse = training_charts(contents.metrics), glimpse_chart(contents)
    return {
        "episode.gif": moving,
        "paths.png": png(paths_sheet(contents.shown, env.retina, env.classes, side=200)),
        "heat.png": png(heat_sheet(contents.heat, side=160)),
        "curves.png": png(charts_image([by_glimpse, *curves])),
        "index.html": image_page_html(contents, moving, frames[-1], by_glimpse, curves).encode(),
    }


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
