"""Pages that are files of the repository: results, the changelog, and how checkpoints are read."""

import re
import shutil
from pathlib import Path

_PAGES = {"CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")
REPOSITORY = {"docs/": "/", "results/": "/results/"}
"""Where files of the repository are on the site, by the beginning of their paths."""


def write_repository_pages(root: Path, source: Path) -> None:
    """Copy the repository's own pages to the site, with links that hold there."""
    for name, page in _PAGES.items():
        (source / page).write_text(links_on_the_site((root / name).read_text(encoding="utf-8")), encoding="utf-8")
    results = source / "results"
    results.mkdir(exist_ok=True)
    for path in sorted((root / "results").iterdir()):
        if path.suffix in (".md", ".svg") or path.suffix == ".png" and not path.with_suffix(".svg").exists():
            shutil.copy(path, results / path.name)
    bench = results / "bench.md"
    bench.write_text(f"# Speed\n\n{bench.read_text(encoding='utf-8')}", encoding="utf-8")


def links_on_the_site(text: str) -> str:
    """Return a page of the repository with the links that it has on the site."""

    def moved(found: re.Match[str]) -> str:
        path, anchor = found[1], found[2] or ""
        if path in _PAGES:
            return f"](/{_PAGES[path]}{anchor})"
        for begin, place in REPOSITORY.items():
            if path.startswith(begin):
                return f"]({place}{path.removeprefix(begin)}{anchor})"
        return found[0]

    return _LINK.sub(moved, text)
