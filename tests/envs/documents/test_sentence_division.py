"""Tests of the division of documents into sentences, and of Markdown and HTML as plain lines."""

import pytest

from glimpse.envs.documents.markup_text import _closed, html_lines, markdown_lines
from glimpse.envs.documents.sentence_division import SourceLine, divide_into_sentences


def sentences(text: str, abbreviations: bool = False) -> list[tuple[int, str]]:
    """Divide a text of several lines."""
    lines = (SourceLine(*each) for each in enumerate(text.split("\n"), 1))
    return [(line.number, line.text) for line in divide_into_sentences(lines, abbreviations)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two!  Three?", [(1, "One."), (1, "Two!"), (1, "Three?")]),
        ("It goes\non here. And\nthere", [(1, "It goes on here."), (2, "And there")]),
        ("A heading\n\nA text.", [(1, "A heading"), (3, "A text.")]),
        ("Mr. Smith of the U.S. paid 3.50. Why?", [(1, "Mr. Smith of the U.S. paid 3.50."), (1, "Why?")]),
        ('"Stop." He went (home.) Then', [(1, '"Stop."'), (1, "He went (home.)"), (1, "Then")]),
        ("他来了。她走了！", [(1, "他来了。"), (1, "她走了！")]),
        ("\u0130zmir\u3002Bursa is a city.", [(1, "\u0130zmir\u3002"), (1, "Bursa is a city.")]),
        ("write to a@b.com now", [(1, "write to a@b.com now")]),
        ("\n \n", []),
    ],
)
def test_sentences_end_at_marks_and_with_their_paragraph(text: str, expected: list[tuple[int, str]]) -> None:
    """Each has the line on which it begins."""
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("George W. Bush spoke. He left.", ["George W. Bush spoke.", "He left."]),
        ("By J. R. R. Tolkien (W. H. Auden)\nand B.\nSmith.", ["By J. R. R. Tolkien (W. H. Auden) and B. Smith."]),
        ("Sun et al. wrote it. So Sun et al. (2010) did.", ["Sun et al. wrote it.", "So Sun et al. (2010) did."]),
        (
            "Apple Inc. makes it. I like Apple Inc. Bob, too.",
            ["Apple Inc. makes it.", "I like Apple Inc.", "Bob, too."],
        ),
        ("P. Smith wrote p. 3.", ["P. Smith wrote p. 3."]),
        ("Apple Inc., a firm. See Fig. 3a.", ["Apple Inc., a firm.", "See Fig. 3a."]),
        ("In Jan. 1950 Lt. Col. Smith said no. They left.", ["In Jan. 1950 Lt. Col. Smith said no.", "They left."]),
        (
            "It has vitamin C. It's good. So did I. Bob left.",
            ["It has vitamin C.", "It's good.", "So did I.", "Bob left."],
        ),
        ("Plan B.\n\nThe end is B.", ["Plan B.", "The end is B."]),
        ('He said "plan B." Then he left. then more.', ['He said "plan B."', "Then he left.", "then more."]),
    ],
)
def test_dots_of_abbreviations_end_no_sentence(text: str, expected: list[str]) -> None:
    """Of a user's documents, where the next word goes on; other texts are divided at them."""
    assert [line for _, line in sentences(text, abbreviations=True)] == expected
    assert sentences("George W. Bush") == [(1, "George W."), (1, "Bush")]


def test_markdown_loses_its_marks() -> None:
    """Headings, items and rows are sentences of their own, without marks; a rule is none."""
    text = "# The *Title* #\nSee [this](http://a.b) **now**.\n\n---\n- one item\n2. two `code`\n| a | b |\n|---|---|\n"
    title, lines = markdown_lines(text)
    assert title == "The Title"
    expected = [(1, "The Title"), (2, "See this now."), (5, "one item"), (6, "two code"), (7, "a b")]
    assert [tuple(line) for line in divide_into_sentences(lines)] == expected
    assert markdown_lines("no heading, snake_case * 2")[0] == ""
    assert markdown_lines("snake_case * 2")[1][0].text == "snake_case * 2"


