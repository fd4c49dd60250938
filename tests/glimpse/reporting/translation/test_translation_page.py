"""Page of a run that translates: its measures, labelled sentences, and warnings of unknown words."""

import json
from pathlib import Path
from typing import Any

import pytest

from glimpse.cli.command_line import main
from glimpse.envs import lettering
from glimpse.reporting.translation.measured_translations import measured_translations, search_name
from glimpse.reporting.translation.translation_charts import length_names
from tests.glimpse.reporting.page_rules import Node, read_page

# Its run is made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("translation page")

WORDS = {"dog": "狗", "cat": "猫", "sees": "看见", "likes": "喜欢", "big": "大", "small": "小"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run on own texts, English to Chinese, whose validation sources have words that training lacks."""
    folder = tmp_path_factory.mktemp("own")
    lines = [
        f"{size} dog {verb} {other} cat"
        for size in ("big", "small")
        for verb in ("sees", "likes")
        for other in ("big", "small")
    ]
    for part, more in (("train", ""), ("held", " unheard")):
        sources = [(line + more) if at % 2 else f"{line} {line} {line}" for at, line in enumerate(lines * 4)]
        targets = ["".join(WORDS.get(word, "") for word in line.split()) for line in sources]
        (folder / f"{part}.en").write_text("\n".join(sources) + "\n", encoding="utf-8")
        (folder / f"{part}.zh").write_text("\n".join(targets) + "\n", encoding="utf-8")
    data = [f"task.data=file:{folder}/train", f"task.validation=file:{folder}/held", "task.source=en", "task.target=zh"]
    small = ["train.steps=2", "train.batch=8", "train.evaluate_every=2", "threads=1", "track.mode=disabled"]
    task = ["task.tokenizer=words", "agent.search.beam=2"]
    assert main(["train", "copy-bahdanau", *data, *task, *small, "--run", str(folder / "run")]) == 0
    assert main(["evaluate", str(folder / "run"), "--split", "validation"]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def page(run: Path) -> Node:
    """Return the page of the run's report with four sentences."""
    assert main(["report", str(run), "--episodes", "4"]) == 0
    return read_page((run / "report" / "index.html").read_text(encoding="utf-8"))


def _table(page: Node, title: str) -> list[list[str]]:
    """Return the cells of the table with a title."""
    (figure,) = [
        one for one in page.all("figure") if any(title in head.text for head in one.all("h3")) and any(one.all("table"))
    ]
    return [[cell.text for cell in row.all("th", "td")] for row in figure.all("tr")]


def test_quality_has_exact_match_and_each_search(page: Node, run: Path) -> None:
    """There is a row for greedy search and for the beam, with BLEU and its interval, chrF and exact match."""
    record = json.loads((run / "evaluation.json").read_text())["validation"]
    heads, greedy, beam = _table(page, "translation quality")
    assert heads == ["", "BLEU", "chrF", "Exact match, %"]
    for row, key, interval in ((greedy, "greedy", "greedy_bleu_interval"), (beam, "searched", "bleu_interval")):
        low, high = record[interval]
        bleu, *others = (f"{record[key][name]:.2f}" for name in ("bleu", "chrf", "right"))
        assert row[2:] == others and row[1].split() == [bleu, f"{low:.2f}", "to", f"{high:.2f}"]
    assert (greedy[0], beam[0]) == ("greedy", "beam 2")


def test_bleu_is_shown_by_the_length_of_the_source(page: Node, run: Path) -> None:
    """Each group of lengths has a row with its number of sentences."""
    groups = json.loads((run / "evaluation.json").read_text())["validation"]["by_length"]
    _, *rows = _table(page, "BLEU by length of the source, beam 2")
    assert [row[0] for row in rows] == ["1 to 10 words", "11 to 15 words"]
    assert [row[1:] for row in rows] == [[str(one["sentences"]), f"{one['bleu']:.2f}"] for one in groups]
    assert sum(int(row[1]) for row in rows) == 32


def test_sentences_are_labelled_and_unknown_words_are_named(page: Node) -> None:
    """Source, output with its search, and reference are named; a word that training lacks is warned of."""
    sides = [one for one in page.all("table") if "sides" in one.kinds]
    assert len(sides) == 5  # That at the top, and four sentences.
    for one in sides:
        names = [row.text for row in one.all("th")]
        assert names[:3] == ["Source", "Output, beam 2", "Reference"]
        source = next(iter(one.all("td"))).text
        assert ("Not in the vocabulary" in names) == ("unheard" in source)
    assert any("Not in the vocabulary" in one.text for one in sides)
    (warning,) = [one.text for one in page.all("p") if "note" in one.kinds and "Warning" in one.text]
    # Of the 32 sources, 16 have six words and the end, and 16 have fifteen and the end.
    assert warning.startswith(
        f"Warning : {100 * 16 / (16 * 7 + 16 * 16):.1f} % of the tokens of the validation sources"
    )


def test_pictures_with_letters_that_no_font_has_say_so(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names what to install, however many pictures there are; with a font there is none."""
    monkeypatch.setattr(lettering, "_BY_NAME", ())
    monkeypatch.setattr(lettering, "_system_fonts", lambda: [])
    monkeypatch.setattr(lettering, "_SAID", set())
    for cached in (lettering._named_font, lettering._best_font):
        cached.cache_clear()
    assert lettering.fit_lettering(["狗"], 11)[0] == ["[1 letter]"]
    assert main(["report", str(run), "--output", str(tmp_path), "--episodes", "2"]) == 0
    assert capsys.readouterr().err.count("install Noto Sans CJK") == 1
    for cached in (lettering._named_font, lettering._best_font):
        cached.cache_clear()


def _record(**more: Any) -> dict[str, Any]:
    """Return the record of an evaluation as the first versions wrote it, with more."""
    quality = {"bleu": 1.0, "chrf": 2.0}
    searched = {**quality, "signatures": ["a", "b"]}
    groups = [{"words": 10, "bleu": 3.0}, {"words": None, "bleu": 4.0}]
    return {
        "step": 1,
        "beam": 1,
        "perplexity": 2.0,
        "greedy": quality,
        "searched": searched,
        "by_length": groups,
        **more,
    }


def test_old_records_are_read(tmp_path: Path) -> None:
    """They lack exact match, intervals and numbers of sentences; the test set comes first."""
    (tmp_path / "evaluation.json").write_text(json.dumps({"validation": _record(), "test": _record()}))
    found = measured_translations(tmp_path / "evaluation.json")
    assert list(found) == ["test", "validation"] and search_name(found["test"]) == "greedy"
    assert search_name(_record(beam=5)) == "beam 5"
    assert length_names(found["test"]["by_length"]) == ["1 to 10 words", "11 and more words"]
