"""HTML page of the report of a run that translates."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.translation_evaluator import own_texts_note
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.drawing.matrix_words import weights_words
from glimpse.reporting.drawing.svg import Drawing, inline_svg
from glimpse.reporting.html_page import Section, config_section, not_measured, report_page, training_section
from glimpse.reporting.html_parts import Cell, NumberTable, Row, RowGroup, number_table, single_chart
from glimpse.reporting.html_templates import render
from glimpse.reporting.run_record import RunRecord
from glimpse.reporting.score_tables import weights_note
from glimpse.reporting.translation.alignment import alignment_drawing, head_drawings
from glimpse.reporting.translation.measured_translations import search_name
from glimpse.reporting.translation.shown_translations import (
    ShownTranslation,
    alignment_words,
    searched_by,
    unknown_share,
)
from glimpse.reporting.translation.translation_charts import bleu_by_length_chart, lag_chart, length_names
from glimpse.runs.trained_run import BEST

_LEAD = "Every sentence on this page is from the validation split."
_LAGS = {
    "lag_words": "AL, words",
    "lag_tokens": "AL, tokens",
    "reference_lag_words": "AL at the reference's pace (SimulEval), words",
    "dal_words": "DAL, words",
}


def translation_page(
    record: RunRecord,
    measured: dict[str, dict[str, Any]],
    shown: Sequence[ShownTranslation],
    curves: Sequence[Chart],
    fewer: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        record: the run.
        measured: its evaluations by split.
        shown: sentences with their translations.
        curves: training curves.
        fewer: a sentence if fewer sentences are shown than were asked for.
    """
    trained = record.trained
    sections = [
        Section("results", "Results", _results(record, measured)),
        training_section(record, curves, "dropout" if not trained.agent.stochastic else "sampled actions"),
        Section("sentences", "Sentences", _sentences_body(record, shown, fewer)),
        *([Section("heads", "Head by head", _heads_body(shown[0]))] if len(shown[0].alignment.maps) > 1 else []),
        config_section(record),
    ]
    hero = render("text_hero.html", figure=_sentence(shown[0], searched_by(trained.agent)))
    title = f"{trained.experiment.agent_title} on {trained.experiment.task_title}"
    return report_page(record, title, _LEAD, _facts(record), hero, sections)


def translation_charts(measured: dict[str, dict[str, Any]]) -> list[Chart]:
    """Return the charts of all evaluations."""
    return [chart for split, found in measured.items() for chart, _ in _charts(split, found)]


def _charts(split: str, measured: dict[str, Any]) -> list[tuple[Chart, str]]:
    """Return the charts of an evaluation on a split, each with its caption."""
    charts = []
    if len(measured["by_length"]) > 1:
        caption = f"Sentences in groups of similar length ({search_name(measured)}), each at the middle of its group."
        charts.append((bleu_by_length_chart(split, measured), caption))
    if measured.get("waits"):
        charts.append((lag_chart(split, measured), "The same weights, with their own policy (greedy) and with wait-k."))
    return charts


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    agent, env = record.trained.agent, record.trained.env
    source, target = env.languages
    tokens = f"{len(source):,}" if source is target else f"{len(source):,} and {len(target):,}"
    search = agent.options.search
    return [
        ("Sentences", f"{env.examples:,}"),
        ("Vocabulary", f"{tokens} {env.options.tokenizer}"),
        ("Parameters", f"{sum(weight.numel() for weight in agent.parameters()):,}"),
        ("Search", f"beam {search.beam}, length penalty {search.length_penalty:g}" if search.beam > 1 else "greedy"),
    ]


def _results(record: RunRecord, measured: dict[str, dict[str, Any]]) -> Markup:
    """Return the tables and charts of evaluations."""
    parts = []
    for split, found in measured.items():
        parts.append(number_table(_quality_table(record, split, found)))
        parts += [number_table(_lag_table(split, found["simultaneous"]))] if "simultaneous" in found else []
        parts.append(number_table(_length_table(split, found)))
        parts += [single_chart(chart, caption) for chart, caption in _charts(split, found)]
    return Markup("").join([*parts, not_measured(record, list(measured))])


def _titled(split: str, what: str) -> str:
    """Return the name of a split with a capital letter, and what was measured on it."""
    return f"{split[:1].upper()}{split[1:]}: {what}"


