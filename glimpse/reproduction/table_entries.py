"""What a table of `glimpse reproduce` is made of: its lines, and what others published for the same setting."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Published:
    """What others reached in a line's setting: test error in percent; for Catch the share caught, for texts right.

    proceedings: Mnih et al. (2014), the tables of the NIPS proceedings.
    arxiv: the same paper's first version on arXiv, whose tables differ.
    best_public: the best public implementation that does not choose its weights on the test set.
    source: its repository.
    recalled: which of these numbers are quoted from memory and were not checked against their source.
    paper: the paper that a line's model is from, on the same test set, if with other vectors or more data.
    cited: that paper.
    """

    proceedings: float | None = None
    arxiv: float | None = None
    best_public: float | None = None
    source: str | None = None
    recalled: tuple[Literal["proceedings", "arxiv", "best_public", "paper"], ...] = ()
    paper: float | None = None
    cited: str | None = None


@dataclass(frozen=True)
class Entry:
    """One line of a table.

    config: a shipped config, by name.
    label: what it is, in a few words.
    seeds: how many runs there are by default, of seeds 0, 1 and so on.
    published: what others reached, if the setting is theirs.
    control: whether it is there to be compared with, and not to be praised.
    drawn: whether it is in the figure of costs or of glimpses; every line is in the table.
    folds: whether run n, besides having seed n, leaves fold n of the data out for its test.
    family: whose line it is on in the figure of rates; alone, if there is none. In learning curves, whose chart. In
        curves by length any name: lines without one have none.
    short: its name in such a chart, if shorter than its label.
    beside: the config of the line than which it is so many times as fast, if the table says how fast.
    """

    config: str
    label: str
    seeds: int = 3
    published: Published | None = None
    control: bool = False
    folds: bool = False
    drawn: bool = True
    family: str = ""
    short: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Table:
    """A table: its heading, what must be known to read it, its lines, and what its figure shows.

    figure: `lines`, each line's score; `cost`, accuracy over what it costs; `glimpses`, error over glimpses taken;
        `rates`, accuracy over the share of words that is read.
    costs: what an answer costs, as columns: parameters, pixels, multiply_adds.
    tested_again: which lines saw the test set more than once, and why, if any did.
    updates: whether the updates that were made in training are a column, since lines train for a time.
    speed: whether the seconds of an epoch and the words of a second, in training, are columns.
    curve: the measure of validation data of which learning curves are drawn, if any; of lines that have a family.
    lengths: whether BLEU is drawn by the length of the source, a curve for each line that has a family.
    pace: whether the texts are that are answered in a second, and how many times as many as by the line beside.
    reasons: whether the words that are named as reasons, against those that people marked, are columns.
    """

    title: str
    text: str
    entries: tuple[Entry, ...]
    figure: Literal["lines", "cost", "glimpses", "rates"] = "lines"
    costs: tuple[Literal["parameters", "pixels", "multiply_adds"], ...] = ()
    tested_again: str = ""
    updates: bool = False
    speed: bool = False
    pace: bool = False
    curve: str = ""
    lengths: bool = False
    reasons: bool = False


def control(config: str, label: str, published: Published | None = None, drawn: bool = True) -> Entry:
    """A line that is trained once, to be compared with."""
    return Entry(config, label, 1, published, control=True, drawn=drawn)


def other_eyes(task: str, glimpses: int) -> tuple[Entry, ...]:
    """RAM's controls on a task, as lines beside those of other agents."""
    eyes = {"path": "learned fixed path", "random": "random places", "raster": "raster scan", "centre": "centre"}
    return tuple(control(f"{task}-{name}", f"{label}, {glimpses}", drawn=False) for name, label in eyes.items())
