"""Report of a run that reads texts: complete, self-contained, well formed, and without test texts."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import pytest

from glimpse.envs.text import whole_text
from glimpse.envs.text.text_data import TextData, load_text
from glimpse.evaluation.evaluate import evaluate_command
from glimpse.reporting.report import report_command
from glimpse.reporting.text.accounts import reading_run
from glimpse.reporting.text.token_drawings import tokens_picture
from glimpse.runs.metrics_log import MetricsLog
from glimpse.runs.trained_run import open_run

MakeRun = Callable[..., Path]
ALWAYS = ["answers.svg", "curves.png", "index.html"]
HOPS = {"kind": "lstm", "width": 3, "pooling": {"kind": "structured", "hops": 2, "hidden": 3}}
SPARSE = {"kind": "sparse", "heads": 2, "pattern": {"kind": "window", "width": 1}}


class Page(HTMLParser):
    """Parser that checks that all tags are closed in order, and collects ids, tags, addresses and words."""

    def __init__(self, text: str) -> None:
        """Parse the page."""
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag, its id and its addresses."""
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag such as <path/>, which is closed at once."""
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that the tag is the last one opened."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Record words of texts, which are in spans."""
        if self.open and self.open[-1] == "span":
            self.words.append(data)


def report_page(run: Path, texts: int = 4) -> str:
    """Write a run's report and return its page."""
    report_command(run, None, texts)
    return (run / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("encoder", "task", "pictures", "sections"),
    [
        ({"kind": "lstm", "width": 3}, {}, ["tokens.svg"], []),
        ({"kind": "cnn", "filters": 2}, {}, [], []),
        (HOPS, {}, ["hops.svg", "overlap.svg", "tokens.svg"], ["hops"]),
        ({"kind": "disan", "width": 4}, {}, ["directions.svg", "mask.svg", "tokens.svg"], ["pairs", "masks"]),
        (
            {"kind": "transformer", "width": 4, "attention": SPARSE},
            {"kind": "pairs"},
            ["mask.svg", "pairs.svg", "tokens.svg"],
            ["pairs", "masks"],
        ),
        ({"kind": "hierarchical"}, {"sentences": True}, ["document.svg"], []),
        (
            {"kind": "distance", "width": 4, "heads": 2},
            {"kind": "scores"},
            ["directions.svg", "mask.svg", "tokens.svg"],
            ["pairs", "masks"],
        ),
    ],
    ids=["lstm", "cnn", "structured", "disan", "sparse", "hierarchical", "distance"],
)
def test_each_encoder_has_its_pictures(
    make_run: MakeRun,
    encoder: dict[str, Any],
    task: dict[str, Any],
    pictures: list[str],
    sections: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The page has no scripts or external resources; every SVG is XML; paths of files are printed."""
    run = make_run(encoder, **task)
    page = Page(report_page(run))
    first, last = ["results", "training", "diagnostics", "answers", "texts"], ["mistakes", "config"]
    assert page.ids == [*first, *sections, *last]
    assert page.addresses == [f"#{name}" for name in page.ids]
    assert page.tags.isdisjoint({"script", "link", "iframe", "object", "b>", "img"})
    files = sorted(path.name for path in (run / "report").iterdir())
    assert files == sorted([*ALWAYS, *pictures])
    assert sorted(capsys.readouterr().out.split()) == [str(run / "report" / name) for name in files]
    for name in files:
        if name.endswith(".svg"):
            ET.parse(run / "report" / name)


def test_odd_words_and_names_are_shown_as_they_are(make_run: MakeRun) -> None:
    """Tags, entities and quotes are escaped; control characters are replaced."""
    run = make_run(min_count=1)
    text = report_page(run, texts=50)
    page = Page(text)
    assert {"<", ">", "&", '"', "naïve", "映画", "w" * 60} <= set(page.words)
    assert "<b>bold" not in text and "\x07" not in text and "\ufffd" in text
    assert "class &lt;" in text and "class <" not in text and "a &lt;fast&gt; machine" in text


def test_words_are_as_strong_as_their_weights(make_run: MakeRun) -> None:
    """The largest weight of a text has strength 1, and each word has its weight as a tooltip."""
    text = report_page(make_run(), texts=50)
    for words in re.findall(r'<p class="tokens">(.*?)</p>', text):
        weights = [float(weight) for weight in re.findall(r'title="([\d.]+)"', words)]
        assert sum(weights) == pytest.approx(1, abs=0.01)
        strongest = max(re.findall(r'style="--w:([\d.]+)" title="([\d.]+)"', words), key=lambda pair: float(pair[1]))
        assert strongest == ("1.00", f"{max(weights):.4f}")


def test_mistakes_are_the_most_confident_ones_first(make_run: MakeRun) -> None:
    """All mistakes of a small split are shown; their number agrees with the error."""
    run = make_run()
    evaluate_command(run, "validation", None, None, None)
    scores = json.loads((run / "evaluation.json").read_text())["validation"]["scores"]["reader"]
    text = report_page(run)
    section = text[text.index('<section id="mistakes">') :]
    sure = [int(percent) for percent in re.findall(r'<span class="wrong">.*?</span> <small>(\d+) %', section)]
    assert sure == sorted(sure, reverse=True)
    assert len(sure) == round(scores["greedy"]["error"] / 100 * scores["greedy"]["episodes"])
    assert f"{len(sure)} of {scores['greedy']['episodes']} validation texts were answered wrongly" in section
    assert f"{scores['averaged']['error']:.2f} <small>{scores['averaged']['low']:.2f}" in text
    assert "Validation error, %</h3>" in text and "has not been evaluated on the test set" in text


def test_scores_have_errors_and_correlations(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    """The page of scores has no classes, no wrong answers and no validation error in percent."""
    run = make_run(kind="scores")
    logged = {"validation_error": 90.0, "validation_pearson": 0.1, "reward": 0.0}
    MetricsLog(run / "metrics.jsonl").write({"step": 5, **logged})
    evaluate_command(run, "validation", None, None, None)
    measured = json.loads((run / "evaluation.json").read_text())["validation"]["scores"]["reader"]["averaged"]
    printed = capsys.readouterr().out
    assert "Pearson's r" in printed and f" {measured['figures']['pearson']:.4f} " in printed
    assert f" {1 - measured['high'] / 100:.4f} to {1 - measured['low'] / 100:.4f} " in printed
    text = report_page(run)
    for words in (
        "Validation agreement with the true scores",
        "Pearson",
        "largest errors",
        "Validation mean absolute error, by length",
        "a score from 1 to 3",
    ):
        assert words in text
    assert "Validation Pearson's r</h3>" in unescape(text) and "Validation error, %" not in text
    assert "answered wrongly" not in text and "Reward" not in text and " classes" not in text


def test_the_report_is_the_same_each_time(make_run: MakeRun, tmp_path: Path) -> None:
    """All files are equal byte for byte."""
    run = make_run(HOPS)
    report_page(run)
    report_command(run, tmp_path / "again", 4)
    names = sorted(path.name for path in (run / "report").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert (run / "report" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_only_validation_texts_are_read(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report loads the validation split alone."""
    run, asked = make_run(), list[str]()

    def noting(options: Any, split: Literal["train", "validation", "test"], **more: Any) -> TextData:
        asked.append(split)
        return load_text(options, split, **more)

    monkeypatch.setattr(whole_text, "load_text", noting)
    text = report_page(run, texts=1)
    assert asked == ["validation"] and "The first text of the validation split." in text


def test_long_texts_are_cut_and_say_so(make_run: MakeRun) -> None:
    """Texts are cut after 600 words, with the weight of the others; matrices after 40 tokens."""
    run = make_run({"kind": "transformer", "width": 4, "layers": 1, "feed_forward": 4}, times=70)
    page = report_page(run, texts=20)
    assert re.search(r"<small>and [\d,]+ more words, which have \d+ % of the weight</small>", page)
    assert re.search(r"The first 40 of \d+ tokens\.", page)


def test_long_documents_are_cut_and_say_so(make_run: MakeRun) -> None:
    """Documents are cut after 600 words, with the weight of the other sentences."""
    page = report_page(make_run({"kind": "hierarchical"}, sentences=True, times=70), texts=20)
    assert re.search(r"<small>and [\d,]+ more sentences, which have \d+ % of the weight</small>", page)


def test_the_picture_for_the_tracker_is_reproducible(make_run: MakeRun, tmp_path: Path) -> None:
    """The picture that training logs at the end shows the same validation texts each time."""
    agent, env = reading_run(open_run(make_run(), "validation", "cpu", pytest.fail))
    for name in ("one.svg", "two.svg"):
        tokens_picture(agent, env, 3, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    captions = ET.parse(tmp_path / "one.svg").findall(".//{http://www.w3.org/2000/svg}text[@class='strong']")
    assert len(captions) == 3 and all((one.text or "").startswith("class <") for one in captions)
