"""Tables of an evaluation's scores: greedy episodes, single sampled ones (M = 1), and the mean of M of them.

Each number is in a column, or a row, that says how the agent acted.
"""

from typing import NamedTuple

from glimpse.evaluation.scores import Scores
from glimpse.evaluation.split_score import Score
from glimpse.reporting.html_parts import Cell, NumberTable, Row, RowGroup
from glimpse.reporting.measure_names import result_name
from glimpse.reporting.run_record import Evaluation, RunRecord
from glimpse.runs.trained_run import BEST

_OTHERS = "Same weights, other locations"


class Wording(NamedTuple):
    """Words of a family for its table.

    shows: what an example is, in the plural: `images`.
    greedy: what a greedy agent does.
    sampled: what a sampling agent samples, in the plural: `locations`.
    steps: heading of the column with the mean number of steps of an episode; "" for none.
    """

    shows: str
    greedy: str
    sampled: str
    steps: str = ""


def score_table(measured: Evaluation, record: RunRecord, wording: Wording, note: str = "") -> NumberTable:
    """Return the table of an evaluation: the agent itself, and the same weights with other locations.

    Args:
        measured: the evaluation.
        record: the run that it is of.
        wording: words of the run's family.
        note: a sentence for the caption.
    """
    own, stochastic = measured.own, record.trained.agent.stochastic
    correlation, kind = own.averaged.is_correlation, measured_kind(own.averaged, wording.shows)
    rows = [
        _by_measure(name, acting(scores, stochastic)) if correlation else [_by_way(name, scores, stochastic, wording)]
        for name, scores in measured.scores.items()
    ]
    groups = [RowGroup(rows[0], own=True)]
    if others := [row for each in rows[1:] for row in each]:
        groups.append(RowGroup(others, _OTHERS))
    caption = " ".join(filter(None, [_counted(measured, wording), _modes(measured, stochastic, wording), note]))
    heads = _heads(own, stochastic, wording, kind)
    return NumberTable(f"{measured.title} {kind}", heads, groups, caption + measured_with(measured, record))


def acting(scores: Scores, stochastic: bool, averages: bool = True) -> dict[str, Score]:
    """Return the scores by how the agent acted; `averages` says whether answers of several episodes are averaged."""
    if not stochastic:
        return {"": scores.averaged}
    ways = {"greedy": scores.greedy, "M = 1": scores.sampled}
    return {**ways, f"M = {scores.copies}": scores.averaged} if averages and scores.copies > 1 else ways


def averaged_mode(measured: Evaluation, record: RunRecord) -> str:
    """Return how the answers came about that an evaluation's further measures are of: `M = 10`; "" if in one way."""
    return f"M = {measured.own.copies}" if record.trained.agent.stochastic else ""


def measured_kind(score: Score, shows: str) -> str:
    """Return the name of what a table shows."""
    if score.is_correlation:
        return "agreement with the true scores"
    exact = "exact-match " if "micro_f1" in score.figures else ""
    return "failures, %" if shows == "episodes" else f"{exact}error, %"


def measured_with(measured: Evaluation, record: RunRecord) -> str:
    """Return a sentence if an evaluation is of other weights than the page shows, or not of the best; else ""."""
    return weights_note(measured.step, measured.weights, record.trained.step)


def weights_note(measured: int, weights: str, step: int) -> str:
    """Return a sentence if weights that were measured are others than those shown, or not the best; else "".

    Args:
        measured: training step of the weights that were measured.
        weights: which they were, in words.
        step: training step of the weights that the page shows.
    """
    older = f" Measured at step {measured:,}; the examples are of step {step:,}." if measured != step else ""
    return older + (f" Measured with the weights {weights}." if weights != BEST else "")


def score_cell(score: Score) -> Cell:
    """Return a cell with an error in percent and its 95 % interval."""
    return Cell(f"{score.error:z.2f}", f"{score.low:z.2f} to {score.high:z.2f}")


def _heads(own: Scores, stochastic: bool, wording: Wording, kind: str) -> list[str]:
    """Return the headings of the columns: measures of predicted scores, or ways of acting."""
    if own.averaged.is_correlation:
        return [result_name(figure) for figure in own.averaged.figures]
    heads = [way[:1].upper() + way[1:] for way in acting(own, stochastic, wording.shows != "episodes")]
    heads = heads if stochastic else [kind[:1].upper() + kind[1:]]
    return [*heads, f"{wording.steps}, M = 1"] if stochastic and wording.steps else heads


def _by_way(name: str, scores: Scores, stochastic: bool, wording: Wording) -> Row:
    """Return a row with a cell for each way of acting, and one for the number of steps."""
    cells = [score_cell(score) for score in acting(scores, stochastic, wording.shows != "episodes").values()]
    return Row(name, [*cells, Cell(f"{scores.glimpses:.2f}")] if stochastic and wording.steps else cells)


def _by_measure(name: str, ways: dict[str, Score]) -> list[Row]:
    """Return a row for each way of acting, with a cell for each measure of predicted scores."""
    return [
        Row(f"{name}, {way}" if way else name, [_figure_cell(score, figure) for figure in score.figures])
        for way, score in ways.items()
    ]


def _figure_cell(score: Score, figure: str) -> Cell:
    """Return a cell with a measure of predicted scores; Pearson's r has its interval."""
    interval = f"{1 - score.high / 100:.4f} to {1 - score.low / 100:.4f}" if figure == "pearson" else ""
    return Cell(f"{score.figures[figure]:.4f}", interval)


def _counted(measured: Evaluation, wording: Wording) -> str:
    """Return what was measured, and what the small numbers are."""
    of = " of Pearson's r" if measured.own.averaged.is_correlation else " of each error"
    of = " of each share of failures" if wording.shows == "episodes" else of
    return f"{measured.own.averaged.episodes:,} {measured.split} {wording.shows}; small, the 95 % interval{of}."


def _modes(measured: Evaluation, stochastic: bool, wording: Wording) -> str:
    """Return what the ways of acting are, and the mean absolute error of predicted scores."""
    found, copies = measured.score_measures, measured.own.copies
    error = "" if found is None else f"Mean absolute error{f', M = {copies}' * stochastic}: {found.absolute_error:.4g}."
    if not stochastic:
        return " ".join(filter(None, ["The agent samples nothing: an example has one answer.", error]))
    what = "scores" if found is not None else "probabilities"
    averaged = f" M = {copies}: {what} averaged over {copies} of them." * (copies > 1 and wording.shows != "episodes")
    sampled = f"M = 1: single episodes with sampled {wording.sampled}."
    return f"Greedy: {wording.greedy}. {sampled}{averaged}{f' {error}' if error else ''}"
