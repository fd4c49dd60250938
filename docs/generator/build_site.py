"""Builds the site: `python -m docs.generator.build_site`, or `make docs`.

Pages written by hand and pages made from code are put together in `build/site/source`; Sphinx turns them into
`build/site/html`, where the page to play with is put beside them. Nothing is loaded from a network, and a warning is
an error.
"""

import json
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.generator.agent_pages import complete_agent_pages
from docs.generator.attention_pages import complete_attention_pages
from docs.generator.environment_pages import write_environment_pages
from docs.generator.experiment_pages import complete_experiment_pages
from docs.generator.notebook_pages import write_notebook_pages
from docs.generator.notebook_runs import NotebookError
from docs.generator.repository_pages import write_repository_pages
from docs.generator.zoo_pages import write_zoo_pages
from glimpse.reporting.play.play_page import play_command

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent


def main() -> int:
    """Build the site; returns the exit code, 0 if there was no warning."""
    site = ROOT / "build" / "site"
    shutil.rmtree(site, ignore_errors=True)
    try:
        assemble(site / "source", site / "data")
    except NotebookError as problem:
        print(problem, file=sys.stderr)
        return 1
    strict = ["--fail-on-warning", "--keep-going", "--quiet"]
    code = build_main(["-b", "html", *strict, "-c", str(DOCS), str(site / "source"), str(site / "html")])
    if not code:
        check_search(site / "html" / "searchindex.js")
        play_command(Path("zoo:mnist-ram"), site / "html" / "play.html")
        print(f"Open {site / 'html' / 'index.html'}")
    return code


def check_search(index: Path) -> None:
    """Check that the search finds each page by a word of its title.

    Raises:
        ValueError: if it does not.
    """
    found = json.loads(index.read_text(encoding="utf-8").removeprefix("Search.setIndex(").removesuffix(")"))
    named = {page for pages in found["titleterms"].values() for page in ([pages] if isinstance(pages, int) else pages)}
    missing = [page for number, page in enumerate(found["docnames"]) if number not in named]
    if missing or "retina" not in found["terms"]:
        raise ValueError(f"the search does not find {', '.join(missing) or 'retina'}")


def assemble(source: Path, data: Path) -> None:
    """Put all pages together.

    Args:
        source: folder of the pages, which must not exist.
        data: folder of small data that pictures are made of.
    """
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("*.py", "generator", "static", "__pycache__"))
    data.mkdir(parents=True, exist_ok=True)
    write_environment_pages(source / "environments", data)
    complete_agent_pages(source / "agents", ROOT / "results")
    complete_attention_pages(source / "attention")
    complete_experiment_pages(source)
    write_zoo_pages(source)
    write_notebook_pages(source)
    write_repository_pages(ROOT, source)


if __name__ == "__main__":
    sys.exit(main())
