"""Tests of the strict YAML reader and writer."""

import pytest
import yaml

from glimpse.config.strict_yaml import parse_yaml, write_yaml

AWKWARD_TEXTS = [
    "", " ", "~", "null", "true", "no", "off", "1e-3", "012", "0x1F", "1_000", "12:30", "2024-01-01", ".inf",
    "5.", "-", "- a", "a: b", "#a", "*a", "&a", "!a", "%a", "@a", "`a", "'", '"', "{a}", "[", "=", "<<",
    "a\nb", "a\n", "\t", " a ", "é😀\u2028", "\x07", "word " * 60,
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-2.5E-1", -0.25),
        ("1e4", 10_000),
        ("+7", 7),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("no", "no"),
        ("on", "on"),
        ("012", "012"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("'7'", "7"),
        ("!!str 7", "7"),
        ("{a: [1, {b: x}]}", {"a": [1, {"b": "x"}]}),
        ("# nothing", None),
    ],
)
def test_values_are_read_as_written(text: str, value: object) -> None:
    """Values are read as YAML 1.2 reads them: `no`, `012` or `12:30` stay text."""
    read, mistakes = parse_yaml(text)
    assert read == value
    assert type(read) is type(value)
    assert mistakes == []


def test_a_whole_number_is_an_int_however_it_is_written() -> None:
    """A whole number becomes an int, unless it is too large for a float to hold exactly."""
    assert [type(parse_yaml(text)[0]) for text in ("1e4", "10.0", "1e300")] == [int, int, float]


def test_every_key_that_is_given_twice_is_reported() -> None:
    """Each duplicate key is reported with its line, and its first value is kept so that checking can continue."""
    value, mistakes = parse_yaml("a: 1\nb: {c: 2, c: 3}\na: 4\n5: 6\n")
    assert value == {"a": 1, "b": {"c": 2}}
    assert mistakes == [
        (2, "the key 'c' is given twice (first in line 2)"),
        (3, "the key 'a' is given twice (first in line 1)"),
        (4, "the key 5 is not text"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\n\tb: 2", 2, "a tab in the indentation; use spaces"),
        ("a: 1\nb: c: d", 2, "mapping values are not allowed here"),
        ("a:\n  - [1, 2\n", 3, "expected ',' or ']'"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ("a: &x [1]\nb: *x", 1, "alias"),
        ("a: &x [*x]", 1, "alias"),
        ("a: !!python/object/apply:os.system ['true']", 1, "is not supported: only plain data"),
        ("a: !!binary aGk=", 1, "is not supported: only plain data"),
        ("a: !!int seven", 1, "not what its tag 'int' says"),
        ("a: !!map [1]", 1, "not a mapping"),
        ("a: 1e999", 1, "a number too large"),
        ("a: " + "9" * 5000, 1, "a number too large"),
        ("a: 1\nb: \x00", 2, "no text"),
        ("[" * 5000, 1, "nested too deeply"),
    ],
)
def test_unreadable_yaml_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    """Unreadable YAML gives one error with its line, and no value."""
    value, mistakes = parse_yaml(text)
    assert value is None
    assert [mistake.line for mistake in mistakes] == [line]
    assert problem in mistakes[0].text


@pytest.mark.parametrize("text", AWKWARD_TEXTS)
def test_awkward_text_survives_a_round_trip(text: str) -> None:
    """Text that resembles other YAML survives writing and reading, also by a YAML 1.1 reader."""
    value = {"key": text, "list": [text]}
    written = write_yaml(value)
    assert parse_yaml(written) == (value, [])
    assert yaml.safe_load(written) == value


@pytest.mark.parametrize("number", [1e-5, 0.1, 1 / 3, 1e16, 1e300, 5e-324, -2.5, 0, 2**70])
def test_numbers_survive_a_round_trip_exactly(number: float) -> None:
    """A number that is written and read again is exactly equal, as resuming a run from its config needs."""
    assert parse_yaml(write_yaml([number])) == ([number], [])
