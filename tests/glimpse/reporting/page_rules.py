"""Rules that the page of every report keeps, read from its HTML: escaped, named, described, and whole when narrow."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"img", "meta", "source", "br", "hr", "link", "input"}
RAW_KEY = re.compile(r"\b[a-z]+_[a-z0-9_]+\b")
MODE = re.compile(r"\b([Gg]reedy|M = \d+|beam \d+|simultaneous)\b")
SAMPLED = re.compile(
    "Validation (error|failures|words|recall|precision|F1|locations|entropy|variation)|Validation(: words|, M)"
)
"""Titles of what differs between greedy and sampled episodes."""
NARROW = 350
"""Width of the page's content, in pixels, where a window has 390."""


@dataclass
class Node:
    """An element of the page: its tag, attributes, and what is in it."""

    tag: str
    attributes: dict[str, str]
    parent: "Node | None"
    children: "list[Node | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """The texts in it, without the spaces around them."""
        parts = (one if isinstance(one, str) else one.text for one in self.children)
        return " ".join(" ".join(parts).split())

    @property
    def kinds(self) -> list[str]:
        """Its classes."""
        return self.attributes.get("class", "").split()

    def all(self, *tags: str) -> "Iterator[Node]":
        """Yield the elements in it with these tags, in order; all of them if none are given."""
        for child in self.children:
            if isinstance(child, Node):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)

    def around(self) -> "Iterator[Node]":
        """Yield the elements around it, the nearest first."""
        if self.parent is not None:
            yield self.parent
            yield from self.parent.around()


class _Reader(HTMLParser):
    """Reader of a page into nodes; it checks that all tags are closed in order."""

    def __init__(self, page: str) -> None:
        """Read the page."""
        super().__init__()
        self.root = self.open = Node("", {}, None)
        self.feed(page)
        self.close()
        assert self.open is self.root, f"{self.open.tag} is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element."""
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            (*_, self.open) = (one for one in self.open.children if isinstance(one, Node))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element that is closed at once."""
        self.open.children.append(Node(tag, {name: value or "" for name, value in attrs}, self.open))

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        assert self.open.tag == tag and self.open.parent is not None, f"</{tag}> closes <{self.open.tag}>"
        self.open = self.open.parent

    def handle_data(self, data: str) -> None:
        """Add a text."""
        self.open.children.append(data)


def read_page(page: str) -> Node:
    """Return the page as nodes."""
    return _Reader(page).root


def check_safe(root: Node) -> None:
    """Check that nothing is executed, and nothing is fetched from elsewhere."""
    tags = {one.tag for one in root.all()}
    assert tags.isdisjoint({"script", "link", "iframe", "object", "embed", "form", "base"}), tags
    for one in root.all():
        assert not [name for name in one.attributes if name.startswith("on")], one.attributes
        for name in ("src", "href", "srcset", "action", "poster", "xlink:href"):
            address = one.attributes.get(name, "#")
            assert address.startswith(("#", "data:image/")), address


def check_one_value(root: Node) -> None:
    """Check that a name has one value in all of the page, and that a table has no two columns of one name."""
    known: dict[str, str] = {}
    for name, value in _numbers(root):
        assert known.setdefault(name, value) == value, f"{name}: {known[name]} and {value}"
    for table in root.all("table"):
        heads = [head.text for row in table.all("thead") for head in row.all("th")]
        assert len(set(heads)) == len(heads), heads


def _numbers(root: Node) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the page's tables and lists: heading of the table, row and column."""
    for fact in root.all("div"):
        if [one.tag for one in fact.children if isinstance(one, Node)] == ["dt", "dd"]:
            name, value = (one.text for one in fact.all("dt", "dd"))
            yield name, value
    for table in root.all("table"):
        title = next((one.text for around in table.around() for one in around.all("h3") if around.tag == "figure"), "")
        heads = [head.text for row in table.all("thead") for head in row.all("td", "th")]
        for row in (one for one in table.all("tr") if one.parent is not None and one.parent.tag != "thead"):
            cells = [one.text for one in row.children if isinstance(one, Node)]
            if "facts" in table.kinds:
                yield cells[0], cells[1]
            elif "scores" in table.kinds and len(cells) == len(heads):
                yield from (
                    (f"{title} | {cells[0]} | {head}", cell) for head, cell in zip(heads[1:], cells[1:], strict=True)
                )


