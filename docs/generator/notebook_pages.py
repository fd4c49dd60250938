"""Pages of the notebooks, with outputs, in each language; each offers its file."""

import shutil
from pathlib import Path
from typing import Any

import nbformat

from docs.generator.notebook_files import EXECUTED, write_notebooks
from docs.generator.notebook_sources import FOLDERS

FILES = "files"
"""Folder of the files that pages offer, beside the pages; Sphinx makes no pages of them."""
_OFFERS = {
    "en": "{{download}}`This page as a Jupyter notebook <{files}/{name}.ipynb>` · [中文](/zh/notebooks/{name}.ipynb)",
    "zh": "{{download}}`下载本页的 Jupyter 笔记本 <{files}/{name}.ipynb>` · [English](/notebooks/{name}.ipynb)",
}


def write_notebook_pages(source: Path) -> None:
    """Run the notebooks that changed, and add the pages of all to the site's source.

    Raises:
        NotebookError: if a cell fails.
    """
    write_notebooks()
    for language, folder in FOLDERS.items():
        shutil.copytree(EXECUTED / language, source / folder / FILES)
        for path in sorted((source / folder / FILES).iterdir()):
            page: Any = nbformat.read(path, as_version=4)
            offer = _OFFERS[language].format(files=FILES, name=path.stem)
            page.cells.insert(1, nbformat.v4.new_markdown_cell(offer, id="offer"))
            nbformat.write(page, source / folder / path.name)
