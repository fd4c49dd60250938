"""Writes the notebooks with their outputs to `build/notebooks`: `make notebooks`.

Code is the same in all languages, so that it is run once, and its outputs are put into the notebook of each language.
They are kept with a digest of the code, the package and the libraries: while these are the same, nothing is run again.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import nbformat

from docs.generator.notebook_runs import ROOT, NotebookError, run_notebooks
from docs.generator.notebook_sources import FOLDERS, Source, read_sources

DOCS = ROOT / "docs"
EXECUTED = ROOT / "build" / "notebooks"
_PACKAGES = ("glimpse", "agents", "envs", "configs")


def write_notebooks(docs: Path = DOCS, executed: Path = EXECUTED) -> None:
    """Write all notebooks with their outputs, and run those that changed.

    Args:
        docs: folder of the documentation.
        executed: folder to write to; it gets a folder for each language, and one of outputs.

    Raises:
        NotebookError: if cells fail; it names each notebook that did.
    """
    outputs = _Outputs(executed / "outputs")
    english = read_sources(docs, "en")
    run_notebooks([source for source in english if outputs.of(source) is None], outputs.keep)
    kept = {source.name: outputs.of(source) for source in english}
    for language in FOLDERS:
        shutil.rmtree(executed / language, ignore_errors=True)
        (executed / language).mkdir()
        for source in read_sources(docs, language):
            _fill(source, kept[source.name])
            nbformat.write(source.notebook, executed / language / f"{source.name}.ipynb")


class _Outputs:
    """Outputs of code cells in a folder, a file for each notebook, with the digest of what they were made by."""

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.surroundings = folder, digest_of_surroundings()

    def of(self, source: Source) -> list[Any] | None:
        """Return the outputs of a notebook's code cells; None if it has to be run."""
        path = self.folder / f"{source.name}.json"
        if not path.is_file():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        return list(kept["outputs"]) if kept["digest"] == self._digest(source) else None

    def keep(self, source: Source, outputs: list[Any]) -> None:
        """Keep the outputs of a notebook that was run."""
        text = json.dumps({"digest": self._digest(source), "outputs": outputs})
        (self.folder / f"{source.name}.json").write_text(text, encoding="utf-8")

    def _digest(self, source: Source) -> str:
        return _digest([self.surroundings, *source.code])


def digest_of_surroundings(root: Path = ROOT) -> str:
    """Return a digest of all that outputs depend on beside a notebook's code: the package, Python and libraries."""
    files = sorted(path for name in _PACKAGES for path in (root / name).rglob("*") if path.is_file())
    contents = [f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    libraries = sorted(f"{each.name} {each.version}" for each in distributions())
    return _digest([sys.version, *libraries, *(line for line in contents if "__pycache__" not in line)])


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()


def _fill(source: Source, outputs: list[Any] | None) -> None:
    """Put outputs into the code cells of a notebook.

    Raises:
        ValueError: if these are the outputs of other cells.
    """
    cells = [cell for cell in source.notebook.cells if cell.cell_type == "code"]
    if outputs is None or len(outputs) != len(cells):
        raise ValueError(f"{source.path} should have the code cells of the English notebook")
    for number, (cell, found) in enumerate(zip(cells, outputs, strict=True), 1):
        cell.execution_count, cell.outputs = number, [nbformat.from_dict(output) for output in found]


def main() -> int:
    """Write all notebooks; returns the exit code, 1 if a cell failed."""
    try:
        write_notebooks()
    except NotebookError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"Notebooks with their outputs are in {EXECUTED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
