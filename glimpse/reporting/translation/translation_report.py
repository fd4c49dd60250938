"""The report of a run that translates: how good it is, and which words of the source it attended to.

The test set is for measuring only, so none of its sentences is shown.
"""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, cast

from glimpse.agents.translation.simultaneous_translator import Interpreter
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating
from glimpse.errors import UserError
from glimpse.evaluation.generation import interpret_texts, translate_texts
from glimpse.evaluation.replay import evenly
from glimpse.evaluation.translation_evaluator import not_tested
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.drawing.svg import Drawing, below, inline, svg_file
from glimpse.reporting.html_page import Section, config, page, single_chart, training
from glimpse.reporting.run_record import Record, training_charts
from glimpse.reporting.translation.alignment import Alignment, align, alignment_drawing, map_drawing
from glimpse.reporting.translation.alignment_image import alignment_image
from glimpse.reporting.translation.translation_charts import lag_chart, length_chart
from glimpse.runs.durable import reporting_read_errors, reporting_write_errors

_LEAD = "Every sentence on this page is from the validation split."
_TITLES = {
    "validation_bleu": "Validation BLEU, greedy",
    "validation_perplexity": "Validation perplexity of a piece",
    "validation_loss": "Validation cross-entropy of a piece",
    "validation_lag": "Validation: average lagging, words",
    "validation_reward": "Validation: BLEU of a sentence less its delay",
    "validation_accuracy": "Validation: pieces that are the likeliest, share",
}


class Shown(NamedTuple):
    """A sentence: source, reference, what the run made of it, and what it attended to."""

    source: str
    reference: str
    target: str
    alignment: Alignment


def translation_files(record: Record, sentences: int) -> dict[str, bytes]:
    """The files of the report, by name; `sentences` are shown with their alignments."""
    trained = record.trained
    agent, world = cast(Translator, trained.agent), cast(Translating, cast(object, trained.world))
    shown = shown_sentences(agent, world, sentences)
    measured = _measured(trained.folder.evaluation_path)
    curves = training_charts([_without_reward(row) for row in record.metrics], _TITLES)
    drawn = [chart for split, found in measured.items() for chart, _ in _charts(split, found)]
    sections = [
        Section("results", "Results", _results(record, measured)),
        training(curves, "dropout"),
        Section("sentences", "Sentences", _sentences(shown)),
        *([Section("heads", "Head by head", _heads(shown[0]))] if len(shown[0].alignment.maps) > 1 else []),
        config(record),
    ]
    hero = f'<div class="hero">{_aligned(shown[0])}</div>'
    title = f"{trained.experiment.shown_agent} on {trained.experiment.shown_task}"
    document = page(record, title, _LEAD, _facts(agent, world), hero, sections)
    return {
        "alignments.svg": svg_file(alignments_drawing(shown), "alignments"),
        "alignments.png": png(alignment_image([(one.target, one.alignment) for one in shown])),
        "curves.png": png(charts_image([*drawn, *curves])),
        "index.html": document.encode(),
    }


def shown_sentences(agent: Translator, world: Translating, sentences: int) -> list[Shown]:
    """Sentences spread evenly over the world's split, as the run's search translates them."""
    numbers = evenly(world.examples, sentences)
    texts, references = ([side[number] for number in numbers] for side in world.texts)
    if isinstance(agent, Interpreter):
        found = interpret_texts(agent, world, texts, len(texts))
    else:
        found = translate_texts(agent, world, texts, agent.options.search, len(texts))
    return [
        Shown(one.text, reference, one.target, align(agent, world, one))
        for one, reference in zip(found, references, strict=True)
    ]


def alignments_drawing(shown: Sequence[Shown]) -> Drawing:
    """The mean map of each sentence, one below the other."""
    return below((alignment_drawing(one.alignment, one.target, heads=False) for one in shown), 24)


def alignments_picture(agent: Translator, world: Translating, sentences: int, path: Path) -> None:
    """Write an SVG of the alignments of sentences of the world's split; the same ones each time.

    Raises:
        UserError: if it cannot be written.
    """
    drawing = alignments_drawing(shown_sentences(agent, world, sentences))
    with reporting_write_errors(path):
        path.write_bytes(svg_file(drawing, "alignments"))


def _charts(split: str, measured: dict[str, Any]) -> list[tuple[Chart, str]]:
    """What is drawn of what was measured of a split, each with what is said below it."""
    charts = []
    if len(measured["by_length"]) > 1:
        told = "Sentences in groups of like lengths, as the beam translates them."
        charts.append((length_chart(split, measured), told))
    if measured.get("waits"):
        charts.append((lag_chart(split, measured), "The same weights, with their own policy and with wait-k."))
    return charts


