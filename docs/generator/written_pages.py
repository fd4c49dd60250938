"""Pages that are written by hand, with a place for what is made from a registry."""

from pathlib import Path

PLACE = "<!-- from the registry -->"
"""Line of a written page that is replaced by what is made from code."""


def complete_page(folder: Path, name: str, summary: str, made: str) -> None:
    """Put what was made from code into a written page; an entry of another package gets a page of its own.

    Args:
        folder: folder of the pages.
        name: the entry's name, and that of its page.
        summary: the entry's line in the registry.
        made: Markdown.
    """
    page = folder / f"{name}.md"
    written = page.read_text(encoding="utf-8") if page.is_file() else f"# `{name}`\n\n{summary}.\n\n{PLACE}\n"
    if PLACE not in written:
        raise ValueError(f"{page.name} should have the line {PLACE}")
    page.write_text(written.replace(PLACE, made), encoding="utf-8")
