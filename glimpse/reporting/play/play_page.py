"""`glimpse report RUN --play FILE.html`: write the page to play with, one file without a network."""

import json
import string
from html import escape
from pathlib import Path
from typing import Any

from glimpse.errors import UserError
from glimpse.reporting.play.page_pictures import PagePictures, page_pictures
from glimpse.reporting.play.play_data import play_data, refuse_unplayable
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.run_source import find_run
from glimpse.runs.trained_run import Say, TrainedRun, open_run

MOST_BYTES = 1_000_000
"""Largest page."""
SCRIPTS = (
    "agent.js",
    "anytime.js",
    "drawing.js",
    "board.js",
    "belief.js",
    "curve.js",
    "watch.js",
    "game.js",
    "self_test.js",
    "page.js",
)
"""Files that make the page's script, in their order."""
FEWEST = 8
"""Fewest pictures of a page; with fewer there is nothing to shuffle."""


def play_command(run: Path, file: Path, say: Say = print) -> None:
    """Write the page of a run's agent.

    Args:
        run: folder or name of the run, see `find_run`.
        file: the page, .html.
        say: prints a line for the user.

    Raises:
        UserError: if there is no run, its agent cannot be played in a page, or the file cannot be written.
        DataError: if there are no pictures to play with.
    """
    if file.suffix not in (".html", ".htm"):
        raise UserError(f"expected a file name that ends in .html, such as {file.stem or 'play'}.html, got {file}")
    trained = open_run(find_run(run), None, "cpu", say)
    refuse_unplayable(trained)
    shown = page_pictures(trained, say)
    page = _fitting_page(trained, run.name, shown)
    with reporting_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, page)
    say(f"{file} ({len(page):,} bytes)")


def _fitting_page(trained: TrainedRun, name: str, shown: PagePictures) -> bytes:
    """Return the page with as many of the pictures as fit into it."""
    count, held = len(shown.labels), b""
    while count >= min(FEWEST, len(shown.labels)):
        few = shown._replace(pictures=shown.pictures[:count], labels=shown.labels[:count])
        held = play_page(play_data(trained, name, few)).encode()
        if len(held) <= MOST_BYTES:
            return held
        count -= 1 + (len(held) - MOST_BYTES) * 3 // (4 * shown.pictures[0].size)
    raise UserError(
        f"a page of {trained.folder.path} would have {len(held):,} bytes with {FEWEST} pictures, more than "
        f"{MOST_BYTES:,}. Make a page of the run in 8 bits (glimpse publish {trained.folder.path} FOLDER --bits 8), "
        "or choose a run with smaller pictures, or of narrower networks (agent.memory_width)"
    )


def play_page(data: dict[str, Any]) -> str:
    """Return the page as HTML; see `play_data`."""
    parts = {
        "title": escape(data["title"]),
        "style": _part("page.css"),
        "script": "\n".join(_part(name) for name in SCRIPTS),
        # A `<` could end the element that holds the data.
        "data": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
    }
    return string.Template(_part("page.html")).substitute(parts)


def _part(name: str) -> str:
    """Return a file of this folder."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