def test_html_shows_what_is_visible() -> None:
    """Scripts and the title are no sentences; blocks are, and entities are characters."""
    page = (
        "<html><head><title>A  page</title><script>var x = 'no.';</script></head>\n<body><h1>Head</h1>\n<p>Ham &amp;\n"
    )
    page += "<b>eggs</b>. More.<p>Last<style>p {}</style></body>"
    title, lines = html_lines(page)
    assert title == "A page"
    expected = [(2, "Head"), (3, "Ham & eggs."), (4, "More."), (4, "Last")]
    assert [tuple(line) for line in divide_into_sentences(lines)] == expected


@pytest.mark.parametrize("begin", ["<a ", "</a ", "<!--", "<![CDATA[", "<?", "<!"])
def test_what_is_begun_and_never_closed_is_escaped_or_hidden(begin: str) -> None:
    """The parser sees no construct whose end it would seek to the end of the page, each time anew."""
    left = _closed(f"<p>Shown</p>{begin * 1000}")
    assert left.startswith("<p>Shown</p>") and "<" not in left.removeprefix("<p>Shown</p>")
    _, lines = html_lines(f"<p>Shown</p>{begin * 1000}")
    assert "Shown" in [line.text for line in lines]


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("```python\n# a comment\n```\n# Real", "Real", [(2, "# a comment"), (4, "Real")]),
        ("~~~~\n~~~\n```\na -->\n~~~~\nEnd", "", [(2, "~~~ ``` a -->"), (6, "End")]),
        ("---\ntitle: 'My title'\ntags:\n- a\n---\nText.", "My title", [(6, "Text.")]),
        ("---\nNo matter\n---", "No matter", [(2, "No matter")]),
        ("A heading\n===\nText.\n\nAnother\n---\n", "A heading", [(1, "A heading"), (3, "Text."), (5, "Another")]),
        ("- item\n---\n# Title", "Title", [(1, "item"), (3, "Title")]),
        ("One <!-- no\nno\nno --> two.<!-- no -->\nThree.", "", [(1, "One two."), (4, "Three.")]),
        ("`<!--` begins\n-->.\n<!-- but", "", [(1, "<!--"), (1, "begins -->."), (3, "<!--"), (3, "but")]),
        ("<!--\n```\n-->\n# Title", "Title", [(4, "Title")]),
    ],
)
def test_markdown_has_titles_code_and_comments(text: str, title: str, expected: list[tuple[int, str]]) -> None:
    """Comments of code are no titles; front matter and underlined lines are; other comments are left out."""
    found, lines = markdown_lines(text)
    assert found == title and [tuple(line) for line in divide_into_sentences(lines)] == expected


@pytest.mark.parametrize(
    ("page", "title", "shown"),
    [
        ("<title>Page</title><svg><title>An icon</title></svg><p>Text", "Page", ["Text"]),
        ("<select><option>One<option>Two</select> more", "", ["One", "Two", "more"]),
        ("<p>A<div hidden>no <div>no</div> no</div><b hidden>no</b> B", "", ["A", "B"]),
        ("<p hidden>no<p>A<ul><li hidden>no</ul>B<br hidden>C<input hidden>D", "", ["A", "B", "CD"]),
        ("<template>no</template><noscript>no</noscript>A</i>B", "", ["AB"]),
        ("<p>A <!-- no --> B<!-- no <p>no", "", ["A B"]),
        ("<p>1 < 2 <![CDATA[ and <a", "", ["1 < 2 <![CDATA[ and <a"]),
    ],
)
def test_html_leaves_out_what_is_hidden(page: str, title: str, shown: list[str]) -> None:
    """An element with `hidden` has no visible text; the end of some elements may be left out."""
    found, lines = html_lines(page)
    assert found == title and [line.text for line in divide_into_sentences(lines)] == shown
