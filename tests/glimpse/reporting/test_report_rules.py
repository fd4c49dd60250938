"""Rules that the reports of all families keep, on a small run of each."""

import re
import shutil
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.envs.images import catch
from glimpse.families import FAMILIES
from glimpse.reporting.report_size import MOST_BYTES
from tests.envs.conftest import QUESTIONS
from tests.glimpse.reporting import page_rules
from tests.glimpse.reporting.page_rules import Node, read_page

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("report rules")

_FILE = f"file:{QUESTIONS}"
_ASKED = [f"task.{name}={_FILE}" for name in ("data", "validation", "test")]
RUNS = {
    "images": ["digits-ram", "task.retina.patch=2", "task.retina.scales=2", "agent.classification=every_step"],
    "control": ["catch-ram", "task.screen=6", "task.start_rows=2", "task.retina.patch=2", "agent.memory_width=16"],
    "text": ["planted", "evaluate.batch=1000"],
    "reading": ["number-prediction", "evaluate.batch=1000"],
    "documents": ["evidence-own", *_ASKED, "task.vectors=none", "agent.embedding=trained", "task.opens=3"],
    "translation": ["copy-bahdanau", "task.strings=200", "task.longest=4"],
    "simultaneous translation": ["copy-simultaneous", "task.strings=200", "task.longest=4"],
}
"""Config and overrides of a small run of each family."""
SMALL = ["train.steps=4", "train.batch=8", "train.evaluate_every=2", "threads=1", "track.mode=disabled"]


@pytest.fixture(scope="module", params=FAMILIES)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the report of a small run that was evaluated."""
    folder = tmp_path_factory.mktemp("rules")
    config, *more = RUNS[request.param]
    copies = ["evaluate.copies=2"] if request.param in ("images", "text", "reading") else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catch, "_EXAMPLES", 200)
        assert main(["train", config, *more, *SMALL, *copies, "--run", str(folder / "run")]) == 0
        assert main(["evaluate", str(folder / "run"), "--split", "validation"]) == 0
        assert main(["report", str(folder / "run"), "--output", str(folder / "report"), "--episodes", "4"]) == 0
    return folder / "report"


@pytest.fixture(scope="module")
def page(report: Path) -> Node:
    """Return the report's page."""
    return read_page((report / "index.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", ["safe", "one_value", "modes", "words", "described", "narrow"])
def test_the_page_keeps_the_rule(page: Node, rule: str) -> None:
    """Each rule is described in `page_rules`."""
    getattr(page_rules, f"check_{rule}")(page)


def test_the_report_is_small(report: Path) -> None:
    """All its files together are not larger than a report may be."""
    assert sum(file.stat().st_size for file in report.iterdir()) < MOST_BYTES


def test_drawings_beside_the_page_have_titles_in_words(report: Path) -> None:
    """The title of an SVG file says what is seen in it."""
    for file in report.glob("*.svg"):
        (title,) = re.findall("<title>(.*?)</title>", file.read_text(encoding="utf-8"))
        assert len(title.split()) >= 4 and not page_rules.RAW_KEY.search(title), title


def test_each_rule_can_be_broken() -> None:
    """A page that breaks a rule is found by it."""
    style = (
        ".scroll { overflow-x: auto; scrollbar-width: thin; a: local } nav { flex-wrap: wrap } img { max-width: 100%; }"
    )
    table = '<figure><h3>Error</h3><table class="scores"><thead><tr><td></td><th>A</th><th>{}</th></tr></thead><tbody>'
    row = "<tr><th>ram</th><td>1.5</td><td>2</td></tr></tbody></table></figure>"
    broken = {
        "safe": ["<script></script>", '<a href="http://x"></a>', '<p onclick="x"></p>'],
        "one_value": [
            table.format("A") + row,
            "<div><dt>Error</dt><dd>1</dd></div><div><dt>Error</dt><dd>2</dd></div>",
        ],
        "modes": [table.format("B") + row, "<figure><h3>Validation error, %</h3></figure>"],
        "words": ["<h3>val_acc</h3>", '<svg class="chart" aria-label="x"><text>error_m10</text></svg>'],
        "described": ['<img alt="image">', '<svg aria-label="Confusion matrix"></svg>'],
        "narrow": [
            f"<style>{style}</style>{table.format('B')}{row}",
            f"<style>{style} .tiles {{ min-width: 400px; }}</style>",
            f'<style>{style}</style><svg class="drawing"></svg>',
        ],
    }
    for rule, pages in broken.items():
        for text in pages:
            with pytest.raises(AssertionError):
                getattr(page_rules, f"check_{rule}")(read_page(text))


def test_hostile_names_are_escaped_everywhere(tmp_path: Path) -> None:
    """Classes, texts and folders with tags, quotes and ampersands stay what they are, in reports and comparisons."""
    evil = "<script>alert('1')</script> \"&amp;\" onerror=x \u202e\x07"
    rows = [f"{evil} film {at % 7} was {word}\t{word} {evil}" for at in range(30) for word in ("good", "bad")]
    (tmp_path / "texts.tsv").write_text("\n".join(["text\tlabel", *rows, ""]), encoding="utf-8")
    data = ["task.name=text", "task.vectors=none", f"task.data=file:{tmp_path}/texts.tsv", "train.evaluate_every=2"]
    more = ["train.steps=2", "train.batch=8", "threads=1", "track.mode=disabled", "train.precision=float32"]
    runs = [tmp_path / f"<b>{name}&\"'" for name in "ab"]
    assert main(["train", "trec-lstm", *data, *more, "--run", str(runs[0])]) == 0
    assert main(["evaluate", str(runs[0]), "--split", "validation"]) == 0
    shutil.copytree(runs[0], runs[1])
    assert main(["report", str(runs[0]), "--output", str(tmp_path / "report")]) == 0
    assert main(["compare", *map(str, runs), "--html", str(tmp_path / "compared.html")]) == 0
    for file in (tmp_path / "report" / "index.html", tmp_path / "compared.html"):
        text = file.read_text(encoding="utf-8")
        page_rules.check_safe(read_page(text))
        assert "<script" not in text and "&lt;b&gt;" in text and "\x07" not in text and "\u202e" not in text
    page = read_page((tmp_path / "report" / "index.html").read_text(encoding="utf-8"))
    shown = " ".join(one.text for one in page.all("span", "th", "figcaption"))
    assert "good <script>alert('1')</script> \"&amp;\" onerror=x" in shown
