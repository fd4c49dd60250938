"""Published runs of the Hugging Face Hub, copied into the cache."""

import re
import shutil
from pathlib import Path
from typing import Any

from glimpse.envs.data.sources import SearchPath
from glimpse.errors import UserError
from glimpse.runs.durable import TEMPORARY, reporting_write_errors
from glimpse.runs.run_folder import CONFIG

HUB = "hf:"
RUN_FILES = (CONFIG, "meaning.json", "evaluation.json", "card.json", "README.md", "best/*/*")
"""What a published run consists of, as patterns; nothing else is fetched."""
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def parse_repository(source: str) -> tuple[str, str | None]:
    """Return the repository OWNER/NAME and the revision of `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`.

    Raises:
        UserError: if it has another form.
    """
    repository, _, revision = source.removeprefix(HUB).partition("@")
    if not _REPOSITORY.fullmatch(repository) or ".." in repository:
        raise UserError(
            f"a run of the Hugging Face Hub is written hf:OWNER/NAME or hf:OWNER/NAME@REVISION (got {source!r})"
        )
    return repository, revision or None


def fetch_run(source: str) -> Path:
    """Fetch a published run, and return its folder in the cache.

    The hub's own cache is used, and with HF_HUB_OFFLINE=1 nothing else. Its files are links, which a run's folder may
    not hold, so they are copied.

    Raises:
        UserError: if the extra `hub` is not installed, there is no such run, or it cannot be reached or written.
    """
    repository, revision = parse_repository(source)
    hub = import_hub()
    try:
        found = Path(hub.snapshot_download(repository, revision=revision, allow_patterns=list(RUN_FILES)))
    except Exception as problem:  # Of the network, of the hub, and of its cache, in many classes.
        raise UserError(f"{source} could not be fetched: {first_line(problem)}") from None
    if not (found / CONFIG).is_file():
        raise UserError(f"{source} holds no run (it has no {CONFIG}); runs get there by: glimpse publish RUN {source}")
    copy = SearchPath.of(None).cache / "hub" / repository / found.name
    if not copy.exists():
        with reporting_write_errors(copy):
            copy_run(found, copy)
    return copy


def copy_run(found: Path, copy: Path) -> None:
    """Copy a run's folder, whole or not at all; links become files."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    temporary = copy.with_name(f"{TEMPORARY}{copy.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        shutil.copytree(found, temporary, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)
        temporary.rename(copy)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def import_hub() -> Any:
    """Import huggingface_hub; raises UserError if it is not installed."""
    try:
        import huggingface_hub
    except ModuleNotFoundError:
        raise UserError("runs of the Hugging Face Hub need huggingface_hub: pip install 'glimpse-rl[hub]'") from None
    return huggingface_hub


def first_line(problem: Exception) -> str:
    """Return what an error says, in one line."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[0] if lines else type(problem).__name__
