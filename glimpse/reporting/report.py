"""`glimpse show`: a page that holds everything about a run, and its pictures one by one as files."""

from pathlib import Path

from glimpse.envs.lanes import shows_pictures
from glimpse.reporting.drawing.animation import animation, gif
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.heat_maps import heat_sheet
from glimpse.reporting.drawing.scanpaths import paths_sheet, png
from glimpse.reporting.images.image_contents import gather, glimpse_chart
from glimpse.reporting.images.image_page import picture_page
from glimpse.reporting.run_record import Record, read_record, training_charts
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.trained_run import open_run


def show_command(run: Path, output: Path | None, episodes: int) -> None:
    """Write a run's report and print what was written.

    Args:
        run: the run's folder.
        output: where to write; RUN/report by default. Files of an earlier report are replaced, each in one step.
        episodes: how many scan paths, or texts, are shown.

    Raises:
        UserError: if there is no run, no checkpoint, or nothing can be written.
        DataError: if the data cannot be had.
    """
    record = read_record(run, open_run(run, "validation", None, print))
    if shows_pictures(record.trained.world):
        files = picture_files(record, episodes)
    else:
        files = _text_files(record, episodes)
    for path in write_files(output or record.trained.folder.report, files):
        print(path)


def _text_files(record: Record, texts: int) -> dict[str, bytes]:
    """The files of a report on texts: translated, read whole, or piece by piece."""
    from glimpse.envs.text.whole_text import Reading
    from glimpse.envs.translation.translating import Translating
    from glimpse.reporting.text.skim_report import skim_files
    from glimpse.reporting.text.text_report import text_files

    world: object = record.trained.world
    if isinstance(world, Translating):
        from glimpse.reporting.translation.translation_report import translation_files

        return translation_files(record, texts)
    return text_files(record, texts) if isinstance(world, Reading) else skim_files(record, texts)


def picture_files(record: Record, episodes: int) -> dict[str, bytes]:
    """The files of a report on pictures, by name."""
    contents = gather(record, episodes)
    world = contents.trained.world
    frames, durations = animation(contents.animated, world.retina, world.classes)
    moving = gif(frames, durations)
    curves, by_glimpse = training_charts(contents.metrics), glimpse_chart(contents)
    return {
        "episode.gif": moving,
        "paths.png": png(paths_sheet(contents.shown, world.retina, world.classes, side=200)),
        "heat.png": png(heat_sheet(contents.heat, side=160)),
        "curves.png": png(charts_image([by_glimpse, *curves])),
        "index.html": picture_page(contents, moving, frames[-1], by_glimpse, curves).encode(),
    }


def write_files(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """Write files into a folder, each in one step; whatever else is there stays.

    Raises:
        UserError: if they cannot be written.
    """
    with reporting_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in files.items():
        with reporting_write_errors(folder / name):
            replace_file(folder / name, data)
        paths.append(folder / name)
    return paths
