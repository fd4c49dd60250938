"""Text of Markdown and HTML as plain lines, with the numbers that they have in the file."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import NamedTuple

from glimpse.envs.documents.sentence_division import SourceLine

_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_LIST_MARK = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}$|\s*(?:`{3,}|~{3,})|\s*\|?[\s:|-]+\|[\s:|-]*$")
_LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_MARKS = re.compile(r"\*\*|__|~~|`+|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|</?[A-Za-z][^>]*>")
_FENCE = re.compile(r"\s*(`{3,}(?=[^`]*$)|~{3,})")
_UNDERLINE = re.compile(r"\s{0,3}(?:=+|-+)\s*$")
_FRONT_KEY = re.compile(r"[\w-]+[ \t]*:")
_FRONT_LINE = re.compile(r"[\w-]+[ \t]*:|[ \t#-]|$")
_BLOCKS = frozenset(
    "address article aside blockquote body br caption dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header "
    "hr html li main nav ol optgroup option p pre section select table tbody td th thead title tr ul".split()
)
_HIDDEN = frozenset(("script", "style", "template", "noscript"))
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_END_BEFORE_THEIR_LIKE = frozenset("dd dt li option p td th tr".split())


def markdown_lines(text: str) -> tuple[str, list[SourceLine]]:
    """Return the title of a Markdown text, and its lines without marks, front matter and comments.

    The title is that of the front matter, or the first heading; "" without either. Headings, items of lists and rows of
    tables are paragraphs of their own; lines of code are as they were written.
    """
    lines = text.split("\n")
    front = _length_of_front_matter(lines)
    title, found, in_paragraph = _front_title(lines[:front]), list[SourceLine](), False
    for number, line, is_code in _shown_lines(lines, front):
        underlined = in_paragraph and not is_code and _UNDERLINE.match(line)
        heading, item = (None, None) if is_code else (_HEADING.match(line), _LIST_MARK.match(line))
        apart = heading or item or line.lstrip().startswith("|")
        in_paragraph = False
        if is_code:
            found.append(SourceLine(number, line))
        elif underlined or _RULE.match(line):
            title = title or (found[-1].text if underlined else "")
            found.append(SourceLine(number, ""))
        else:
            plain = _plain(heading.group(1) if heading else line[item.end() :] if item else line)
            title = title or (plain if heading else "")
            found += [SourceLine(number, "")] if apart else []
            found.append(SourceLine(number, plain))
            found += [SourceLine(number, "")] if heading else []
            in_paragraph = bool(plain) and not apart
    return title, found


def _length_of_front_matter(lines: list[str]) -> int:
    """Return how many lines of YAML are before the text; 0 where there are none."""
    if lines[0].rstrip() != "---" or not _FRONT_KEY.match("".join(lines[1:2])):
        return 0
    for number, line in enumerate(lines[1:], 2):
        if line.rstrip() in ("---", "..."):
            return number
        if not _FRONT_LINE.match(line):
            return 0
    return 0


def _front_title(lines: Iterable[str]) -> str:
    """Return the title that front matter names; "" if it names none, or one of several lines."""
    named = next((line for line in lines if line.startswith("title:")), "").removeprefix("title:").strip()
    quoted = len(named) > 1 and named[0] == named[-1] and named[0] in "'\""
    return "" if named[:1] in (">", "|") else named[1:-1] if quoted else named


def _shown_lines(lines: list[str], front: int) -> Iterator[tuple[int, str, bool]]:
    """Yield the number of each line behind front matter, the line without comments, and whether it is code.

    Fences around code are empty lines; lines within a comment are none.
    """
    fence, inside = "", False
    last = max((number for number, line in enumerate(lines, 1) if "-->" in line), default=-1)
    for number, line in enumerate(lines[front:], front + 1):
        if fence:
            mark = line.strip()
            closed = mark.startswith(fence) and not mark.strip(fence[0])
            fence = "" if closed else fence
            yield number, "" if closed else line, not closed
            continue
        if number <= last:  # A comment that nothing ends is text.
            within, (line, inside) = inside, _without_comments(line, inside)
            if within and inside and not line:
                continue
        opened = _FENCE.match(line)
        fence = opened.group(1) if opened else ""
        yield number, "" if opened else line, False


def _without_comments(line: str, inside: bool) -> tuple[str, bool]:
    """Return what of a line is in no comment, and whether one goes on behind it; `inside` if one does before it."""
    shown = ""
    while line:
        before, mark, line = line.partition("-->" if inside else "<!--")
        if not inside:
            is_code = before.endswith("`")
            shown += before + (mark if is_code else "")
            inside = bool(mark) and not is_code
        else:
            inside = not mark
    return shown, inside


def _plain(line: str) -> str:
    """Return a line of Markdown without links, emphasis, code marks and tags; bars of tables become spaces."""
    line = _MARKS.sub("", _LINK.sub(r"\1", line.lstrip("> ")))
    return line.replace("|", " ").strip()


def html_lines(text: str) -> tuple[str, list[SourceLine]]:
    """Return the title of an HTML page ("" without one), and its visible lines; blocks are paragraphs."""
    parser = _VisibleText()
    parser.feed(_closed(text))
    parser.close()
    return " ".join(parser.title.split()), parser.lines


def _closed(text: str) -> str:
    """Return a page without constructs that are begun and never closed, each of which would be sought to the end.

    A comment hides what follows; other signs of a beginning are text.
    """
    comment = text.find("<!--", text.rfind("-->") + 1)
    text = text if comment < 0 else text[:comment]
    for begins, ends in (("<![CDATA[", "]]>"), ("<", ">")):
        last = text.rfind(ends) + 1
        text = text[:last] + text[last:].replace(begins, f"&lt;{begins[1:]}")
    return text


class _Element(NamedTuple):
    """Element of a page that is open, and whether its text is hidden."""

    tag: str
    hidden: bool


class _VisibleText(HTMLParser):
    """Reader of the visible text of an HTML page.

    title: text of <title>. lines: those of the page's text, with empty ones where blocks begin and end.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title, self.lines = "", list[SourceLine]()
        self._open, self._count = list[_Element](), Counter[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what is hidden, and where blocks begin."""
        last = self._open[-1].tag if self._open else ""
        if (last == tag and tag in _END_BEFORE_THEIR_LIKE) or (last == "p" and tag in _BLOCKS - _VOID):
            self._close_last()  # Their end may be left out.
        if tag not in _VOID:
            names_no_page = tag == "title" and (bool(self.title) or self._count["svg"] > 0)
            hidden = tag in _HIDDEN or names_no_page or any(name == "hidden" for name, _ in attrs)
            self._open.append(_Element(tag, hidden or self._is_hidden))
            self._count[tag] += 1
        self._break_at(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note where elements end, and with them those within whose end was left out."""
        if self._count[tag]:
            while self._close_last() != tag:
                pass
        self._break_at(tag)

    def handle_data(self, data: str) -> None:
        """Keep text that is shown."""
        if self._is_hidden:
            return
        if self._open and self._open[-1].tag == "title":
            self.title += data
        else:
            self._add(data)

    def _close_last(self) -> str:
        """Close the last open element, and return its tag."""
        tag = self._open.pop().tag
        self._count[tag] -= 1
        return tag

    @property
    def _is_hidden(self) -> bool:
        return bool(self._open) and self._open[-1].hidden

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
