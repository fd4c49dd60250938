"""The state of glimpse's own code, for records of what it computed."""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import glimpse

_LATER = ", then "


@cache
def code_commit() -> str:
    """Return the commit of the running checkout, with "+" if files differ from it; of an installation, its version."""
    root = Path(glimpse.__file__).resolve().parents[1]
    if (root / ".git").exists():
        try:
            head = _git(root, "rev-parse", "--short=10", "HEAD")
            return head + "+" * bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
        except (OSError, subprocess.SubprocessError):
            pass  # There is no git, or it does not trust the folder.
    try:
        return f"version {version('glimpse-rl')}"
    except PackageNotFoundError:
        return "unknown"


def with_commit(known: str) -> str:
    """Return the commits that trained a run, in order, this one last: "a, then b" if another one resumed it."""
    now = code_commit()
    return now if not known else known if known.endswith(now) else f"{known}{_LATER}{now}"


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
