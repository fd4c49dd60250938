"""Words of any language can be drawn."""

import pytest
from PIL import ImageFont

from glimpse.envs import lettering as module
from glimpse.envs.lettering import has, lettering, spelled


def test_pillows_own_font_has_english() -> None:
    """Nothing is changed; without letters too."""
    texts, font = lettering(["Two dogs,", "3 cats & a hat"], 11)
    assert texts == ["Two dogs,", "3 cats & a hat"] and font.getname() == ImageFont.load_default(11).getname()  # type: ignore[union-attr]
    assert lettering([], 11)[0] == []


def test_others_are_spelled_where_no_font_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """German as it is written without its own letters, others without their accents, and what is left as a mark."""
    monkeypatch.setattr(module, "_OTHERS", ())
    texts, font = lettering(["Mädchen über Straße", "café señor", "中"], 11)
    assert texts == ["Maedchen ueber Strasse", "cafe senor", "?"] and has(font, "".join(texts))


def test_every_text_can_be_drawn() -> None:
    """With the system's fonts or without: no box is ever drawn in a letter's place."""
    texts, font = lettering(["Mädchen", "Größe – „Übung“"], 13)
    assert has(font, "".join(texts)) and spelled(texts[0], font) == texts[0]
