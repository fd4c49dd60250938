"""Long description of the wheel: README.md without what leads nowhere outside of the repository."""

import re
from pathlib import Path

from setuptools import setup

_RELATIVE = r"\]\((?!https?://|#|mailto:)[^)]*\)"
"""End of a link or picture whose target is a file of the repository."""


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
    setup(long_description=without_relative_links(readme), long_description_content_type="text/markdown")
