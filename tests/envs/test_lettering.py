"""Tests of the fonts for words of any language."""

import pytest
from PIL import ImageFont

from glimpse.envs import lettering as module
from glimpse.envs.lettering import fit_lettering, has_letters, transliterate


def test_pillows_default_font_has_english() -> None:
    """English texts are unchanged, and so is an empty list."""
    texts, font = fit_lettering(["Two dogs,", "3 cats & a hat"], 11)
    assert texts == ["Two dogs,", "3 cats & a hat"] and font.getname() == ImageFont.load_default(11).getname()  # type: ignore[union-attr]
    assert fit_lettering([], 11)[0] == []


def test_letters_that_no_font_has_are_transliterated(monkeypatch: pytest.MonkeyPatch) -> None:
    """German umlauts become two letters, accents are dropped, and other letters become question marks."""
    monkeypatch.setattr(module, "_SYSTEM_FONTS", ())
    texts, font = fit_lettering(["Mädchen über Straße", "café señor", "中"], 11)
    assert texts == ["Maedchen ueber Strasse", "cafe senor", "?"] and has_letters(font, "".join(texts))


def test_missing_letters_are_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error says that a font is missing; a question mark in a text, or an accent, is no reason."""
    monkeypatch.setattr(module, "_SYSTEM_FONTS", ())
    module._say_what_is_missing.cache_clear()
    assert fit_lettering(["why? caf\xe9"], 11)[0] == ["why? cafe"] and capsys.readouterr().err == ""
    for _ in range(2):
        assert fit_lettering(["\u597d?"], 11)[0] == ["??"]
    (line,) = capsys.readouterr().err.splitlines()
    assert "no font here has all letters" in line


def test_every_text_can_be_drawn() -> None:
    """With or without system fonts, no box is drawn in place of a letter."""
    texts, font = fit_lettering(["Mädchen", "Größe – „Übung“"], 13)
    assert has_letters(font, "".join(texts)) and transliterate(texts[0], font) == texts[0]
