"""Sources of the notebooks: Python files in the percent format of Jupytext, a folder for each language."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import jupytext

FOLDERS = {"en": Path("notebooks"), "zh": Path("zh/notebooks")}
"""Folder of the notebooks in each language, below the folder of the documentation and below that of the site."""
_CHINESE = r"[\u2e80-\u9fff\uff00-\uffef“”‘’—…]"
_BREAK_IN_CHINESE = re.compile(rf"(?<={_CHINESE})\n(?={_CHINESE})")


class Source(NamedTuple):
    """A notebook that was not run.

    name: stem of its file, such as `n04_ram`.
    path: its file.
    notebook: its cells, as `nbformat` has them.
    """

    name: str
    path: Path
    notebook: Any

    @property
    def title(self) -> str:
        """Heading of the first cell, such as `4. RAM from scratch`."""
        return str(self.notebook.cells[0].source).partition("\n")[0].removeprefix("# ")

    @property
    def code(self) -> list[str]:
        """Texts of the code cells."""
        return [str(cell.source) for cell in self.notebook.cells if cell.cell_type == "code"]


def read_sources(docs: Path, language: str) -> list[Source]:
    """Read all notebooks in a language, in order.

    Args:
        docs: folder of the documentation.
        language: a key of `FOLDERS`.
    """
    return [_read_source(path) for path in sorted((docs / FOLDERS[language]).glob("n*.py"))]


def _read_source(path: Path) -> Source:
    """Read a notebook; its title has no full stop, which the linter wants of a docstring's first line."""
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    for number, cell in enumerate(notebook.cells, 1):
        cell.id, cell.metadata = f"cell-{number}", {}
        if cell.cell_type == "markdown":
            cell.source = _BREAK_IN_CHINESE.sub("", cell.source)
    title, newline, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = title.rstrip(".。") + newline + rest
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return Source(path.stem, path, notebook)
