"""Numbers of a comparison with people as metrics of a table, and the part of the table's page that shows them."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from glimpse.evaluation.people_comparison import AGENT, AT_PEOPLE, PEOPLE, TITLES
from glimpse.runs.results import Row, markdown_table

PREFIX = "people_"
"""Beginning of the names of these metrics."""
_WAYS = ("same", "changing")


def people_measures(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a comparison, as the record of an evaluation has it, by metric."""
    selection = found["selection"]
    numbers: dict[str, float] = {}
    for name, shares in found["right_after"].items():
        numbers |= _by_look(f"right_{name}", shares)
    for kind, short in (("information_gain", "gain"), ("similarity", "match")):
        numbers |= {f"{short}_{name}": value for name, value in found[kind].items()}
    numbers |= _by_look("kept", selection["kept"])
    numbers |= {f"wrong_{name}": share for name, share in selection["ends_wrong"].items()}
    for name, estimates in selection["estimated"].items():
        numbers |= {f"estimate_{way}_{name}": share for way, share in zip(_WAYS, estimates, strict=True)}
    for way, shares in zip(_WAYS, selection["corrected"], strict=True):
        numbers |= _by_look(f"corrected_{way}", shares)
    return {f"{PREFIX}{name}": value for name, value in numbers.items()}


def _by_look(name: str, shares: Sequence[float]) -> dict[str, float]:
    return {f"{name}_{look}": share for look, share in enumerate(shares, 1)}


def right_after_looks(results: Mapping[str, Row], name: str) -> list[list[float]]:
    """Return the right answers after each look, of each seed, in percent; `name` is one of `TITLES`."""
    found, look = [], 1
    while (row := results.get(f"{PREFIX}{name}_{look}")) is not None:
        found.append([float(value) for value in row["values"]])
        look += 1
    return found


def people_markdown(results: Mapping[str, Row]) -> str:
    """Return the part of the page on one line's comparison, given its result rows by metric."""
    columns = {title: right_after_looks(results, f"right_{name}") for name, title in TITLES.items()}
    columns["agent, episodes that end right"] = right_after_looks(results, "kept")
    for way, title in zip(_WAYS, ("people, all (h and f the same)", "people, all (changing)"), strict=True):
        columns[title] = right_after_looks(results, f"corrected_{way}")
    looks = len(columns[TITLES[PEOPLE]])
    rows = [[str(look + 1), *(_cell(shares, look) for shares in columns.values())] for look in range(looks)]
    return "\n\n".join(
        [
            markdown_table(["look", *columns], rows),
            "Random looks, those at the windows of largest variance (not nearer than half a window to earlier ones) "
            "and those where people looked are of the same network.",
            markdown_table(["looks of", "information gain, bits per click", "ScanMatch"], _agreement(results)),
            "Information gain (Kümmerer et al., 2015): the bits by which a map of these looks at the same digit, mixed "
            "with the centre bias, predicts a click of people better than the centre bias alone, people's clicks on "
            "other digits; its blur and share are chosen on the other half of the digits. ScanMatch (Cristino et al., "
            "2010): the mean similarity of a scanpath with one of people on the same digit, 1 for equal ones; looks "
            "further apart than twice the deviation of people's saccades have nothing in common. The first look is "
            "left out of both. Of people: other people's looks, which is as near as anything can come.",
            _selection_text(results),
        ]
    )


def _cell(shares: Sequence[Sequence[float]], look: int) -> str:
    """Return the mean over seeds after a look, and the range where seeds differ."""
    if look >= len(shares):
        return ""
    values = shares[look]
    spread = f" ({min(values):.1f} to {max(values):.1f})" if max(values) - min(values) > 0.05 else ""
    return f"{mean(values):.1f}{spread}"


def _agreement(results: Mapping[str, Row]) -> list[list[str]]:
    """Return the rows of information gain and similarity."""
    names = [name for name in TITLES if f"{PREFIX}gain_{name}" in results]
    measured = [
        (TITLES[name], *(results[f"{PREFIX}{kind}_{name}"]["mean"] for kind in ("gain", "match"))) for name in names
    ]
    return [[title, f"{gain:+.3f}", f"{match:.3f}"] for title, gain, match in measured]


def _selection_text(results: Mapping[str, Row]) -> str:
    """Say in words how far the selection flatters people."""

    def known(name: str) -> float:
        return float(results[f"{PREFIX}{name}"]["mean"])

    def estimates(name: str) -> str:
        if f"{PREFIX}estimate_same_{name}" not in results:
            return "an unknown share"
        low, high = sorted(known(f"estimate_{way}_{name}") for way in _WAYS)
        return f"{low:.1f} to {high:.1f} %"

    return (
        "How far the selection flatters people: all but none of their sequences name the right class at the end, so "
        f"only those that do seem to be kept. Of the agent's own episodes {known(f'wrong_{AGENT}'):.1f} % end wrong, "
        f"and {known(f'wrong_{AT_PEOPLE}'):.1f} % of those where it looks where people looked; the column of its "
        "episodes that end right shows what leaving these out does. How many of people's were left out is estimated "
        "from those that were kept: from look to look a wrong answer is taken to become right with a chance h and a "
        "right one wrong with a chance f, which are the same at each look or change steadily. That gives "
        f"{estimates(PEOPLE)} of people's sequences. Where the truth is known, the same estimates give "
        f"{estimates(AGENT)} of the agent's episodes and {estimates(AT_PEOPLE)} of those at people's looks: a digit "
        "that is hard stays hard, which hides some. The last two columns are people's right answers without the "
        "selection, by both estimates; there an answer of several classes counts as right if the right one is among "
        "them, as the selection seems to count it."
    )
