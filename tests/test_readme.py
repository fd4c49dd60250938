"""Tests of README.md and README.zh.md: their Python runs, their commands, configs, links and tables exist."""

import os
import re
from pathlib import Path

import pytest

from glimpse import __version__
from glimpse.cli.command_line import main
from glimpse.config.shipped import shipped_configs
from glimpse.reproduction.headlines import HEADLINES
from glimpse.reproduction.readme import fill_tables

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")}
README = PAGES["README.md"]


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page in a language, without comments."""
    found = re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)
    return [re.sub(r" +# .*", "", block) for block in found]


def test_it_fits_on_a_page() -> None:
    """It has at most 150 lines."""
    assert len(README.splitlines()) <= 150


def test_the_chinese_page_has_the_same_parts() -> None:
    """Both pages have as many headings of each level, and the same code, tables, pictures and links."""
    levels = [
        re.findall(r"^#+", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE) for page in PAGES.values()
    ]
    assert levels[0] == levels[1]
    for language in ("sh", "python"):
        assert blocks(PAGES["README.md"], language) == blocks(PAGES["README.zh.md"], language)
    targets = [set(re.findall(r"\]\(([^)]+)\)", page)) for page in PAGES.values()]
    assert {one.replace("docs/zh/", "docs/") for one in targets[1]} ^ targets[0] == {"README.md", "README.zh.md"}


@pytest.mark.filterwarnings("ignore:.*GPU.*")
def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python block runs by itself, and draws a picture."""
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    assert os.path.getsize("scanpath.png") > 1000


def test_its_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """Every `glimpse` command in a shell block has a subcommand of that name, and every config is shipped."""
    shell = "\n".join(blocks(README, "sh"))
    commands = set(re.findall(r"^glimpse (\w+)", shell, flags=re.MULTILINE))
    assert {"train", "evaluate", "report", "predict", "publish"} <= commands
    for command in commands:
        assert main([command, "--help"]) == 0
    capsys.readouterr()
    assert set(re.findall(r"^glimpse train ([\w-]+)", shell, flags=re.MULTILINE)) - {"--resume"} <= set(
        shipped_configs()
    )


@pytest.mark.parametrize("page", PAGES)
def test_its_links_lead_somewhere(page: str) -> None:
    """Each relative link is a file or a folder of the project."""
    if not (ROOT / "envs").is_dir():
        pytest.skip("the pages that it links to are in the repository")
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_its_table_is_that_of_the_results(page: str) -> None:
    """The table has the numbers of results/; `make readme` renews it."""
    assert fill_tables(PAGES[page], RESULTS) == PAGES[page]
    assert all(f"`{one.config}`" in PAGES[page] for one in HEADLINES)


def test_tables_are_filled_in_between_their_marks(tmp_path: Path) -> None:
    """A table replaces the text between its marks, and the rest of the page stays as it is."""
    (tmp_path / "one.md").write_text("# One\n\n| a |\n| - |\n| 1 |\n\nnotes\n")
    page = "before\n<!-- table: one -->\nold\n<!-- end -->\nafter\n"
    filled = "before\n<!-- table: one -->\n| a |\n| - |\n| 1 |\n<!-- end -->\nafter\n"
    assert fill_tables(page, tmp_path) == fill_tables(filled, tmp_path) == filled


def test_the_version_is_the_same_everywhere() -> None:
    """The package, its settings and the citation name one version."""
    if not (ROOT / "CITATION.cff").is_file():
        pytest.skip("the citation is in the repository")
    for name, pattern in (("pyproject.toml", r'^version = "(.+)"$'), ("CITATION.cff", r"^version: (.+)$")):
        (found,) = re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        assert found == __version__
