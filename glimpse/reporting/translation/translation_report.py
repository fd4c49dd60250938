"""Report of a run that translates: its translation quality, and which source tokens it attends to.

Sentences of the test set are never shown.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic reads no other one before Python 3.12.

from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.generation import translate_simultaneously, translate_texts
from glimpse.evaluation.replay import evenly
from glimpse.evaluation.translation_evaluator import own_texts_note
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.drawing.svg import Drawing, below, inline_svg, svg_file
from glimpse.reporting.html_page import (
    Section,
    config_section,
    measured_with,
    report_page,
    single_chart,
    training_section,
)
from glimpse.reporting.run_record import RunRecord, training_charts
from glimpse.reporting.tracked_picture import TrackedPicture
from glimpse.reporting.translation.alignment import Alignment, align, alignment_drawing, head_drawings
from glimpse.reporting.translation.alignment_image import alignment_image
from glimpse.reporting.translation.translation_charts import bleu_by_length_chart, lag_chart
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.evaluation_file import not_an_evaluation, read_evaluation_file
from glimpse.runs.trained_run import BEST

_LEAD = "Every sentence on this page is from the validation split."
_TITLES = {
    "val/bleu": "Validation BLEU, greedy",
    "val/perplexity": "Validation perplexity of a token",
    "val/loss": "Validation cross-entropy of a token",
    "val/lag": "Validation average lagging, words",
    "val/reward": "Validation reward: sentence BLEU minus delay",
    "val/accuracy": "Validation accuracy of a token",
}


class _Quality(TypedDict):
    bleu: float
    chrf: float


class _LengthGroup(TypedDict):
    words: int | None
    bleu: float


class _Searched(_Quality):
    signatures: list[str]
    tokenizer_reason: NotRequired[str]


class _Lagged(TypedDict):
    bleu: float
    dal_words: float


class _Simultaneous(_Quality, _Lagged):
    lag_words: float
    lag_tokens: float
    reference_lag_words: NotRequired[float]


class _Measured(TypedDict):
    """What the page shows of an evaluation by `glimpse evaluate`."""

    step: int
    weights: NotRequired[str]
    beam: int
    perplexity: float
    greedy: _Quality
    searched: _Searched
    by_length: list[_LengthGroup]
    simultaneous: NotRequired[_Simultaneous]
    waits: NotRequired[list[_Lagged]]


_MEASURED = TypeAdapter(_Measured)


class ShownTranslation(NamedTuple):
    """A source sentence with its reference, the run's translation and its alignment."""

    source: str
    reference: str
    target: str
    alignment: Alignment


def translation_files(record: RunRecord, sentences: int) -> dict[str, bytes]:
    """Return the files of the report by name; `sentences` sentences are shown with their alignments."""
    trained = record.trained
    agent: Translator = trained.agent
    env: Translating = trained.env
    shown = shown_sentences(agent, env, sentences)
    measured = _measured(trained.folder.evaluation_path)
    curves = training_charts([_without_reward(row) for row in record.metrics], _TITLES)
    drawn = [chart for split, found in measured.items() for chart, _ in _charts(split, found)]
    sections = [
        Section("results", "Results", _results(record, measured)),
        training_section(curves, "dropout"),
        Section("sentences", "Sentences", _sentences_body(shown)),
        *([Section("heads", "Head by head", _heads_body(shown[0]))] if len(shown[0].alignment.maps) > 1 else []),
        config_section(record),
    ]
    hero = f'<div class="hero">{_aligned_sentence(shown[0])}</div>'
    title = f"{trained.experiment.agent_title} on {trained.experiment.task_title}"
    document = report_page(record, title, _LEAD, _facts(agent, env), hero, sections)
    return {
        "alignments.svg": svg_file(alignments_drawing(shown), "alignments"),
        "alignments.png": png(alignment_image([(one.target, one.alignment) for one in shown])),
        "curves.png": png(charts_image([*drawn, *curves])),
        "index.html": document.encode(),
    }


