"""Figure at the top of a report on images: episodes side by side, glimpse by glimpse."""

from collections.abc import Sequence

from markupsafe import Markup
from PIL import Image

from glimpse.agents.ability_questions import readout_name, trains_last_answer_only
from glimpse.reporting.drawing.animation import panels
from glimpse.reporting.html_templates import render
from glimpse.reporting.images.image_contents import ImageContents, glance_side
from glimpse.reporting.images.scanpath_words import answer_words, scanpath_words
from glimpse.reporting.small_pictures import data_uri, web_animation, web_picture


def animation_figure(
    contents: ImageContents, frames: Sequence[Image.Image], durations: Sequence[int], detail: float
) -> Markup:
    """Return the animated episodes as single pictures, which narrow pages show below each other.

    Args:
        contents: data of the page.
        frames: frames with all episodes side by side.
        durations: their durations in milliseconds.
        detail: factor of the pictures' sides.
    """
    classes, shown = contents.trained.env.classes, []
    for number, episode in enumerate(contents.animated):
        drawn = [_reduced(one, detail) for one in panels(frames, number)]
        words = f"Episode {number + 1}: {scanpath_words(episode, classes)} {answer_words(episode, classes)}"
        still = data_uri(web_picture(drawn[-1]), "webp")
        shown.append((data_uri(web_animation(drawn, durations), "webp"), still, words))
    return render(
        "animation.html",
        shown=shown,
        size=drawn[0].size,
        veil=_veil_caption(contents),
        below=_animation_caption(contents),
        untrained=trains_last_answer_only(contents.trained.experiment.agent),
    )


def _reduced(image: Image.Image, detail: float) -> Image.Image:
    """Return an image with its sides reduced by a factor."""
    size = max(1, round(detail * image.width)), max(1, round(detail * image.height))
    return image if detail == 1 else image.resize(size, Image.Resampling.LANCZOS)


def _veil_caption(contents: ImageContents) -> str:
    """Return what grey or brightness means in the images of the animation."""
    first = contents.shown[0]
    if first.share is not None:
        return "Brightness shows how much the last glimpse read."
    if not contents.is_glimpsed:
        return ""
    coarse = " What only a coarser scale has seen is as coarse as the agent saw it." if contents.scales > 1 else ""
    side = glance_side(contents.trained.env)
    if side:
        coarse += f" Besides, a glance showed the whole image in {side} × {side} pixels at the start."
    if first.frames is not None:
        return f"Grey is what the last glimpse does not show.{coarse}"
    return f"Grey is what {'no glimpse has shown' if side else 'the agent has not seen'} yet.{coarse}"


def _animation_caption(contents: ImageContents) -> str:
    """Return what stands below each image of the animation."""
    shown = "the patches of the last glimpse"
    if contents.shown[0].share is not None:
        shown = readout_name(contents.trained.agent)
    further = {
        "reward": "and in the end whether the episode succeeded",
        "scores": "and in the end the predicted score and the true one",
        "many": "and the predicted probability of each label; the true ones are coloured",
        "classes": "and the predicted probability of each class; the true class is coloured",
    }
    return f"{shown}, {further[contents.asked]}"
