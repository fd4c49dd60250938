"""Tiles of a report on images: a picture with its words, the answer below it, and bars of probabilities."""

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from glimpse.evaluation.replay import Replay
from glimpse.reporting.drawing.scanpaths import class_names, path_image, picture_image
from glimpse.reporting.html_parts import ShownAnswer
from glimpse.reporting.images.image_contents import ImageContents
from glimpse.reporting.images.scanpath_words import answer_words, image_words, scanpath_words
from glimpse.reporting.small_pictures import data_uri, web_picture

_PATH = 320
"""Side of a picture in pixels; the page shows it at about half this size, for high-resolution screens."""


class BeliefRow(NamedTuple):
    """Probabilities of a class, in percent; its `kind` is `true`, `answered` or `other`."""

    name: str
    kind: str
    shares: list[str]


class Tile(NamedTuple):
    """A picture as a data URI, what is seen in it, the caption's text or the answer, and rows of probabilities."""

    source: str
    words: str
    caption: str = ""
    small: str = ""
    answer: ShownAnswer | None = None
    beliefs: Sequence[BeliefRow] = ()


def picture_source(image: Image.Image) -> str:
    """Return an image as a data URI."""
    return data_uri(web_picture(image), "webp")


def scanpath_tile(episode: Replay, contents: ImageContents, detail: float, beliefs: Sequence[BeliefRow] = ()) -> Tile:
    """Return the image of an episode, with the scanpath if there is one, and the answer."""
    env, side = contents.trained.env, max(1, round(detail * _PATH))
    if contents.has_scanpath:
        image, seen = path_image(episode, env.retina, side), scanpath_words(episode, env.classes)
    else:
        image, seen = picture_image(episode.picture, side), f"{image_words(episode, env.classes)}."
    words = f"{seen[:1].upper()}{seen[1:]} {answer_words(episode, env.classes)}"
    return Tile(picture_source(image), words, answer=episode_answer(episode, env.classes), beliefs=beliefs)


def episode_answer(episode: Replay, classes: Sequence[str]) -> ShownAnswer:
    """Return the answer, its probability and, if it is wrong, the true class; or whether the episode succeeded."""
    if episode.score is not None:
        return ShownAnswer(f"{episode.score[-1]:.4g}, is {episode.label:.4g}", f"{episode.miss:.2g} off")
    if not classes:
        return ShownAnswer("success" if episode.right else "failure", wrong=not episode.right)
    answered, true = (class_names(episode, each, classes) for each in (episode.answered, episode.true))
    return ShownAnswer(answered, f"{100 * episode.confidence:.0f} %", "" if episode.right else true, not episode.right)


def belief_row(episode: Replay, number: int, classes: Sequence[str], steps: Sequence[int]) -> BeliefRow:
    """Return the probability of one class after each of some glimpses."""
    kind = "true" if number in episode.true else "answered" if number in episode.answered else "other"
    return BeliefRow(classes[number], kind, [f"{100 * episode.belief[step, number]:.1f}" for step in steps])
