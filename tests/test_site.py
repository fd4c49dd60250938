"""Tests of the documentation's pages and of the code that makes them; `make docs` builds the site itself."""

import re
import shlex
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from pydantic import BaseModel

from docs.generator.agent_pages import agent_facts
from docs.generator.attention_pages import ROLES, command
from docs.generator.docstring_markup import with_lists
from docs.generator.docstring_parts import labelled_parts
from docs.generator.environment_pages import write_environment_pages
from docs.generator.markdown_text import plain
from docs.generator.option_tables import option_tables
from docs.generator.page_links import MASKS, link_of_part
from docs.generator.registry_facts import result_links
from docs.generator.repository_pages import links_on_the_site
from docs.generator.written_pages import PLACE
from glimpse.agents import AGENTS
from glimpse.agents.attention import ATTENTION
from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import find_config, load_experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.reproduction.tables import TABLES
from glimpse.runs.build import make_agent, make_split_env

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
IN_CHINESE = ["index.md", "start.md", "notebooks/index.md", *(page for page in PAGES if page.startswith("use/"))]
OPTIONS: dict[str, type[BaseModel]] = {
    **{f"task {name}": resolve_name(entry.options) for name, entry in ENVIRONMENTS.items()},
    **{f"agent {name}": resolve_name(entry.options) for name, entry in AGENTS.items()},
    **{f"attention {name}": resolve_name(entry.options) for name, entry in ATTENTION.items()},
    **{f"mask {name}": model for name, model in MASKS.items()},
    "experiment": Experiment,
}


def _blocks(page: str, language: str = r"\w+") -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def _commands() -> list[str]:
    """Return all commands of `glimpse` in the pages; in a loop of the shell, those with its first value."""
    found = []
    for page in PAGES:
        for line in "\n".join(_blocks(page, "sh")).splitlines():
            line = re.sub(r"^for (\w+) in (\w+).*?; do (.*?); done$", lambda m: m[3].replace(f"${m[1]}", m[2]), line)
            found += [line] if line.startswith("glimpse ") else []
    return sorted(set(found))


@pytest.mark.parametrize("folder, names", [("agents", [*AGENTS]), ("attention", [*ATTENTION])])
def test_each_entry_has_a_page(folder: str, names: list[str]) -> None:
    """Each agent and each mechanism has a written page with an equation, and a place for what is made from code."""
    for name in names:
        text = (DOCS / folder / f"{name}.md").read_text(encoding="utf-8")
        assert PLACE in text and "\n$$ (" in text, f"{folder}/{name}.md"


def test_each_agent_shows_its_config_and_its_results() -> None:
    """The made part of an agent's page names its environments, its options and the rows of its results."""
    for name, entry in AGENTS.items():
        made = agent_facts(name, entry, DOCS.parent / "results")
        assert f"`agent: {{name: {name}}}`" in made and "/environments/" in made and "## Options" in made
    assert "(`mnist-ram`)" in agent_facts("ram", AGENTS["ram"], DOCS.parent / "results")


