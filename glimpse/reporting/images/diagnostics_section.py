"""Diagnostics section of the report: warnings about the policy and statistics of its scanpaths."""

from markupsafe import Markup

from glimpse.evaluation.control_locators import MEAN_SCANPATH, RANDOM, evaluation_warnings
from glimpse.evaluation.diagnostics import ScanpathStatistics, attention_gain, scanpath_warnings
from glimpse.reporting.html_parts import Fact, facts_table
from glimpse.reporting.html_templates import render
from glimpse.reporting.images.image_contents import ImageContents


def diagnostics_body(contents: ImageContents, scanpath: ScanpathStatistics) -> Markup:
    """Return the section's HTML: warnings, each statistic with an explanation, and the gain over the controls."""
    mode = ", greedy" * contents.trained.agent.stochastic
    rows = [fact._replace(name=f"{fact.name}{mode}") for fact in _scanpath_rows(scanpath, contents.shows)]
    return render(
        "diagnostics.html",
        warnings=_warnings(contents),
        mode="Greedy. " if mode else "",
        count=f"{len(contents.found.label):,}",
        shows=contents.shows,
        facts=facts_table([*rows, *_gain_rows(contents)], "Statistics of the locations"),
    )


def _warnings(contents: ImageContents) -> list[str]:
    """Return the warnings about scanpaths and evaluation, one of each kind."""
    agent = contents.trained.agent
    measured = contents.evaluations[0].scores if contents.evaluations else None
    found = [
        *scanpath_warnings(contents.found.scanpath, agent),
        *(evaluation_warnings(measured, agent) if measured else []),
    ]
    return list({text.partition(":")[0]: text for text in found}.values())


def _scanpath_rows(scanpath: ScanpathStatistics, shows: str) -> list[Fact]:
    """Return name, value and explanation of each statistic; `shows` is the word for episodes."""
    by_step, few = scanpath.entropy_by_step, len(scanpath.entropy_by_step) <= 8
    steps = ", ".join(f"{bits:.1f}" for bits in by_step) if few else f"{min(by_step):.1f} to {max(by_step):.1f}"
    return [
        Fact(
            "Clamped at the border",
            f"{100 * scanpath.clamped:.1f} %",
            "Locations beyond the image, which were clamped to its border: wasted glimpses, if there are many.",
        ),
        Fact(
            "At the border",
            f"{100 * scanpath.border:.1f} %",
            "These, and locations in the outermost of 8 × 8 cells; uniform locations have 44 %.",
        ),
        Fact(
            "Entropy of locations",
            f"{scanpath.entropy:.1f} bits",
            "Over the 8 × 8 cells, all steps together: 0 where all are in one cell, 6 where they are uniform.",
        ),
        Fact(
            "Entropy at each step",
            f"{steps} bits",
            "Over the 8 × 8 cells, for each step of an episode alone: how much locations differ between episodes.",
        ),
        Fact(
            f"Variation between {shows}",
            f"{scanpath.variation or 0:.3f}",
            f"Standard deviation of the location between {shows}, in halves of the image's side: 0 for a scanpath that "
            f"is the same for every {shows[:-1]}.",
        ),
    ]


def _gain_rows(contents: ImageContents) -> list[Fact]:
    """Return the attention gain over two of the controls, if they were evaluated."""
    if not contents.evaluations:
        return []
    measured, mode = contents.evaluations[0], ", greedy" * contents.trained.agent.stochastic
    gain = attention_gain({name: scores.greedy.error for name, scores in measured.scores.items()})
    correlation = next(iter(measured.scores.values())).greedy.is_correlation
    plain = "Increase of the failures" if contents.asked == "reward" else "Increase of the error"
    falls = "100 times the decrease of Pearson's r" if correlation else plain
    sentences = {
        RANDOM: ("Gain over random locations", f"{falls} with the same weights and random locations"),
        MEAN_SCANPATH: (
            "Gain over the mean scanpath",
            f"{falls} with the same weights and their mean scanpath in every {contents.shows[:-1]}",
        ),
    }
    return [
        Fact(f"{name}{mode}", f"{gain[control]:+z.2f} points", f"{sentence}, on the {measured.split} data.")
        for control, (name, sentence) in sentences.items()
        if control in gain
    ]
