"""Pages of the zoo: a table of its agents, and the card of each."""

from pathlib import Path

from docs.generator.markdown_text import code, plain, table
from docs.generator.written_pages import complete_page
from glimpse.cli.zoo_listing import card_body, read_card
from glimpse.runs.run_source import zoo_names

_HEADS = {"use": ("agent", "what it is", "test (95 %)", "MB"), "zh/use": ("智能体", "说明", "测试（95 %）", "MB")}


def write_zoo_pages(source: Path) -> None:
    """Complete the pages on the zoo in both languages, and write the page of each card."""
    cards = source / "use" / "zoo"
    cards.mkdir()
    for name in zoo_names():
        (cards / f"{name}.md").write_text(f"{card_body(name)}\n", encoding="utf-8")
    toctree = "\n".join(["```{toctree}", ":hidden:", ":glob:", "", "zoo/*", "```", ""])
    for place, head in _HEADS.items():
        made = table(head, map(_row, zoo_names()))
        complete_page(source / place, "zoo", "", made + ("\n" + toctree if place == "use" else ""))


def _row(name: str) -> list[str]:
    """Return an agent's cells, with a link to its card."""
    card = read_card(name)
    one = card["measure"]
    result = f"{one['name']}: {one['value']:.3g} ({one['low']:.3g} to {one['high']:.3g})"
    what = f"{card['agent']} on {card['task']}"
    return [f"[{code(name)}](/use/zoo/{name}.md)", plain(what), plain(result), f"{card['bytes'] / 1e6:.1f}"]
