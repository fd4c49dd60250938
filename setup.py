"""What the wheel says of itself and pyproject.toml cannot: a description without dead links, and the addresses."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from setuptools import setup

_RELATIVE = r"\]\((?!https?://|#|mailto:)[^)]*\)"
"""End of a link or picture whose target is a file of the repository."""
_PAPERS = {
    "Paper on recurrent visual attention": "https://arxiv.org/abs/1406.6247",
    "Paper on reinforced self-attention": "https://arxiv.org/abs/1801.10296",
}


def project_urls(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses that the wheel names: the papers, and the repository where a workflow builds it.

    Args:
        environment: variables of the environment. A workflow sets GITHUB_SERVER_URL and GITHUB_REPOSITORY, so that a
            fork names itself.
    """
    server, name = environment.get("GITHUB_SERVER_URL"), environment.get("GITHUB_REPOSITORY")
    if not server or not name:
        return dict(_PAPERS)
    repository = f"{server}/{name}"
    changes = f"{repository}/blob/main/CHANGELOG.md"
    return {"Repository": repository, "Issues": f"{repository}/issues", "Changelog": changes, **_PAPERS}


def without_relative_links(page: str) -> str:
    """Return a Markdown page without pictures and links of the repository.

    A paragraph that is one picture or one link is left out, with the caption in italics that follows a picture. Other
    links become their text. Code is left as it is.
    """
    parts = re.split(r"(^```.*?^```$)", page, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else _prose(part) for part in parts)


def _prose(text: str) -> str:
    text = re.sub(rf"^!\[[^\]]*{_RELATIVE}\n\n(\*[^*]+\*\n\n)?", "", text, flags=re.MULTILINE)
    text = re.sub(rf"^\[[^\]]*{_RELATIVE}\n\n", "", text, flags=re.MULTILINE)
    return re.sub(rf"!?\[([^\]]*){_RELATIVE}", r"\1", text)


if __name__ == "__main__":
    readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    setup(
        long_description=without_relative_links(readme),
        long_description_content_type="text/markdown",
        project_urls=project_urls(os.environ),
    )