def check_modes(root: Node) -> None:
    """Check that each number of results, and each validation curve, of an agent that samples says how it acted."""
    for name, value in _numbers(root):
        plain = name.startswith(
            ("Unknown words", "Seed", "Weights", "Parameters", "Texts", "Answers", "Sentences", "Questions", "Store")
        )
        plain |= name.startswith(
            ("Vocabulary", "Search", "Images", "Observation", "Screen", "Task", "Agent", "Trained")
        )
        blind = "as many words" in name or "highest salience" in name  # They are chosen by the greedy agent's salience.
        ranked = re.search(r"(sufficiency|comprehensiveness|precision|AUPRC)\b", name) is not None
        assert plain or blind or ranked or MODE.search(name) or not re.search(r"\d", value), f"{name}: {value}"
    for figure in root.all("figure", "details"):
        title = next((one.text for one in figure.all("h3", "summary")), "")
        if SAMPLED.match(title):
            # A title, the headings of a table or the names of a chart's lines say it.
            assert MODE.search(figure.text), title


def check_words(root: Node) -> None:
    """Check that titles, headings and axes are words, not keys of a log or of a file."""
    for one in root.all("h1", "h2", "h3", "th", "dt", "summary", "caption"):
        assert not RAW_KEY.search(one.text), one.text
    for svg in root.all("svg"):
        assert not RAW_KEY.search(svg.attributes["aria-label"]), svg.attributes["aria-label"]
        if "chart" in svg.kinds:
            assert not [one.text for one in svg.all("text") if RAW_KEY.search(one.text)]
    for chart in (one for one in root.all("svg") if "chart" in one.kinds):
        assert any(re.search("[a-z]{4}", one.text) for one in chart.all("text")), "a chart has no name of its axis"


def check_described(root: Node) -> None:
    """Check that each picture says what is seen in it, and not only what kind of picture it is."""
    for one in root.all("img"):
        words = one.attributes["alt"]
        assert len(words.split()) >= 3 and words.endswith("."), words
    for one in root.all("svg"):
        words = one.attributes["aria-label"]
        assert len(words.split()) >= 4 and words.endswith("."), words
    scanpaths = [one.attributes["alt"] for one in root.all("img") if "hero" in _kinds_around(one)]
    assert len(set(scanpaths)) == len(scanpaths)


def check_narrow(root: Node) -> None:
    """Check that on a window of 390 pixels nothing is cut: what is wider is in a frame that scrolls, and shows it."""
    style = next(one.text for one in root.all("style"))
    scroll = re.search(r"\.scroll \{([^}]*overflow-x: auto[^}]*)\}", style)
    assert scroll and "scrollbar-width" in scroll[1] and "local" in scroll[1]
    assert re.search(r"nav \{[^}]*flex-wrap: wrap", style)
    for one in root.all("table"):
        fits = {"beliefs", "sides"} & set(one.kinds)
        assert fits or "scroll" in _kinds_around(one), one.kinds
    for one in root.all("svg"):
        assert "chart" in one.kinds or "scroll" in _kinds_around(one), one.attributes
    for one in root.all("pre"):
        assert "scroll" in one.kinds
    for one in root.all("div"):
        if "scroll" in one.kinds:
            assert one.attributes["tabindex"] == "0" and one.attributes["aria-label"]
    assert "max-width: 100%" in (re.search(r"\nimg \{([^}]*)\}|^img \{([^}]*)\}| img \{([^}]*)\}", style) or [""])[0]
    _check_style_fits(style)


def _check_style_fits(style: str) -> None:
    """Check that no rule makes an element wider than a narrow window, but those of what scrolls."""
    scrolled = (".scores", ".facts", ".film")
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", style):
        for width in re.findall(r"(?<![-\w])(?:min-width|width): ?(\d+)px", body):
            assert int(width) <= NARROW or selector.strip().startswith(scrolled), (selector, width)


def _kinds_around(one: Node) -> set[str]:
    """Return the classes of all elements around an element."""
    return {kind for around in one.around() for kind in around.kinds}