def shown_sentences(agent: Translator, env: Translating, sentences: int) -> list[ShownTranslation]:
    """Translate sentences spread evenly over the environment's split with the run's search options."""
    numbers = evenly(env.examples, sentences)
    texts, references = ([side[number] for number in numbers] for side in env.texts)
    if isinstance(agent, SimultaneousTranslator):
        found = translate_simultaneously(agent, env, texts, len(texts))
    else:
        found = translate_texts(agent, env, texts, agent.options.search, len(texts))
    return [
        ShownTranslation(one.text, reference, one.target, align(agent, env, one))
        for one, reference in zip(found, references, strict=True)
    ]


def alignments_drawing(shown: Sequence[ShownTranslation]) -> Drawing:
    """Draw the mean map of each sentence, one below the other."""
    return below((alignment_drawing(one.alignment, one.target, heads=False) for one in shown), 24)


def alignments_picture(agent: Translator, env: Translating, sentences: int, path: Path) -> None:
    """Write an SVG of the alignments of sentences of the environment's split, the same ones each time.

    Raises:
        UserError: if the file cannot be written.
    """
    drawing = alignments_drawing(shown_sentences(agent, env, sentences))
    with reporting_write_errors(path):
        replace_file(path, svg_file(drawing, "alignments"))


def _charts(split: str, measured: dict[str, Any]) -> list[tuple[Chart, str]]:
    """Return the charts of an evaluation on a split, each with its caption."""
    charts = []
    if len(measured["by_length"]) > 1:
        caption = "Sentences in groups of similar length, translated by beam search."
        charts.append((bleu_by_length_chart(split, measured), caption))
    if measured.get("waits"):
        charts.append((lag_chart(split, measured), "The same weights, with their own policy and with wait-k."))
    return charts


def _measured(path: Path) -> dict[str, dict[str, Any]]:
    """Read the evaluations of `glimpse evaluate` by split, that on the test set first."""
    known = read_evaluation_file(path)
    found = {split: known[split] for split in ("test", "validation") if known.get(split, {}).get("by_length")}
    try:
        for record in found.values():
            _MEASURED.validate_python(record)
    except ValueError:
        raise not_an_evaluation(path) from None
    return found


def _without_reward(row: dict[str, Any]) -> dict[str, Any]:
    """Remove the reward, which supervised training does not have."""
    return {name: value for name, value in row.items() if name != "train/reward"}


def _facts(agent: Translator, env: Translating) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    source, target = env.languages
    tokens = f"{len(source):,}" if source is target else f"{len(source):,} and {len(target):,}"
    search = agent.options.search
    return [
        ("Sentences", f"{env.examples:,}"),
        ("Vocabulary", f"{tokens} {env.options.tokenizer}"),
        ("Parameters", f"{sum(weight.numel() for weight in agent.parameters()):,}"),
        ("Search", f"beam {search.beam}, length penalty {search.length_penalty:g}" if search.beam > 1 else "greedy"),
    ]