def _quality_table(record: RunRecord, split: str, found: dict[str, Any]) -> NumberTable:
    """Return BLEU, chrF and exact match of each search, and of simultaneous translation if there was any."""
    rows = {"greedy": (found["greedy"], found.get("greedy_bleu_interval"))}
    rows[search_name(found)] = found["searched"], found.get("bleu_interval")
    if "simultaneous" in found:
        rows["simultaneous, greedy"] = found["simultaneous"], found.get("simultaneous_interval")
    listed = [
        Row(
            name,
            [
                Cell(f"{one['bleu']:.2f}", "" if interval is None else "{:.2f} to {:.2f}".format(*interval)),
                Cell(f"{one['chrf']:.2f}"),
                Cell(f"{one['right']:.2f}" if "right" in one else "not measured"),
            ],
        )
        for name, (one, interval) in rows.items()
    ]
    heads = ["BLEU", "chrF", "Exact match, %"]
    return NumberTable(
        _titled(split, "translation quality"), heads, [RowGroup(listed, own=True)], _caption(record, split, found)
    )


def _caption(record: RunRecord, split: str, found: dict[str, Any]) -> str:
    """Return what the numbers of a table are of."""
    perplexity = f"Detokenised; small, the 95 % interval. Perplexity of a reference's token: {found['perplexity']:.3f}."
    signatures = f"{' and '.join(found['searched']['signatures'])}."
    reason = found["searched"].get("tokenizer_reason", "")
    problem = own_texts_note(record.trained.experiment) if split == "test" else ""
    older = weights_note(found["step"], found.get("weights", BEST), record.trained.step)
    note = f"Note: {problem}." if problem else ""
    return " ".join(filter(None, [perplexity, signatures, f"{reason}." if reason else "", older.strip(), note]))


def _lag_table(split: str, one: dict[str, Any]) -> NumberTable:
    """Return how far simultaneous translations lag behind the source."""
    cells = [(head, Cell(f"{one[key]:.2f}")) for key, head in _LAGS.items() if key in one]
    caption = "AL: average lagging. DAL: differentiable average lagging, which a few early tokens do not lower."
    row = Row("simultaneous, greedy", [cell for _, cell in cells])
    return NumberTable(
        _titled(split, "lag behind the source"), [head for head, _ in cells], [RowGroup([row], own=True)], caption
    )


def _length_table(split: str, found: dict[str, Any]) -> NumberTable:
    """Return BLEU of each group of source lengths."""
    rows = [
        Row(name, [Cell(f"{group['sentences']:,}" if "sentences" in group else ""), Cell(f"{group['bleu']:.2f}")])
        for name, group in zip(length_names(found["by_length"]), found["by_length"], strict=True)
    ]
    title = _titled(split, f"BLEU by length of the source, {search_name(found)}")
    return NumberTable(title, ["Sentences", "BLEU"], [RowGroup(rows)])


def _sentences_body(record: RunRecord, shown: Sequence[ShownTranslation], fewer: str) -> Markup:
    """Return the HTML of sentences with references, alignments, and warnings of unknown words."""
    env: Translating = record.trained.env
    share, search = unknown_share(env), searched_by(record.trained.agent)
    warning = (
        f"{100 * share:.1f} % of the tokens of the validation sources are not in the run's vocabulary: all of them are "
        "the same to the agent."
    )
    return render(
        "sentences.html",
        warning=warning if share else "",
        caption=f"Spread evenly over the validation split and not selected otherwise.{fewer} {_map_caption(shown[0])}",
        sentences=[_sentence(one, search) for one in shown],
    )


def _map_caption(one: ShownTranslation) -> str:
    """Return what the drawing below each sentence shows."""
    if "delays" in one.alignment.maps:
        return (
            "A row is a WRITE of a target token, a column a READ of a source token: dark ones came after the previous "
            "WRITE, pale ones before it, and white ones after the row."
        )
    if one.alignment.mean is None:
        return "This decoder has no attention: it sees the encoder's last state alone."
    return (
        "A row is a token of the translation, a column one of the source; the shade is the attention weight. A token "
        "that does not start a word has a dot before it, and the column </s> is the end of the sentence."
    )


def _sentence(one: ShownTranslation, search: str) -> Markup:
    """Return source, output and reference, what the vocabulary lacks, and the mean alignment of the last layer."""
    drawn = one.alignment.mean is not None
    svg = _svg(alignment_drawing(one.alignment, "", heads=False), alignment_words(one)) if drawn else ""
    return render("sentence.html", one=one, search=search, svg=svg)


def _heads_body(one: ShownTranslation) -> Markup:
    """Return the HTML of one head at a time, collapsed except for the first."""
    heads = []
    for (name, drawing), weights in zip(head_drawings(one.alignment), one.alignment.maps.values(), strict=True):
        words = f"{name}: {weights_words(weights, one.alignment.target, one.alignment.source)}"
        heads.append((name, _svg(drawing, words)))
    return render("heads.html", one=one, heads=heads)


def _svg(drawing: Drawing, words: str) -> Markup:
    """Return a drawing as markup; `words` say what is seen in it."""
    return Markup(inline_svg(drawing, words))
