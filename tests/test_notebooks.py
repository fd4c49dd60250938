"""Tests of the notebooks' sources and of the code that runs them; `make docs` runs the notebooks themselves."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.generator.notebook_files import digest_of_surroundings, write_notebooks
from docs.generator.notebook_runs import NotebookError
from docs.generator.notebook_sources import FOLDERS, Source
from docs.generator.notebook_sources import read_sources as read_all

DOCS = Path(__file__).parents[1] / "docs"
NAMES = sorted(path.stem for path in (DOCS / FOLDERS["en"]).glob("n*.py"))
EXERCISES = {"en": "## Exercises", "zh": "## 练习"}
NOTEBOOK = '# %% [markdown]\n"""# 1. One.\n\nText.\n"""\n\n# %%\nprint(6 * 7)\nobject()\n'


@cache
def read_sources(language: str) -> dict[str, Source]:
    """Return the notebooks in a language by their names."""
    return {source.name: source for source in read_all(DOCS, language)}


def read_pair(name: str) -> list[Source]:
    """Return a notebook in both languages."""
    return [read_sources(language)[name] for language in FOLDERS]


def _texts(source: Source) -> str:
    """Return the text cells of a notebook as one text."""
    return "\n\n".join(cell.source for cell in source.notebook.cells if cell.cell_type == "markdown")


def test_each_notebook_is_there_in_both_languages() -> None:
    """Both folders have the same files."""
    assert NAMES and list(read_sources("en")) == list(read_sources("zh")) == NAMES


def test_notebooks_are_numbered_without_gaps() -> None:
    """The first line of each is its number and title, and the number is that of its file."""
    for language in FOLDERS:
        sources = read_sources(language).values()
        numbers = [int(source.title.split(".")[0]) for source in sources]
        assert numbers == list(range(1, len(sources) + 1))
        assert [source.name[:4] for source in sources] == [f"n{number:02}_" for number in numbers]


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_cells(name: str) -> None:
    """Code cells are equal, and text cells stand at the same places; no text is left untranslated."""
    english, chinese = (source.notebook.cells for source in read_pair(name))
    assert [cell.cell_type for cell in chinese] == [cell.cell_type for cell in english]
    for here, there in zip(english, chinese, strict=True):
        assert (there.source == here.source) == (here.cell_type == "code"), there.source
        assert here.cell_type == "code" or re.search(r"[\u4e00-\u9fff]", there.source), there.source


@pytest.mark.parametrize("name", NAMES)
def test_equations_are_the_same_in_both_languages(name: str) -> None:
    """A translation has the displayed equations of the English text."""
    english, chinese = (
        [re.findall(r"\\[a-zA-Z]+", one) for one in re.findall(r"\$\$(.*?)\$\$", _texts(source), re.DOTALL)]
        for source in read_pair(name)
    )
    assert chinese == english  # By their commands: punctuation is that of the language.


@pytest.mark.parametrize("language", FOLDERS)
@pytest.mark.parametrize("name", NAMES)
def test_it_ends_with_three_exercises_and_their_answers(name: str, language: str) -> None:
    """The last section has exercises 1 to 3, and the code of their answers."""
    source = read_sources(language)[name]
    heading = f"^{EXERCISES[language]}$"
    text = re.split(heading, _texts(source), flags=re.MULTILINE)
    assert len(text) == 2, f"one section {EXERCISES[language]}"
    assert re.findall(r"^(\d)\. ", text[1], re.MULTILINE)[:3] == ["1", "2", "3"]
    cells = source.notebook.cells
    begin = next(n for n, cell in enumerate(cells) if re.search(heading, cell.source, re.MULTILINE))
    assert sum(cell.cell_type == "code" for cell in cells[begin:]) >= 3  # The answers.


def test_no_output_is_committed() -> None:
    """Beside the sources there is an index in each folder, and nothing else."""
    for folder in FOLDERS.values():
        found = {path.name for path in (DOCS / folder).iterdir() if path.name != "__pycache__"}
        assert found == {"index.md", *(f"{name}.py" for name in NAMES)}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of documentation with one notebook, which the same package surrounds all the time."""
    monkeypatch.setattr("docs.generator.notebook_files.digest_of_surroundings", lambda: "same")
    for language, folder in FOLDERS.items():
        (tmp_path / folder).mkdir(parents=True)
        text = NOTEBOOK if language == "en" else NOTEBOOK.replace("Text", "文字\n接着写")
        (tmp_path / folder / "n01_one.py").write_text(text, encoding="utf-8")
    return tmp_path


def _outputs(docs: Path, language: str) -> Any:
    """Return the cells of the notebook that was written."""
    return json.loads((docs / "executed" / language / "n01_one.ipynb").read_text(encoding="utf-8"))["cells"]


@pytest.mark.xdist_group("kernels")
def test_code_is_run_once_for_both_languages(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files get the outputs of one run, and the next call runs only what changed."""
    write_notebooks(small, small / "executed")
    for language, text in {"en": "Text.", "zh": "文字接着写."}.items():
        title, code = _outputs(small, language)
        assert "".join(title["source"]) == f"# 1. One\n\n{text}"
        assert code["outputs"] == [{"name": "stdout", "output_type": "stream", "text": ["42\n"]}]
    run: list[Source] = []
    monkeypatch.setattr("docs.generator.notebook_files.run_notebooks", lambda sources, _: run.extend(sources))
    (small / "zh/notebooks/n01_one.py").write_text(NOTEBOOK.replace("Text", "别的文字"), encoding="utf-8")
    write_notebooks(small, small / "executed")
    assert run == [] and "别的文字" in str(_outputs(small, "zh")) and "42" in str(_outputs(small, "zh"))
    (small / "notebooks/n01_one.py").write_text(NOTEBOOK.replace("7", "8"), encoding="utf-8")
    with pytest.raises(ValueError, match="code cells of the English notebook"):
        write_notebooks(small, small / "executed")  # Nothing was run, so that there are no outputs.
    assert [source.name for source in run] == ["n01_one"]


@pytest.mark.xdist_group("kernels")
def test_a_failing_cell_is_named(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the file, the cell, its first line and what was raised; nothing is kept of the run."""
    text = NOTEBOOK + '\n# %%\nanswer = 6 * 9\nassert answer == 42, "base thirteen"\n'
    (small / "notebooks/n01_one.py").write_text(text, encoding="utf-8")
    with pytest.raises(NotebookError, match=r"n01_one.py, code cell 2 \(answer = 6 \* 9\): AssertionError: base thir"):
        write_notebooks(small, small / "executed")
    assert "n01_one.py: failed in" in capsys.readouterr().out
    assert list((small / "executed/outputs").iterdir()) == [] and not (small / "executed/en").exists()


@pytest.mark.xdist_group("kernels")
def test_a_package_that_changed_has_another_digest(tmp_path: Path) -> None:
    """The digest depends on the contents and names of the package's files, but not on byte code."""
    (tmp_path / "agents/__pycache__").mkdir(parents=True)
    digests = []
    for name, text in (("one.py", "1"), ("one.py", "2"), ("two.py", "2"), ("__pycache__/one.pyc", "3")):
        (tmp_path / "agents" / name).write_text(text)
        digests.append(digest_of_surroundings(tmp_path))
    assert len(set(digests)) == 3 and digests[2] == digests[3]
