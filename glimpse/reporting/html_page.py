"""HTML page of a report: a single file with embedded pictures, without scripts or external resources."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from glimpse import __version__
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.html_parts import small_charts
from glimpse.reporting.html_templates import render
from glimpse.reporting.run_record import RunRecord
from glimpse.runs.run_source import zoo_folder


class Section(NamedTuple):
    """A section of the page: anchor, heading and body; what is not markup is escaped."""

    name: str
    heading: str
    body: Markup


def report_page(
    record: RunRecord,
    title: str,
    lead: str,
    facts: Sequence[tuple[str, str]],
    hero: Markup,
    sections: Sequence[Section],
) -> str:
    """Return the page of a report as HTML.

    Args:
        record: the run.
        title: agent and task.
        lead: a remark on the whole page.
        facts: names and values that describe the run.
        hero: the figure at the top.
        sections: the sections below it.
    """
    header = render(
        "run_header.html",
        title=title,
        run=record.typed,
        lead=lead,
        facts=[*facts, *_history(record)],
        again=_again(record),
        hero=hero,
    )
    return html_document(f"{title}: a glimpse report", header, sections, f"glimpse report {record.typed}")


def html_document(title: str, header: Markup, sections: Sequence[Section], command: str) -> str:
    """Return a page as HTML, with its style in it.

    Args:
        title: title of the window.
        header: what is above the sections.
        sections: the sections.
        command: command that wrote the page.
    """
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return render(
        "page.html",
        title=title,
        style=Markup(style),
        header=header,
        sections=sections,
        version=__version__,
        command=command,
    )


def _again(record: RunRecord) -> str:
    """Return the command that trains the run again; the zoo's own folder is not written into."""
    run = record.run
    folder = Path("runs") / run.name if run.parent == zoo_folder() else run
    config, again = shlex.quote(f"{run}/config.yaml"), shlex.quote(f"{folder}-again")
    return f"glimpse train {config} --folder {again}"


def _history(record: RunRecord) -> list[tuple[str, str]]:
    """Return names and values that say how the weights were trained."""
    trained = record.trained
    return [
        ("Weights", f"of step {trained.step:,}, after {_duration(trained.seconds)}; {trained.weights}"),
        ("Trained on", trained.trained_on),
        ("Seed", str(trained.experiment.seed)),
    ]


def _duration(seconds: float) -> str:
    """Return a duration in words: 37 s, 12 min, 2 h 5 min."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def not_measured(record: RunRecord, splits: Sequence[str]) -> Markup:
    """Return a note on how to evaluate on the test set, if that is not among the splits that were evaluated."""
    return Markup("") if "test" in splits else render("not_measured.html", run=record.typed)


def training_section(record: RunRecord, curves: Sequence[Chart], noise: str) -> Section:
    """Return the section with training curves; `noise` names the randomness in the numbers of training batches."""
    body = render("training.html", curves=curves, charts=small_charts(curves), noise=noise, copies=record.copies)
    return Section("training", "Training", body)


def config_section(record: RunRecord) -> Section:
    """Return the section with the run's config, collapsed."""
    return Section("config", "Config", render("config.html", text=record.trained.folder.config_text))
