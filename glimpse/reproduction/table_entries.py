"""Classes that describe a result table of `glimpse reproduce`: its lines, and published numbers for comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

PROTOCOLS = {
    "slundqui/tfRAM": "ten sampled episodes of each image, counted one by one (M = 1)",
    "dHonerkamp/Recurrent-Attention-Model": "one episode with mean locations (greedy)",
    "Element-Research/rnn": "one episode; the option --stochastic samples its locations",
    "samrudhdhirangrej/Recurrent-Model-of-Visual-Attention": "one episode; whether its locations are sampled is not "
    "stated",
}
"""How public implementations measured the test set, by repository."""
PAPER_PROTOCOL = (
    "the paper states neither how many episodes of an image it averages nor whether their locations are sampled"
)


@dataclass(frozen=True)
class Published:
    """Published numbers, in percent: test error, for Catch the success rate, for text the accuracy.

    proceedings: Mnih et al. (2014), the tables of the NIPS proceedings.
    arxiv: the same paper's first version on arXiv, whose tables differ.
    best_public: the best public implementation that does not choose its weights on the test set.
    source: repository of that implementation.
    recalled: which of these numbers are quoted from memory and were not checked against their source.
    paper: number in the paper that introduced the model, on the same test set, maybe with other vectors or more data.
    cited: reference of that paper.
    """

    proceedings: float | None = None
    arxiv: float | None = None
    best_public: float | None = None
    source: str | None = None
    recalled: tuple[Literal["proceedings", "arxiv", "best_public", "paper"], ...] = ()
    paper: float | None = None
    cited: str | None = None

    @property
    def protocols(self) -> dict[str, str]:
        """How the numbers were measured on the test set, by what they are from; only for agents that look."""
        known = {"Mnih et al. (2014)": PAPER_PROTOCOL} if self.proceedings or self.arxiv else {}
        return known | {name: told for name, told in PROTOCOLS.items() if name == self.source}


@dataclass(frozen=True)
class TableEntry:
    """One line of a table.

    config: name of a shipped config.
    label: short description.
    seeds: default number of runs, with seeds 0, 1 and so on.
    published: published numbers, if others used the same setting.
    control: whether the line is a control or baseline, drawn in grey.
    folds: whether run n, besides having seed n, tests on fold n of the data.
    drawn: whether the line is in the table's figure; every line is in the table.
    family: curve of the figure `keep_rates`, and chart of the learning curves, that the line belongs to; by default it
        has a curve of its own, and no learning curve. In curves by length, lines without a family are left out.
    short: name in these charts; by default the label.
    beside: name of the line that it is compared with, also in speed, if it is not the table's `reference`.
    variant: name of what the line changes in the config; empty if nothing.
    overrides: config overrides `a.b=c` that change it.
    ranking: ranking whose first sentences are opened on the config's task instead of training its agent: one of
        `evidence_controls.RANKERS`, or `re-ranker`; empty for a line that is trained.
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
    variant: str = ""
    overrides: tuple[str, ...] = ()
    ranking: str = ""

    @property
    def name(self) -> str:
        """Name of the line, by which `--only` and run folders call it: config, and variant or ranking if any."""
        return _line_name(self.config, self.variant, self.ranking)

    @property
    def source(self) -> str:
        """What the line trains, in the words of the command line: the config, and the overrides; or its name."""
        return self.name if self.ranking else " ".join((self.config, *self.overrides))


def row_name(row: Mapping[str, Any]) -> str:
    """Return the name of the line to which a result row belongs."""
    return _line_name(Path(row["config"]).stem, row.get("variant", ""), row.get("ranking", ""))


def _line_name(config: str, variant: str, ranking: str) -> str:
    return f"{config}{variant and f'-{variant}'}{ranking and f'+{ranking}'}"


@dataclass(frozen=True)
class Stated:
    """A difference between two lines that the page states, with whether it is shown.

    about: what it is about, in words.
    first, second: configs of the lines.
    metric: the metric in which the first is said to be better or worse than the second.
    """

    about: str
    first: str
    second: str
    metric: str


@dataclass(frozen=True)
class Table:
    """A result table.

    title: heading.
    text: what the reader must know.
    entries: the lines.
    figure: `lines`, the score of each line; `cost`, accuracy over cost; `glimpses`, error over glimpses taken;
        `keep_rates`, accuracy over the share of words that is read; `people`, right answers of people and agents after
        each look; `looks`, error after each look over pixels seen; `search`, evidence and accuracy over what is opened,
        for each family of lines.
    costs: cost of an answer, as columns: parameters, pixels, multiply_adds.
    tested_again: which lines were evaluated on the test set more than once, and why; empty if none were.
    updates: whether the number of training updates is a column, where lines train for a given time.
    speed: whether seconds per epoch and words per second, in training, are columns.
    pace: whether texts answered per second are a column, and the speed-up over the line named by `beside`.
    curve: validation measure whose learning curves are drawn, for lines with a family; empty for none.
    lengths: whether BLEU is drawn over the length of the source, a curve for each line with a family.
    rationales: whether the agreement of predicted with human rationales is shown in columns.
    reference: config of the line that the others of its task are compared with; by default the first one that is no
        control.
    compared: further metrics in which lines are compared, besides the first one of the line they are compared with.
    stated: differences that the page states besides those from `reference`.
    people: whether each line is compared with people, and maps of their looks are drawn.
    shifts: other data on which trained lines are measured too: override by the end of its metrics' names.
    whole: numbers of a whole picture, all channels, on average; where given, a column shows what share was seen.
    """

    title: str
    text: str
    entries: tuple[TableEntry, ...]
    figure: Literal["lines", "cost", "glimpses", "keep_rates", "people", "looks", "search"] = "lines"
    costs: tuple[Literal["parameters", "pixels", "multiply_adds"], ...] = ()
    tested_again: str = ""
    updates: bool = False
    speed: bool = False
    pace: bool = False
    curve: str = ""
    lengths: bool = False
    rationales: bool = False
    reference: str = ""
    compared: tuple[str, ...] = ()
    stated: tuple[Stated, ...] = ()
    people: bool = False
    shifts: Mapping[str, str] = field(default_factory=dict)
    whole: int = 0


def control(config: str, label: str, published: Published | None = None, drawn: bool = True) -> TableEntry:
    """Return a line for a control or baseline that is trained once."""
    return TableEntry(config, label, 1, published, control=True, drawn=drawn)


def control_entries(task: str, glimpses: int) -> tuple[TableEntry, ...]:
    """Return the lines of RAM's controls, which look at other locations.

    Args:
        task: beginning of the configs' names.
        glimpses: number of glimpses, for the labels.
    """
    controls = {
        "path": "learned fixed path",
        "random": "random locations",
        "raster": "raster scan",
        "centre": "centre",
    }
    return tuple(control(f"{task}-{name}", f"{label}, {glimpses}", drawn=False) for name, label in controls.items())
