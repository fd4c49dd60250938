"""The section of the report that says whether the policy looks well: a warning where it does not, and the numbers."""

from html import escape

from glimpse.evaluation.control_locators import MEAN_PATH, RANDOM, evaluation_warnings
from glimpse.evaluation.diagnostics import Gaze, attention_gain, gaze_warnings
from glimpse.reporting.html_page import facts_table
from glimpse.reporting.images.image_contents import Contents


def diagnostics(contents: Contents) -> str:
    """The warnings, each diagnostic with a sentence, and what the agent gains by looking where it does."""
    gaze = contents.found.gaze
    if gaze is None:
        return "<p>No look was followed by a glimpse, so there is nothing to say of where this agent looks.</p>"
    warnings = "".join(f'<p class="note"><b>Warning</b>: {escape(text)}.</p>' for text in _warnings(contents))
    return f"""{warnings}<p>Greedy, on {len(contents.found.label):,} validation {contents.shows}; only
looks that a glimpse followed are counted.</p>
{facts_table([*_gaze_rows(gaze), *_gain_rows(contents)])}"""


def _warnings(contents: Contents) -> list[str]:
    agent = contents.trained.agent
    measured = contents.evaluations[0].scores if contents.evaluations else None
    found = [*gaze_warnings(contents.found.gaze, agent), *(evaluation_warnings(measured, agent) if measured else [])]
    return list({text.partition(":")[0]: text for text in found}.values())


def _gaze_rows(gaze: Gaze) -> list[tuple[str, str, str]]:
    """Name, value and sentence of each diagnostic."""
    by_step, few = gaze.entropy_by_step, len(gaze.entropy_by_step) <= 8
    steps = ", ".join(f"{bits:.1f}" for bits in by_step) if few else f"{min(by_step):.1f} to {max(by_step):.1f}"
    return [
        (
            "Clamped at the border",
            f"{100 * gaze.clamped:.1f} %",
            "Looks that were meant to fall beyond the image and were drawn back to its border: wasted, where many.",
        ),
        (
            "At the border",
            f"{100 * gaze.border:.1f} %",
            "These, and looks at the outermost of 8 × 8 cells; uniform places have 44 %.",
        ),
        (
            "Entropy of places",
            f"{gaze.entropy:.1f} bits",
            "Over the 8 × 8 cells, all looks together: 0 where all fall into one cell, 6 where they are uniform.",
        ),
        (
            "Entropy at each look",
            f"{steps} bits",
            "The same for each look of an episode by itself: how far images, and chance, send it to different cells.",
        ),
        (
            "Variation between images",
            f"{gaze.variation or 0:.3f}",
            "Standard deviation of a look's place between images, in halves of the image's side: 0 for a path that is "
            "the same for every image.",
        ),
    ]


def _gain_rows(contents: Contents) -> list[tuple[str, str, str]]:
    """The attention gain over two of the controls, where it was measured."""
    if not contents.evaluations:
        return []
    measured = contents.evaluations[0]
    gain = attention_gain({name: scores.greedy.error for name, scores in measured.scores.items()})
    sentences = {
        RANDOM: ("Gain over random places", "How much more the same weights err if they are made to look at random"),
        MEAN_PATH: (
            "Gain over a fixed path",
            "How much more they err if they follow their own mean path in every image",
        ),
    }
    return [
        (name, f"{gain[control]:+.2f} points", f"{sentence} ({measured.split}, greedy).")
        for control, (name, sentence) in sentences.items()
        if control in gain
    ]
