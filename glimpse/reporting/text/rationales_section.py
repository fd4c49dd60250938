"""Section of the report with scores of rationales: agreement with known or human ones, and faithfulness."""

from markupsafe import Markup

from glimpse.agents.ability_questions import target_keep_rate
from glimpse.evaluation.keep_rates import selection_warnings
from glimpse.evaluation.rationale_scores import Faithfulness, RationaleAgreement, RationaleScores, rationale_name
from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.reporting.html_parts import (
    Cell,
    Fact,
    NumberTable,
    Row,
    RowGroup,
    facts_table,
    number_table,
    single_chart,
)
from glimpse.reporting.measure_names import result_name
from glimpse.reporting.run_record import Evaluation, RunRecord

_OWN = "own selection, greedy"
_HEADS = ["Words kept, %", "Recall, %", "Precision, %", "F1, %", "Micro F1, %", "IOU-F1, %"]


def rationales_body(record: RunRecord) -> Markup:
    """Return the HTML of the scores of rationales of a run's evaluations; "" if there are none."""
    parts = []
    for one in record.evaluations:
        if one.rationales:
            parts.append(_rationales(one, one.rationales, record))
        elif one.faithfulness:
            facts = _faithfulness_facts(one.title, one.faithfulness, _OWN)
            parts.append(facts_table(facts, f"{one.title}: faithfulness of the rationales"))
    return Markup("").join(parts)


def keep_rates_table(measured: Evaluation, record: RunRecord) -> Markup:
    """Return the table of the words that sampled selections keep, and of their agreement; "" if none are selected."""
    rates = measured.own.keep_rates
    if not rates:
        return Markup("")
    mode = "M = 1" if record.trained.agent.stochastic else ""
    row = Row(next(iter(measured.scores)), [Cell(f"{100 * rate:.1f}") for rate in rates.values()])
    name = rationale_name(record.trained.experiment.task)
    compared = f" Recall, precision and F1 are those of all words together, against the {name}."
    many = f"The mean of {measured.own.copies} sampled episodes" if measured.own.copies > 1 else "One sampled episode"
    caption = f"{many} on each text." if mode else ""
    caption += compared if "rationale_f1" in rates else ""
    target = target_keep_rate(record.trained.agent)
    caption += "".join(f" Warning: {text}." for text in selection_warnings(rates, target))
    title = f"{measured.title}: words that are read{f', {mode}' if mode else ''}"
    return number_table(
        NumberTable(title, [result_name(key) for key in rates], [RowGroup([row], own=True)], caption.strip())
    )


def _rationales(measured: Evaluation, found: RationaleScores, record: RunRecord) -> Markup:
    """Return the scores of one evaluation."""
    name, own = rationale_name(record.trained.experiment.task), bool(measured.own.keep_rates)
    top = f"the {100 * found.keep_rate:g} % of words with the highest salience"
    chosen = _OWN if own else top
    parts = [
        number_table(_agreement_table(measured, found, name, chosen, top)),
        facts_table(_facts(measured.title, found, chosen), f"{measured.title}: faithfulness of the rationales"),
    ]
    if len(found.f1_by_keep_rate) > 1:
        caption = f"The words with the highest salience as the rationale, against the {name}."
        mode = "greedy" if record.trained.agent.stochastic else ""
        parts.append(single_chart(_f1_chart(measured, found, mode), caption))
    return Markup("").join(parts)


def _agreement_table(measured: Evaluation, found: RationaleScores, name: str, chosen: str, top: str) -> NumberTable:
    """Return the agreement of the agent's rationales, and below it that of words that are chosen blindly."""
    own = {chosen: found.choice, top: found.top}
    blind = {"as many words, at random": found.random, "as many words, the first ones": found.first}
    groups = [
        RowGroup([_agreement_row(one, each) for one, each in own.items()], own=True),
        RowGroup([_agreement_row(one, each) for one, each in blind.items()], "Chosen without reading"),
    ]
    caption = (
        f"Recall, precision and F1 of words are means over texts; micro F1 is of all words together. IOU-F1 compares "
        f"spans: one matches if it overlaps a span of the {name} by half of their union (DeYoung et al., 2020)."
    )
    return NumberTable(f"{measured.title}: predicted against {name}s", _HEADS, groups, caption)


def _agreement_row(name: str, one: RationaleAgreement) -> Row:
    """Return the agreement of one kind of rationale in percent, in the order of the columns."""
    values = (one.keep_rate, one.recall, one.precision, one.f1, one.micro_f1, one.spans_f1)
    return Row(name, [Cell(f"{100 * value:.1f}") for value in values])


def _facts(of: str, found: RationaleScores, chosen: str) -> list[Fact]:
    """Return the faithfulness, in percentage points, and how well salience ranks the words."""
    return [
        *_faithfulness_facts(of, found, chosen),
        Fact(f"{of}: average precision", f"{100 * found.average_precision:.1f} %", "Of the words, ranked by salience."),
        Fact(
            f"{of}: AUPRC",
            f"{100 * found.auprc:.1f} %",
            "Area under the same curve by the trapezoid rule, as ERASER has it.",
        ),
    ]


def _faithfulness_facts(of: str, found: RationaleScores | Faithfulness, chosen: str) -> list[Fact]:
    """Return the faithfulness, in percentage points."""
    drop = "Drop in probability of the class that is answered from the whole text"
    areas = "the mean over the 1, 5, 10, 20 and 50 % of words with the highest salience"
    return [
        Fact(
            f"{of}: sufficiency",
            _points(found.sufficiency),
            f"{drop} if the rationale alone is read ({chosen}); lower is better.",
        ),
        Fact(
            f"{of}: comprehensiveness",
            _points(found.comprehensiveness),
            f"{drop} if all other words are read; higher is better.",
        ),
        Fact(f"{of}: sufficiency, mean", _points(found.sufficiency_area), f"The same drop, {areas}."),
        Fact(f"{of}: comprehensiveness, mean", _points(found.comprehensiveness_area), f"The same drop, {areas}."),
    ]


def _points(drop: float) -> str:
    """Return a drop in probability in percentage points."""
    return f"{100 * drop:z.1f} points"


def _f1_chart(measured: Evaluation, found: RationaleScores, mode: str) -> Chart:
    """Return the chart of F1 over the share of words that are kept; `mode` is how the agent acted."""
    points = tuple((100 * float(rate), 100 * f1) for rate, f1 in found.f1_by_keep_rate.items())
    title = f"{measured.title}: {result_name('top_f1', mode)}"
    return Chart(title, "words kept, %", (Series("F1", points),))