def _measured(path: Path) -> dict[str, dict[str, Any]]:
    """What `glimpse evaluate` measured, by split, the test set's first."""
    with reporting_read_errors(path):
        text = path.read_bytes() if path.exists() else b"{}"
    try:
        known = {**json.loads(text)}
        return {split: known[split] for split in ("test", "validation") if known.get(split, {}).get("by_length")}
    except (ValueError, TypeError, AttributeError):
        raise UserError(f"{path} is not what glimpse evaluate writes. Remove it and measure again") from None


def _without_reward(row: dict[str, Any]) -> dict[str, Any]:
    """Who learns from known translations earns nothing meanwhile."""
    return {name: value for name, value in row.items() if name != "reward"}


def _facts(agent: Translator, world: Translating) -> list[tuple[str, str]]:
    """The run in a few words."""
    source, target = world.languages
    pieces = f"{len(source):,}" if source is target else f"{len(source):,} and {len(target):,}"
    search = agent.options.search
    return [
        ("Sentences", f"{world.examples:,}"),
        ("Pieces", f"{pieces} {world.options.pieces}"),
        ("Parameters", f"{sum(weight.numel() for weight in agent.parameters()):,}"),
        ("Search", f"beam {search.beam}, length penalty {search.length_penalty:g}" if search.beam > 1 else "greedy"),
    ]


def _results(record: Record, measured: dict[str, dict[str, Any]]) -> str:
    """Tables of what was measured, with BLEU by length."""
    parts = []
    for split, found in measured.items():
        rows = "".join(
            f'<tr><th scope="row">{name}</th><td>{one["bleu"]:.2f}</td><td>{one["chrf"]:.2f}</td></tr>'
            for name, one in (("greedy", found["greedy"]), (f"beam {found['beam']}", found["searched"]))
        )
        rows += _simultaneous(found.get("interpreted"))
        signatures = " and ".join(f"<code>{escape(one)}</code>" for one in found["searched"]["signatures"])
        told = not_tested(record.trained.experiment) if split == "test" else ""
        none = f" Note: {escape(told)}." if told else ""
        older = f" Measured at step {found['step']:,}." if found["step"] != record.trained.step else ""
        parts.append(
            f"""<figure><h3>{split.capitalize()}</h3><div class="scroll"><table class="scores">
<thead><tr><td></td><th scope="col">BLEU</th><th scope="col">chrF</th></tr></thead><tbody class="own">{rows}</tbody>
</table></div><figcaption>Detokenised; perplexity of a piece {found["perplexity"]:.3f}. {signatures}.
{older}{none}</figcaption></figure>"""
        )
        parts += [single_chart(chart, told) for chart, told in _charts(split, found)]
    if "test" not in measured:
        parts.append(
            '<p class="note">This run has not been measured on the test set. When it is finished: '
            f"<code>glimpse evaluate {escape(record.typed)}</code></p>"
        )
    return "".join(parts)


def _simultaneous(one: dict[str, Any] | None) -> str:
    """A row of what was translated while it was heard, if anything was; the others are of whole sentences."""
    if one is None:
        return ""
    lags = f"{one['lag_pieces']:.2f} pieces; differentiable {one['dal_words']:.2f} words"
    name = f"simultaneous, {one['lag_words']:.2f} words behind ({lags})"
    return f'<tr><th scope="row">{name}</th><td>{one["bleu"]:.2f}</td><td>{one["chrf"]:.2f}</td></tr>'


def _sentences(shown: Sequence[Shown]) -> str:
    """Each with its reference and its map."""
    told = (
        "Spread evenly over the validation split and not chosen otherwise. A row is a piece that was written, a column "
        "one that was read; a square is as strong as its weight. A piece that does not begin a word has a dot before "
        "it, and the last column is the sentence's end."
    )
    if "heard" in shown[0].alignment.maps:
        told = (
            "Spread evenly over the validation split and not chosen otherwise. A row is a piece that was written, a "
            "column one that was heard: the dark ones just before the row was written, the pale ones before the last "
            "row, the others later."
        )
    elif shown[0].alignment.mean is None:
        told = "This decoder has no attention: it knows the encoder's last state alone."
    return f"<p>{told}</p>\n" + "".join(f'<div class="detail">{_aligned(one)}</div>' for one in shown)


def _aligned(one: Shown) -> str:
    """Source, translation and reference, and the mean of the last layer's heads."""
    texts = f"""<p>{escape(one.source)}<br><b>{escape(one.target)}</b><br><small>{escape(one.reference)}</small></p>"""
    if one.alignment.mean is None:
        return texts
    return texts + _scrolled(alignment_drawing(one.alignment, "", heads=False))


def _heads(one: Shown) -> str:
    """One head at a time, folded away but for the first."""
    folded = "".join(
        f"<details{' open' * (number == 0)}><summary>{escape(name)}</summary>{_scrolled(drawing)}</details>"
        for number, (name, drawing) in enumerate(map_drawing(one.alignment))
    )
    return f"<p>{escape(one.source)}<br><b>{escape(one.target)}</b></p>\n{folded}"


def _scrolled(drawing: Drawing) -> str:
    return f'<div class="scroll">{inline(drawing, "Alignment")}</div>'
