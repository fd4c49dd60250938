"""The README's tables: those of `results/`, put between their marks as they are. `make readme` runs this."""

import re
from pathlib import Path

from glimpse.runs.results import write_text

_PLACE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_tables(text: str, results: Path) -> str:
    """A page with the table of each `<!-- table: NAME -->` up to `<!-- end -->` as `results`/NAME.md has it.

    Raises:
        OSError: if there is no such file.
    """
    return _PLACE.sub(lambda found: found[1] + _table(results / f"{found[2]}.md") + found[3], text)


def _table(page: Path) -> str:
    return "".join(f"{line}\n" for line in page.read_text().splitlines() if line.startswith("|"))


if __name__ == "__main__":
    readme = Path("README.md")
    write_text(readme, fill_tables(readme.read_text(), Path("results")))
