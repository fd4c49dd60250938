"""Text of Markdown and HTML as plain lines, with the numbers that they have in the file."""

import re
from html.parser import HTMLParser

from glimpse.envs.documents.sentence_division import SourceLine

_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_LIST_MARK = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}$|\s*(?:`{3,}|~{3,})|\s*\|?[\s:|-]+\|[\s:|-]*$")
_LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_MARKS = re.compile(r"\*\*|__|~~|`+|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|<!--.*?-->|</?[A-Za-z][^>]*>")
_BLOCKS = frozenset(
    "address article aside blockquote body br caption dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header "
    "hr html li main nav ol p pre section table tbody td th thead title tr ul".split()
)
_HIDDEN = frozenset(("script", "style", "template", "noscript"))


def markdown_lines(text: str) -> tuple[str, list[SourceLine]]:
    """Return the first heading of a Markdown text ("" without one), and its lines without marks.

    Headings, items of lists and rows of tables are paragraphs of their own.
    """
    title, found = "", []
    for number, line in enumerate(text.split("\n"), 1):
        heading, item = _HEADING.match(line), _LIST_MARK.match(line)
        if _RULE.match(line):
            found.append(SourceLine(number, ""))
            continue
        apart = heading or item or line.lstrip().startswith("|")
        plain = _plain(heading.group(1) if heading else line[item.end() :] if item else line)
        title = title or (plain if heading else "")
        found += [SourceLine(number, "")] if apart else []
        found.append(SourceLine(number, plain))
        found += [SourceLine(number, "")] if heading else []
    return title, found


def _plain(line: str) -> str:
    """Return a line of Markdown without links, emphasis, code marks and tags; bars of tables become spaces."""
    line = _MARKS.sub("", _LINK.sub(r"\1", line.lstrip("> ")))
    return line.replace("|", " ").strip()


def html_lines(text: str) -> tuple[str, list[SourceLine]]:
    """Return the title of an HTML page ("" without one), and its visible lines; blocks are paragraphs."""
    parser = _VisibleText()
    parser.feed(text)
    parser.close()
    return " ".join(parser.title.split()), parser.lines


class _VisibleText(HTMLParser):
    """Reader of the visible text of an HTML page.

    title: text of <title>. lines: those of the page's text, with empty ones where blocks begin and end.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title, self.lines = "", list[SourceLine]()
        self._hidden, self._in_title = 0, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what is hidden, and where blocks begin."""
        self._hidden += tag in _HIDDEN
        self._in_title = tag == "title" or self._in_title
        self._break_at(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note where what is hidden, and blocks, end."""
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))
        self._in_title = self._in_title and tag != "title"
        self._break_at(tag)

    def handle_data(self, data: str) -> None:
        """Keep text that is shown."""
        if self._in_title:
            self.title += data
        elif not self._hidden:
            self._add(data)

    def _break_at(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.lines.append(SourceLine(self.getpos()[0], ""))

    def _add(self, data: str) -> None:
        """Add text; what follows on the same line, as after </b>, belongs to the word before it."""
        first, *rest = data.split("\n")
        number = self.getpos()[0]
        last = self.lines[-1] if self.lines else SourceLine(0, "")
        if last.text and last.number == number:
            self.lines[-1] = SourceLine(number, last.text + first)
        elif first.strip():
            self.lines.append(SourceLine(number, first))
        # White space alone ends no paragraph in HTML.
        self.lines += [SourceLine(number + after, line) for after, line in enumerate(rest, 1) if line.strip()]
