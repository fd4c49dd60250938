"""Notes below a table of results that explain its numbers."""

from collections.abc import Sequence

from glimpse.reproduction.table_lines import MeasuredLine
from glimpse.runs.results import Row

STAR = "\\*"
"""Mark of a number that is quoted from memory."""


def result_notes(lines: Sequence[MeasuredLine], rows: Sequence[Row]) -> list[str]:
    """Return the notes that explain the numbers."""
    notes = [
        "Mean over seeds; with three or more also the standard deviation, and in brackets the range. 95 %: interval of "
        "the metric to its left over test examples, not over seeds. The weights are those that were best on validation "
        "data."
    ]
    if any(row["metric"] == "test_rationale_recall" for row in rows):
        notes.append(
            "Accuracy is that of the probabilities averaged over ten sampled selections. Kept, or dependents for "
            "ReSAN, is the share of words in a sampled selection; recall, precision and F1 compare these words with "
            "the known rationale."
        )
    if any(row["metric"] == "test_bleu_simultaneous" for row in rows):
        notes.append(
            "Simultaneous is BLEU of the translations written while the source was read. Wait-k is BLEU of the same "
            "weights with a wait-k policy in place of the learned one, at the same DAL, interpolated linearly "
            "between k = 1, 3, 5, 7 and 9 tokens. AL is average lagging, DAL differentiable average lagging (Cherry "
            "and Foster, 2019): a policy that writes some tokens early and then reads the rest of the source has a "
            "small AL and a large DAL. The other columns are of whole sentences."
        )
    if any(row["metric"] == "test_auprc" for row in rows):
        notes.append(
            "AUPRC is ERASER's official number, the area under the precision-recall curve by the trapezoid rule; "
            "average precision sums the same curve in steps."
        )
    if any(row["metric"] == "test_reference_lag_words" for row in rows):
        notes.append("AL is at the pace of the translation, SimulEval AL at that of the reference.")
    if any(row["metric"] == "texts_per_second" for row in rows):
        notes.append(
            "Texts per second are test texts answered greedily in batches, all time included. Times as fast compares "
            "with the reader of whole texts on the same data."
        )
    if any(row["metric"].startswith("test_error") for row in rows):
        notes.append(
            "M = 1 is a single rollout with sampled locations, greedy is one with mean locations; a larger M "
            "averages the probabilities of M rollouts per example."
        )
    known = [line.entry.published for line in lines if line.entry.published]
    if sources := list(dict.fromkeys(one.source for one in known if one.source)):
        notes.append(
            f"Paper: Mnih et al. (2014), whose two versions have different tables. Best public: {', '.join(sources)}."
        )
    protocols = {name: told for one in known for name, told in one.protocols.items()}
    if protocols:
        told = "; ".join(f"{name}: {how}" for name, how in protocols.items())
        notes.append(
            f"Published numbers are of single episodes or of an unstated protocol, and stand beside ours of single "
            f"episodes; M = 10 is ours alone. {told}."
        )
    if papers := list(dict.fromkeys(one.cited for one in known if one.cited)):
        notes.append(f"Papers, whose models start from vectors of 300 numbers: {'; '.join(papers)}.")
    if any(one.recalled for one in known):
        notes.append(f"{STAR} Quoted from memory, and not checked against its source.")
    return notes
