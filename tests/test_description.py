"""Tests of the wheel's description: it is the README without links that lead nowhere outside of the repository."""

import re
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
if not (ROOT / "setup.py").is_file():
    pytest.skip("the build settings are in the repository", allow_module_level=True)

build_util = pytest.importorskip("build.util")


@pytest.fixture(scope="module")
def without_relative_links() -> Callable[[str], str]:
    """Return the function of setup.py."""
    found: Callable[[str], str] = runpy.run_path(str(ROOT / "setup.py"))["without_relative_links"]
    return found


def test_what_is_in_the_repository_alone_is_taken_out(without_relative_links: Callable[[str], str]) -> None:
    """Links become text, pictures go with their captions, and code, anchors and addresses stay."""
    page = "\n\n".join(
        [
            "# Title",
            "![A digit](docs/a.gif)",
            "*A digit, seen\nin parts.*",
            "[中文](README.zh.md)",
            "See [the docs](docs/x.md#part) and [below](#more), or [a site](https://e.org/x.md). ![icon](i.svg)",
            "```sh\n[not a](link.md)\n\n![nor](a.png)\n```",
            "*Emphasis* stays.",
        ]
    )
    assert without_relative_links(page).split("\n\n") == [
        "# Title",
        "See the docs and [below](#more), or [a site](https://e.org/x.md). icon",
        "```sh\n[not a](link.md)",
        "![nor](a.png)\n```",
        "*Emphasis* stays.",
    ]


def test_addresses() -> None:
    """A workflow's wheel names its own repository; another names the papers alone."""
    project_urls = runpy.run_path(str(ROOT / "setup.py"))["project_urls"]
    built = project_urls({"GITHUB_SERVER_URL": "https://example.org", "GITHUB_REPOSITORY": "a/b"})
    assert list(built.values())[:2] == ["https://example.org/a/b", "https://example.org/a/b/issues"]
    elsewhere = project_urls({})
    assert elsewhere and set(elsewhere.items()) < set(built.items())
    assert all(address.startswith("https://") for address in built.values())


@pytest.mark.filterwarnings("ignore")
def test_the_description_has_no_link_into_the_repository(tmp_path: Path) -> None:
    """In the metadata that are built, each link and picture is absolute or an anchor; the text is all there."""
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("glimpse", "envs", "agents", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    metadata = build_util.project_wheel_metadata(tmp_path, isolated=False)
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert any("arxiv.org" in one for one in metadata.get_all("Project-URL"))
    description = metadata.get_payload()
    prose = re.sub(r"```.*?```", "", description, flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)]*)\)|(?:src|href)=\"([^\"]*)\"", prose)
    assert [one for pair in targets for one in pair if one and not one.startswith(("https://", "#"))] == []
    assert "![" not in prose and "Agents that decide where to look" in prose and "## Licence and citation" in prose
