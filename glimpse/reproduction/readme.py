"""Write the pages of `results/` from their rows, and tables into the READMEs, between their markers: `make readme`."""

import re
from itertools import dropwhile, takewhile
from pathlib import Path

from glimpse.reproduction.headlines import headline_table
from glimpse.reproduction.result_files import renew_pages
from glimpse.runs.results import write_text

READMES = ("README.md", "README.zh.md")
_MARKERS = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_tables(text: str, results: Path) -> str:
    """Return the page with each part from `<!-- table: NAME -->` to `<!-- end -->` replaced by the table in NAME.md.

    `headlines` is the table of `glimpse.reproduction.headlines`.

    Args:
        text: the page.
        results: folder of the result pages.

    Raises:
        OSError: if a result page cannot be read.
    """
    return _MARKERS.sub(lambda found: found[1] + _table_lines(results / f"{found[2]}.md") + found[3], text)


def _table_lines(page: Path) -> str:
    """Return the first table of a result page, without its text."""
    if page.stem == "headlines":
        return headline_table(page.parent)
    lines = dropwhile(lambda line: not line.startswith("|"), page.read_text(encoding="utf-8").splitlines())
    return "".join(f"{line}\n" for line in takewhile(lambda line: line.startswith("|"), lines))


if __name__ == "__main__":
    renew_pages(Path("results"))
    for readme in map(Path, READMES):
        write_text(readme, fill_tables(readme.read_text(encoding="utf-8"), Path("results")))
