"""Episodes in words, for readers who do not see their pictures: where the agent looked, and what it answered."""

from collections.abc import Sequence

from glimpse.evaluation.replay import Floats, Replay
from glimpse.reporting.drawing.scanpaths import class_names

_NEAR = 1 / 3
"""Distance from the centre, in halves of the side, up to which a location is in the middle."""


def place_words(location: Floats) -> str:
    """Return where a location (x, y) is, in words: `the upper left`, `the centre`."""
    x, y = (float(part) for part in location)
    across = "" if abs(x) <= _NEAR else "left" if x < 0 else "right"
    down = "" if abs(y) <= _NEAR else "upper" if y < 0 else "lower"
    if down and not across:
        return "the top" if down == "upper" else "the bottom"
    return f"the {down} {across}".replace("  ", " ").strip() if across else "the centre"


def scanpath_words(episode: Replay, classes: Sequence[str]) -> str:
    """Return which image is seen, and where the glimpses are."""
    count, first, last = len(episode.location), episode.location[0], episode.location[-1]
    seen = f"{image_words(episode, classes)}, {count} glimpse{'s' * (count > 1)}"
    return (
        f"{seen}, from {place_words(first)} to {place_words(last)}."
        if count > 1
        else f"{seen} at {place_words(first)}."
    )


def image_words(episode: Replay, classes: Sequence[str]) -> str:
    """Return what the image is: of which class, with which labels or score."""
    if episode.score is not None:
        return f"image of the true score {episode.label:.4g}"
    if not classes:
        return "screen"
    true = class_names(episode, episode.true, classes)
    return f"image {'with' if isinstance(episode.label, tuple) else 'of class'} {true}"


def answer_words(episode: Replay, classes: Sequence[str]) -> str:
    """Return the answer, and whether it is right, in a sentence."""
    if episode.score is not None:
        return f"Predicted {episode.score[-1]:.4g}."
    if not classes:
        done = "The episode succeeds." if episode.right else "The episode fails."
        return done if episode.point is None else f"Pointed at {place_words(episode.point[-1])}. {done}"
    right = "right" if episode.right else "wrong"
    return f"Answered {class_names(episode, episode.answered, classes)}, which is {right}."
