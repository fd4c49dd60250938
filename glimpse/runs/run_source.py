"""Runs by name: a folder, an agent of the zoo that comes with glimpse, or a repository of the Hugging Face Hub."""

import json
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from glimpse.config.mistakes import nearest
from glimpse.errors import UserError
from glimpse.runs.durable import reporting_write_errors
from glimpse.runs.hub_run import HUB, copy_run, fetch_run, parse_repository
from glimpse.runs.run_folder import CONFIG

ZOO = "zoo:"


def zoo_folder() -> Path:
    """Return the folder of the zoo: in it, each agent has a folder of its own name."""
    # In an editable installation the package is a folder of links.
    return Path(str(files("glimpse.zoo") / "__init__.py")).resolve().parent


def zoo_names() -> list[str]:
    """Return the names of the zoo's agents, sorted."""
    return sorted(config.parent.name for config in zoo_folder().glob(f"*/{CONFIG}"))


def find_run(source: str | Path) -> Path:
    """Return the folder of a run.

    Args:
        source: path of its folder; or the name of an agent of the zoo, such as `mnist-ram` (`zoo:mnist-ram` where a
            folder has that name); or `hf:OWNER/NAME`, which is fetched from the Hugging Face Hub into the cache.

    Raises:
        UserError: if the zoo has no such agent, or the hub has no such run or cannot be reached.
    """
    text = str(source)
    if text.startswith(HUB):
        return fetch_run(text)
    name, known = text.removeprefix(ZOO), zoo_names()
    path = Path(text).expanduser()
    if name in known and (text.startswith(ZOO) or not os.path.isfile(path / CONFIG)):
        return zoo_folder() / name
    near = nearest(name, known)
    question = f"did you mean {near!r}? " if near else ""
    if text.startswith(ZOO):
        raise UserError(f"the zoo has no agent {name!r} ({question}`glimpse zoo` lists them)")
    if near and not os.path.lexists(path) and path.name == text:
        raise UserError(f"{text}: no such run; did you mean {near!r} of the zoo? (`glimpse zoo` lists its agents)")
    return path


def writable_run(source: str | Path, say: Callable[[str], None]) -> Path:
    """Return the folder of a run in which results can be written: of the zoo and the hub, a copy under `runs/`.

    Args:
        source: see `find_run`.
        say: prints a line for the user, if a copy is made.

    Raises:
        UserError: if there is no such run, or the copy cannot be made since another run has its place.
    """
    text, found = str(source), find_run(source)
    copy = _place_of_copy(text, found)
    if copy is None:
        return found
    if os.path.lexists(copy):
        if _manifests(copy) != _manifests(found):
            raise UserError(
                f"{copy} is not a copy of {text}, and results of {text} would be written there. Give that run by its "
                f"path, or rename {copy}"
            )
        return copy
    with reporting_write_errors(copy):
        copy_run(found, copy)
    say(f"copied {text} to {copy}, where results are written")
    return copy


def run_with_results(source: str | Path) -> Path:
    """Return the folder of a run to read its results: of the zoo and the hub, that of its copy, if there is one.

    Raises:
        UserError: as `find_run`.
    """
    found = find_run(source)
    copy = _place_of_copy(str(source), found)
    return copy if copy is not None and copy.is_dir() and _manifests(copy) == _manifests(found) else found


def _place_of_copy(text: str, found: Path) -> Path | None:
    """Return where a run of the zoo or the hub is copied to; None for other runs."""
    if text.startswith(HUB):
        return Path("runs", "--".join(parse_repository(text)[0].split("/")))
    return Path("runs", found.name) if found.parent == zoo_folder() else None


def _manifests(folder: Path) -> list[object]:
    """Return the digests of the best weights of a run; none if they cannot be read."""
    try:
        return [json.loads(path.read_text()) for path in sorted(folder.glob("best/*/manifest.json"))] or [str(folder)]
    except (OSError, ValueError):
        return [str(folder)]
