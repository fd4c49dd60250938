"""HTML page of the report of a run that reads whole texts."""

from collections.abc import Sequence

from markupsafe import Markup

from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.html_page import Section, config_section, not_measured, report_page, training_section
from glimpse.reporting.html_parts import Fact, facts_table, number_table, single_chart
from glimpse.reporting.html_templates import render
from glimpse.reporting.measures_section import measures_body
from glimpse.reporting.score_tables import Wording, score_table
from glimpse.reporting.text.rationales_section import keep_rates_table, rationales_body
from glimpse.reporting.text.text_contents import TextContents
from glimpse.reporting.text.text_sections import (
    answers_body,
    hops_body,
    masks_body,
    pairs_body,
    text_mistakes_body,
    texts_body,
)
from glimpse.reporting.text.token_html import text_figure

_LEAD = "Every text on this page is from the validation split"
_GREEDY = ", and the agent is greedy: it selects the words that its policy likes best"
_WORDING = Wording("texts", "the selection that the policy likes best", "selections of words")
_CROWDED = 0.9
"""Overlap of hops above which the page warns that they read the same tokens."""


def text_page(contents: TextContents, by_length: Chart | None, curves: Sequence[Chart]) -> str:
    """Return the page as HTML.

    Args:
        contents: data of the page.
        by_length: chart of the error over text length; None for none.
        curves: training curves.
    """
    found = [
        Section("results", "Results", _results(contents, by_length)),
        *([Section("rationales", "Rationales", rationales)] if (rationales := rationales_body(contents)) else []),
        training_section(contents, curves, "dropout and sampled selections" if contents.mode else "dropout"),
        Section("diagnostics", "Diagnostics", _diagnostics(contents)),
        Section("answers", "Answers", answers_body(contents)),
        Section("texts", "Texts", texts_body(contents)),
        *([Section("hops", "Hop by hop", hops_body(contents))] if contents.has_hops else []),
        *([Section("pairs", "Pairs of tokens", pairs_body(contents))] if contents.has_pairs else []),
        *([Section("masks", "Masks", masks_body(contents))] if contents.masks else []),
        Section("mistakes", "Mistakes", text_mistakes_body(contents)),
        config_section(contents),
    ]
    first = contents.document if contents.divided else contents.detailed[0]
    hero = render("text_hero.html", figure=text_figure(first, contents.classes))
    lead = f"{_LEAD}{_GREEDY if contents.mode else ''}."
    return report_page(contents, _title(contents), lead, _facts(contents), hero, found)


def _title(contents: TextContents) -> str:
    """Return agent and task in words."""
    experiment = contents.trained.experiment
    return f"{experiment.agent_title} on {experiment.task_title}"


def _facts(contents: TextContents) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    found = contents.found
    total = f"{len(found.true):,}"
    if contents.scores is None:
        several = found.true.ndim > 1
        asked = f"{len(contents.classes)} {'labels, any number of them' if several else 'classes'}"
        exact = "exact-match error" if several else "error"
        error = (f"Validation {exact}{contents.mode}", f"{100 * found.wrong.mean():.2f} % of {total}")
    else:
        asked = "a score from {:g} to {:g}".format(*contents.scores)
        error = (f"Validation mean absolute error{contents.mode}", f"{found.miss.mean():.3f}, the mean of {total}")
    return [
        ("Texts", f"{found.length.mean():.0f} words on average, {found.length.max():,} at most"),
        ("Answers", asked),
        ("Parameters", f"{_parameters(contents):,}"),
        # An evaluation of these weights has the number already, maybe on another device, where rounding differs.
        *([] if contents.measured_here() else [(contents.of_these_weights(error[0]), error[1])]),
    ]


def _parameters(contents: TextContents) -> int:
    """Return the number of the agent's parameters."""
    return sum(parameter.numel() for parameter in contents.trained.agent.parameters())


def _results(contents: TextContents, by_length: Chart | None) -> Markup:
    """Return the tables of evaluations, the chart of the error by length, and further measures."""
    tables = [
        number_table(score_table(one, contents, _WORDING)) + keep_rates_table(one, contents)
        for one in contents.evaluations
    ]
    parts = [*tables, not_measured(contents, [one.split for one in contents.evaluations])]
    if by_length is not None:
        caption = "Validation texts in groups of about the same size; each point is at the mean length of its group."
        parts.append(single_chart(by_length, caption))
    return Markup("").join([*parts, measures_body(contents)])


def _diagnostics(contents: TextContents) -> Markup:
    """Return the statistics of attention, with a warning if hops read the same tokens."""
    overlap = contents.found.overlap
    return render(
        "text_diagnostics.html",
        crowded=overlap is not None and overlap > _CROWDED,
        count=f"{len(contents.found.true):,} validation texts{contents.mode}",
        facts=facts_table(_spread_rows(contents), "Statistics of the attention"),
    )


def _spread_rows(contents: TextContents) -> list[Fact]:
    """Return name, value and explanation of each statistic."""
    found = contents.found
    names = {
        "tokens": ("Tokens attended", "tokens"),
        "hops": ("Tokens attended by a hop", "tokens"),
        "sentences": ("Sentences attended", "sentences"),
        "words": ("Words attended in a sentence", "words"),
    }
    rows = [
        Fact(
            f"{heading}{contents.mode}",
            f"{found.spread[name].attended:.1f} of {found.spread[name].parts:.1f}",
            f"Effective number of {parts}: e to the power of the weights' entropy, the mean over "
            f"{'the first texts of pairs' if len(contents.shown[0].texts) > 1 else 'texts'}.",
        )
        for name, (heading, parts) in names.items()
        if name in found.spread
    ]
    if found.overlap is not None:
        sentence = "Mean cosine between the weights of two hops: 0 where they read different tokens, 1 the same ones."
        rows.append(Fact(f"Overlap of hops{contents.mode}", f"{found.overlap:.2f}", sentence))
    sentence = "Tokens outside the vocabulary; all of them have the same embedding."
    return [*rows, Fact("Unknown words", f"{100 * found.unknown:.1f} %", sentence)]