def test_each_environment_gets_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has all parts, and its spaces are those of an environment that was made, with an episode as a GIF."""
    few = {name: ENVIRONMENTS[name] for name in ("digits", "catch", "number-prediction")}
    monkeypatch.setattr("docs.generator.environment_pages.ENVIRONMENTS", few)
    write_environment_pages(tmp_path / "pages", tmp_path)
    for name in few:
        text = (tmp_path / "pages" / f"{name}.md").read_text(encoding="utf-8")
        assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == [
            *("Observation", "Action", "Reward", "Episode", "Options", "Versions")
        ]
        assert (tmp_path / "pages" / f"{name}.gif").read_bytes()[:4] == b"GIF8"
    digits = (tmp_path / "pages" / "digits.md").read_text(encoding="utf-8")
    assert "| `glimpse` | `Box` | `(1, 1, 3, 3)` | `float32` | 0 to 1 |" in digits
    assert "| `answer` | `Discrete` | `()` | `int64` | 0 to 9 |" in digits
    assert "| `glimpses` | integer, 1 to 1,000 | `6` |" in digits
    assert "| `retina.patch` | integer, 1 to 512 | `3` |" in digits  # The environment's default, not that of the class.


def test_each_environment_says_what_its_page_needs() -> None:
    """The docstring of each environment has the labelled parts that its page is made of."""
    for name, entry in ENVIRONMENTS.items():
        description, parts = labelled_parts(resolve_name(entry.environment))
        assert {"Observation", "Action", "Reward", "Start", "End"} <= parts.keys(), name
        assert description.partition("\n\n")[0], name


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_has_a_row(name: str) -> None:
    """Each option is in a table: by itself, by the keys of its section, or as a part with a table of its own."""
    tables = option_tables(OPTIONS[name], {}, link_of_part, without=("task", "agent"))
    keys = {row.key for row in tables[0].rows}
    for option, field in OPTIONS[name].model_fields.items():
        constant = option in ("name", "task", "agent") or option == "kind" and len(_literals(field.annotation)) == 1
        assert constant or option in keys or any(key.startswith(f"{option}.") for key in keys), option
    for each in tables:
        assert [row.key for row in each.rows if not row.values or not row.default or not row.description] == []


def _literals(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", ())


def test_bounds_and_kinds_are_in_words() -> None:
    """Bounds are read from the schema, and kinds of a part link to their page or get a table."""
    table, *_ = option_tables(resolve_name(ENVIRONMENTS["digits"].options), {"glimpses": 4})
    rows = {row.key: row for row in table.rows}
    assert rows["glimpses"].values == "integer, 1 to 1,000" and rows["glimpses"].default == "`4`"
    assert rows["reward"].values == "`end`, `each_step`" and rows["image_size"].default == "`null`"
    whole = option_tables(resolve_name(AGENTS["rationale"].options), {}, link_of_part)
    assert "[`cnn`](/agents/encoders.md)" in next(row.values for row in whole[0].rows if row.key == "encoder")
    assert "`estimator` of the kind `hardkuma`" in [table.title for table in whole]


def test_what_markdown_would_read_is_escaped() -> None:
    """Marks of Markdown stay as they are in texts, and bars also in code, which may stand in a table."""
    assert plain("|u - v| of *.png in [0, 1], `a|b*`") == r"\|u - v\| of \*.png in \[0, 1\], `a\|b*`"


def test_lists_of_attributes_become_lists() -> None:
    """Lines that begin with a name are items, indented lines continue them, and prose stays as it is."""
    given = [
        "A box.",
        "",
        "low, high: its corners,",
        "    in pixels.",
        "name: of it.",
        "",
        "Note: this is prose",
        "of two.",
    ]
    assert with_lists(given) == [
        *("A box.", "", "- **low, high:** its corners, in pixels.", "- **name:** of it.", ""),
        *("Note: this is prose", "of two."),
    ]


def test_links_of_the_repository_hold_on_the_site() -> None:
    """Links to files of the repository become links to pages; others stay."""
    text = "[a](docs/extending.md) [b](results/mnist.md#x) [c](SECURITY.md) [d](https://e.org/docs/f.md)"
    assert links_on_the_site(text) == (
        "[a](/extending.md) [b](/results/mnist.md#x) [c](/security.md) [d](https://e.org/docs/f.md)"
    )


@pytest.mark.parametrize("page", IN_CHINESE)
def test_chinese_pages_are_those_in_english(page: str) -> None:
    """A page and its translation have headings of the same levels and the same code, but for comments."""
    levels, code = {}, {}
    for language, name in (("en", page), ("zh", f"zh/{page}")):
        text = (DOCS / name).read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        levels[language] = re.findall(r"^#+(?= )", prose, flags=re.MULTILINE)
        code[language] = [re.sub(r" *#.*", "", block) for block in _blocks(name)]
    assert levels["zh"] == levels["en"] and levels["en"]
    assert code["zh"] == code["en"]


def test_nothing_else_is_in_chinese() -> None:
    """Each Chinese page has an English one."""
    assert [page for page in PAGES if page.startswith("zh/")] == sorted(f"zh/{page}" for page in IN_CHINESE)


@pytest.mark.parametrize("line", _commands())
def test_commands_are_understood(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command of the pages is one that exists, and the configs that it trains are valid with its overrides."""
    _, name, *words = shlex.split(re.sub(r" [<>] .*", "", line))
    assert main([name, "--help"]) == 0
    options = {word for word in words if word.startswith("--")}
    assert options <= set(re.findall(r"--[\w-]+", capsys.readouterr().out))
    if name == "train" and "--resume" not in words:
        config, *overrides = words[: words.index("--folder")] if "--folder" in words else words
        load_experiment(find_config(config), overrides)


@pytest.fixture(scope="module")
def small_envs() -> dict[str, Any]:
    """Environments of generated data, by the family of a config that shows a mechanism."""
    return {}


@pytest.mark.parametrize("kind", ATTENTION)
def test_the_config_line_of_each_mechanism_works(kind: str, small_envs: dict[str, Any]) -> None:
    """The command that swaps a mechanism, for each of its roles, makes an agent that has it."""
    for role in ATTENTION[kind].roles:
        assert role in ROLES
        _, _, config, *overrides = command(kind, role)
        translates = role in ("query", "incremental")
        data = ["copy", "task.strings=20", "task.tokenizer=words"] if translates else ["numbers", "task.vectors=none"]
        shown = load_experiment(find_config(config), [*overrides, f"task.data={data[0]}", *data[1:]])
        if data[0] not in small_envs:
            small_envs[data[0]] = make_split_env(shown, "train", torch.device("cpu"))
        assert f"kind='{kind}'" in repr(shown.agent)
        make_agent(shown, small_envs[data[0]])


@pytest.mark.filterwarnings("ignore:.*GPU.*")
def test_python_of_the_pages_on_use_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Start, Predict and Export show in Python runs on a short run."""
    monkeypatch.chdir(tmp_path)
    small = ["train.steps=2", "train.batch=4", "threads=1", "track.mode=disabled"]
    assert main(["train", "digits-ram", *small, "--run", "runs/short"]) == 0
    assert main(["export", "runs/short", "--onnx", "short.onnx"]) == 0
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    pages = ("start.md", "use/predict.md", "use/export.md", "use/documents.md", "environments/index.md")
    for page in (*pages, "attention/masks.md"):
        [block] = _blocks(page, "python")
        exec(compile(block, page, "exec"), {})


def test_only_tables_with_a_page_are_linked() -> None:
    """A table without rows has no page yet, and a link to it would lead nowhere."""
    results = Path(__file__).resolve().parents[1] / "results"
    for name, table in TABLES.items():
        linked = f"(/results/{name}.md)" in result_links([entry.config for entry in table.entries])
        assert linked == (results / f"{name}.md").is_file()