def _results(record: RunRecord, measured: dict[str, dict[str, Any]]) -> str:
    """Return the tables and charts of evaluations."""
    parts = []
    for split, found in measured.items():
        rows = "".join(
            f'<tr><th scope="row">{name}</th><td>{one["bleu"]:.2f}</td><td>{one["chrf"]:.2f}</td></tr>'
            for name, one in (("greedy", found["greedy"]), (f"beam {found['beam']}", found["searched"]))
        )
        rows += _simultaneous_row(found.get("simultaneous"))
        signatures = " and ".join(f"<code>{escape(one)}</code>" for one in found["searched"]["signatures"])
        if reason := found["searched"].get("tokenizer_reason"):
            signatures += f". {escape(reason)}"
        problem = own_texts_note(record.trained.experiment) if split == "test" else ""
        note = f" Note: {escape(problem)}." if problem else ""
        older = measured_with(found["step"], found.get("weights", BEST), record.trained.step)
        parts.append(
            f"""<figure><h3>{split.capitalize()}</h3><div class="scroll"><table class="scores">
<thead><tr><td></td><th scope="col">BLEU</th><th scope="col">chrF</th></tr></thead><tbody class="own">{rows}</tbody>
</table></div><figcaption>Detokenised; perplexity per token {found["perplexity"]:.3f}. {signatures}.
{older}{note}</figcaption></figure>"""
        )
        parts += [single_chart(chart, caption) for chart, caption in _charts(split, found)]
    if "test" not in measured:
        parts.append(
            '<p class="note">This run has not been evaluated on the test set. When training is finished: '
            f"<code>glimpse evaluate {escape(record.typed)}</code></p>"
        )
    return "".join(parts)


def _simultaneous_row(one: dict[str, Any] | None) -> str:
    """Return the table row of simultaneous translation, if there was any; other rows are of whole sentences."""
    if one is None:
        return ""
    lags = f"AL {one['lag_words']:.2f} words, {one['lag_tokens']:.2f} tokens; DAL {one['dal_words']:.2f} words"
    if "reference_lag_words" in one:
        lags += f"; AL at the reference's pace, as SimulEval's, {one['reference_lag_words']:.2f} words"
    name = f"simultaneous ({lags})"
    return f'<tr><th scope="row">{name}</th><td>{one["bleu"]:.2f}</td><td>{one["chrf"]:.2f}</td></tr>'


def _sentences_body(shown: Sequence[ShownTranslation]) -> str:
    """Return the HTML of sentences with references and alignments."""
    caption = (
        "Spread evenly over the validation split and not selected otherwise. A row is a token of the translation, a "
        "column one of the source; the shade is the attention weight. A token that does not start a word has a dot "
        "before it, and the last column is the end of the sentence."
    )
    if "delays" in shown[0].alignment.maps:
        caption = (
            "Spread evenly over the validation split and not selected otherwise. A row is a WRITE of a target token, a "
            "column a READ of a source token: dark ones came after the previous WRITE, pale ones before it, and white "
            "ones after the row."
        )
    elif shown[0].alignment.mean is None:
        caption = "This decoder has no attention: it sees the encoder's last state alone."
    return f"<p>{caption}</p>\n" + "".join(f'<div class="detail">{_aligned_sentence(one)}</div>' for one in shown)


def _aligned_sentence(one: ShownTranslation) -> str:
    """Return source, translation, reference, and the mean alignment over the last layer's heads."""
    texts = f"""<p>{escape(one.source)}<br><b>{escape(one.target)}</b><br><small>{escape(one.reference)}</small></p>"""
    if one.alignment.mean is None:
        return texts
    return texts + _scrollable(alignment_drawing(one.alignment, "", heads=False))


def _heads_body(one: ShownTranslation) -> str:
    """Return the HTML of one head at a time, collapsed except for the first."""
    folded = "".join(
        f"<details{' open' * (number == 0)}><summary>{escape(name)}</summary>{_scrollable(drawing)}</details>"
        for number, (name, drawing) in enumerate(head_drawings(one.alignment))
    )
    return f"<p>{escape(one.source)}<br><b>{escape(one.target)}</b></p>\n{folded}"


def _scrollable(drawing: Drawing) -> str:
    """Return a drawing in a frame that scrolls."""
    return f'<div class="scroll">{inline_svg(drawing, "Alignment")}</div>'


def tracked_alignments(agent: Translator, env: Translating, folder: Path) -> TrackedPicture:
    """Write `alignments.svg`: the alignments of some sentences of the validation split."""
    path = folder / "alignments.svg"
    alignments_picture(agent, env, 12, path)
    return TrackedPicture("alignments", path, "alignments of validation sentences")
