"""Tests of the fonts for words of any language."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import ImageFont

from glimpse.envs import lettering as module
from glimpse.envs.lettering import fit_lettering, has_letters, transliterate


@pytest.fixture
def no_system_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the fonts of the system, and forget what was found and said."""
    _use_fonts(monkeypatch, [])


def _use_fonts(monkeypatch: pytest.MonkeyPatch, paths: list[str]) -> None:
    """Let the system have these fonts alone."""
    monkeypatch.setattr(module, "_BY_NAME", ())
    monkeypatch.setattr(module, "_SAID", set())
    monkeypatch.setattr(module, "_system_fonts", lambda: paths)
    for cached in (module._named_font, module._best_font):
        cached.cache_clear()


def make_font(path: Path, letters: str) -> str:
    """Write a font that has some letters, each a triangle of its own size, and a square for missing ones."""
    builder = FontBuilder(1000, isTTF=True)
    names = {ord(letter): f"letter{at}" for at, letter in enumerate(letters)}
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    glyphs = {}
    for at, name in enumerate([".notdef", *names.values()]):
        pen = TTGlyphPen(None)
        corners = [(0, 0), (0, 700), (700, 700), (700, 0)] if not at else [(0, 0), (0, 700), (100 + 60 * at, 0)]
        pen.moveTo(corners[0])
        for corner in corners[1:]:
            pen.lineTo(corner)
        pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


def test_pillows_default_font_has_english() -> None:
    """English texts are unchanged, and so is an empty list."""
    texts, font = fit_lettering(["Two dogs,", "3 cats & a hat"], 11)
    assert texts == ["Two dogs,", "3 cats & a hat"] and font.getname() == ImageFont.load_default(11).getname()  # type: ignore[union-attr]
    assert fit_lettering([], 11)[0] == []


@pytest.mark.usefixtures("no_system_fonts")
def test_letters_that_no_font_has_are_transliterated_or_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """German umlauts become two letters, accents are dropped; of other letters their number is given, not a mark."""
    texts, font = fit_lettering(["Mädchen über Straße", "café señor", "中文 and 中"], 11)
    assert texts == ["Maedchen ueber Strasse", "cafe senor", "[2 letters] and [1 letter]"]
    assert has_letters(font, "".join(texts))
    capsys.readouterr()


@pytest.mark.usefixtures("no_system_fonts")
def test_what_to_install_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """One line names the letters and a font that has them; a question mark in a text, or an accent, is no reason."""
    assert fit_lettering(["why? caf\xe9"], 11)[0] == ["why? cafe"] and capsys.readouterr().err == ""
    for text in ("\u597d?", "\u4e2d?"):
        assert fit_lettering([text], 11)[0] == ["[1 letter]?"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("the letters \u597d, so that pictures give their number instead; install Noto Sans CJK")
    fit_lettering(["\u05e9\u05dc\u05d5\u05dd"], 11)
    assert capsys.readouterr().err.endswith("install Noto Sans Hebrew\n")


def test_a_font_is_found_by_the_letters_that_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three fonts the one with all letters is taken, and without that the one with the most of them."""
    latin = "ab[0123456789letrs]"
    few, many = (
        make_font(tmp_path / f"{name}.ttf", latin + letters)
        for name, letters in (("few", "\u4e2d"), ("many", "\u4e2d\u6587\u597d"))
    )
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    _use_fonts(monkeypatch, [str(broken), few, many])
    texts, font = fit_lettering(["\u4e2d\u6587 a"], 11)
    assert texts == ["\u4e2d\u6587 a"] and font.getname()[0] == "many"  # type: ignore[union-attr]
    texts, font = fit_lettering(["\u4e2d\u6587\u597d\u8c22 b"], 11)
    assert texts == ["\u4e2d\u6587\u597d[1 letter] b"]
    assert font.getname()[0] == "many"  # type: ignore[union-attr]


def test_fonts_of_boxes_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A font that has a box for every letter is left out; regular upright fonts come first."""
    entries = [
        SimpleNamespace(name="Slanted", fname="slanted.ttf", style="italic", weight=400),
        SimpleNamespace(name="Last Resort High-Efficiency", fname="boxes.ttf", style="normal", weight=400),
        SimpleNamespace(name="Bold", fname="bold.ttf", style="normal", weight=700),
        SimpleNamespace(name="Plain", fname="plain.ttf", style="normal", weight=400),
    ]
    manager = SimpleNamespace(fontManager=SimpleNamespace(ttflist=entries))
    monkeypatch.setattr(module, "import_module", lambda name: manager)
    module._system_fonts.cache_clear()
    assert module._system_fonts() == ["plain.ttf", "bold.ttf", "slanted.ttf"]
    module._system_fonts.cache_clear()


def test_every_text_can_be_drawn() -> None:
    """With or without system fonts, no box is drawn in place of a letter."""
    texts, font = fit_lettering(["Mädchen", "Größe – „Übung“"], 13)
    assert has_letters(font, "".join(texts)) and transliterate(texts[0], font) == texts[0]
