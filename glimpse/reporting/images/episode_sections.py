"""Sections of the report that show episodes: scanpaths, single glimpses, heat maps and mistakes."""

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

from PIL import Image

from glimpse.agents.abilities import readout_name, trains_last_answer_only
from glimpse.evaluation.replay import Floats, Replay, evenly, shown_classes
from glimpse.reporting.drawing.heat_maps import heat_images
from glimpse.reporting.drawing.scanpaths import (
    class_names,
    jpeg,
    moment_image,
    path_image,
    picture_image,
    png,
    scanpath_colours,
)
from glimpse.reporting.images.image_contents import ImageContents

_PATH, _MOMENT, _HEAT = 320, 240, 240
"""Sides of pictures in pixels; the page shows them at about half this size, for high-resolution screens."""
_MOST_COLUMNS = 12
"""Maximum number of glimpses of an episode that are shown."""
_MOST_BYTES = 40_000
"""Size of a PNG above which the image is taken for a photograph."""


def scanpaths_body(contents: ImageContents) -> str:
    """Return the HTML of images with whole scanpaths."""
    env, shows = contents.trained.env, contents.shows
    tiles = [
        _tile(_tile_image(one, contents), _alt(one, env.classes), _answer_html(one, env.classes))
        for one in contents.shown
    ]
    answer = {
        "classes": "the answer, its probability, and the true class if the answer is wrong",
        "many": "the labels that are given, the probability of all these decisions together, and the true labels if "
        "they are others",
        "scores": "the predicted score, and the true one",
        "reward": "whether the episode succeeded",
    }[contents.asked]
    stops = ", ".join("#{:02x}{:02x}{:02x}".format(*colour) for colour in scanpath_colours(6))
    coarse = "; the faint ones are of the coarser scales" if contents.scales > 1 else ""
    several = f"{len(tiles)} {shows}, spread evenly over the validation split and not selected otherwise."
    which = several if len(tiles) > 1 else f"The first {shows[:-1]} of the validation split."
    legend = f'<p class="legend">first glimpse <i style="background:linear-gradient(90deg,{stops})"></i> last</p>'
    boxes = f" The boxes show what each glimpse covered{coarse}."
    drawn = boxes if contents.scales else " A dot is the mean location that a glimpse read."
    return f"""<p>{which}{drawn if contents.has_scanpath else ""}
Below each image: {answer}.</p>
{legend if contents.has_scanpath else ""}
<div class="tiles">{"".join(tiles)}</div>"""


def _tile_image(episode: Replay, contents: ImageContents) -> Image.Image:
    """Draw the image, with the scanpath if there is one."""
    if not contents.has_scanpath:
        return picture_image(episode.picture, _PATH)
    return path_image(episode, contents.trained.env.retina, _PATH)


def glimpses_body(contents: ImageContents) -> str:
    """Return the HTML of a few episodes, glimpse by glimpse."""
    finest = ", the finest first" if contents.scales > 1 else ""
    read = contents.shown[0].share is not None
    image = "the image, brighter where more is read" if read else "the image as far as it has been seen"
    beliefs = {
        "classes": ", and the predicted probability of each class. The true class is coloured",
        "many": ", and the predicted probability of each label. The true ones are coloured",
    }
    seen = f"{image}; below it {readout_name(contents.trained.agent)}{finest}"
    return f"""<p>Each column is a glimpse: {seen}{beliefs.get(contents.asked, "")}.</p>
{untrained_note(contents)}{"".join(_film(one, contents) for one in contents.animated)}"""


def untrained_note(contents: ImageContents) -> str:
    """Return a note if the answers before the last were not trained."""
    if not trains_last_answer_only(contents.trained.experiment.agent):
        return ""
    return (
        "<p>Only the last answer was trained (<code>agent.classification: final</code>), so the probabilities before "
        "it mean little.</p>"
    )


def heat_maps_body(contents: ImageContents) -> str:
    """Return the HTML of heat maps of the locations, by class."""
    env, found, maps = contents.trained.env, contents.found, contents.heat
    tiles = [
        _tile(image, f"Heat map of {heat.name}", f"{escape(heat.name)} <small>{heat.episodes:,}</small>")
        for image, heat in zip(heat_images(maps, _HEAT), maps, strict=True)
    ]
    first = "; the first one, which the environment sets, is left out" if len(found.location) > 1 else ""
    shown, known = len(maps) - 1, len(env.classes) if env.answers == 1 else 0
    some = f" The {shown} most frequent of {known} {'labels' if env.many else 'classes'} are shown."
    some = some if shown < known else ""
    mean = f"the mean image of the {'label' if env.many else 'class'}; the small number is the number of episodes. All "
    mean += "maps share one scale"
    beneath = mean if known else "the mean image at the start"
    return f"""<p>Locations in {len(found.label):,} validation {contents.shows}{first}. Beneath lies
{beneath}.{some}</p>
<div class="tiles small">{"".join(tiles)}</div>"""


def image_mistakes_body(contents: ImageContents) -> str:
    """Return the HTML of wrong answers, the most confident first, or of the largest errors, or of failed episodes."""
    found, classes = contents.found, contents.trained.env.classes
    count, total = int(found.wrong.sum()), len(found.label)
    if not contents.mistakes:
        return f"<p>{'None' if count == 0 else count} in {total:,} validation {contents.shows}.</p>"
    if contents.asked == "scores":
        return f"""<p>The {len(contents.mistakes)} largest errors of {total:,} validation images.</p>
<div class="tiles">{"".join(_mistake(one, contents) for one in contents.mistakes)}</div>"""
    if not classes:
        return f"""<p>{count:,} of {total:,} validation episodes ({100 * count / total:.2f} %) failed; here are
{len(contents.mistakes)} of them.</p>
<div class="tiles">{"".join(_mistake(one, contents) for one in contents.mistakes)}</div>"""
    which = "all of them" if len(contents.mistakes) == count else f"the {len(contents.mistakes)} most confident"
    return f"""<p>{count:,} of {total:,} validation images ({100 * count / total:.2f} %) were answered wrongly; here are
{which}.{_confusions(contents)}</p>
<div class="tiles">{"".join(_mistake(one, contents) for one in contents.mistakes)}</div>"""


def _confusions(contents: ImageContents) -> str:
    """Return the most frequent confusions in words, if an answer is a single class."""
    found, env = contents.found, contents.trained.env
    if env.answers != 1 or env.many:
        return ""
    pairs = Counter(zip(found.label[found.wrong].tolist(), found.answer[-1][found.wrong].tolist(), strict=True))
    common = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:3]
    answered = (f"{escape(env.classes[true])} as {escape(env.classes[answer])} ({n})" for (true, answer), n in common)
    return f" Most often: {', '.join(answered)}."


def data_uri(file: bytes, kind: Literal["png", "jpeg", "gif"]) -> str:
    """Return an image file as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def _mistake(episode: Replay, contents: ImageContents) -> str:
    """Return a tile with scanpath, answer, and the probabilities of the likeliest classes."""
    env = contents.trained.env
    if not env.classes:
        return _tile(_tile_image(episode, contents), _alt(episode, env.classes), _answer_html(episode, env.classes))
    final = episode.belief[-1]
    likeliest = sorted({*final.argsort()[-3:].tolist(), *episode.true}, key=lambda number: (-final[number], number))
    rows = "".join(_belief_row(episode, number, env.classes, [-1]) for number in likeliest)
    caption = f'Answered {_answer_html(episode, env.classes)}<table class="beliefs">{rows}</table>'
    return _tile(_tile_image(episode, contents), _alt(episode, env.classes), caption)


def _film(episode: Replay, contents: ImageContents) -> str:
    """Return an episode as a table with a column for each glimpse."""
    retina, classes = contents.trained.env.retina, contents.trained.env.classes
    steps, colours = evenly(len(episode.location), _MOST_COLUMNS), scanpath_colours(len(episode.location))
    heads = "".join(f'<th scope="col"><b style="background:rgb{colours[step]}">{step + 1}</b></th>' for step in steps)
    scenes = (_picture(moment_image(episode, retina, _MOMENT, step + 1), f"After glimpse {step + 1}") for step in steps)
    patches = ("".join(map(_patch, episode.patch[step])) for step in steps)
    beliefs = "".join(_belief_row(episode, number, classes, steps) for number in shown_classes(episode))
    return f"""<div class="scroll"><table class="film" style="max-width:{100 + 200 * len(steps)}px">
<caption>{_answer_sentence(episode, classes)}</caption>
<thead><tr><td></td>{heads}</tr></thead>
<tbody>{_film_row("image", scenes)}{_film_row("patches", patches)}{beliefs}</tbody></table></div>
"""


def _patch(patch: Floats) -> str:
    """Return a patch (C, P, P) as an image of the same size, which the page enlarges."""
    source = data_uri(png(picture_image(patch, max(patch.shape[-2:]))), "png")
    return f'<img class="patch" src="{source}" alt="What the agent reads">'


def _film_row(name: str, cells: Iterable[str]) -> str:
    """Return a row of the table of an episode."""
    columns = "".join(f"<td><div>{cell}</div></td>" for cell in cells)
    return f'<tr class="{name}"><th scope="row">{name}</th>{columns}</tr>'


def _belief_row(episode: Replay, number: int, classes: Sequence[str], steps: Sequence[int]) -> str:
    """Return a row of bars with the probability of one class after each of some glimpses."""
    kind = "true" if number in episode.true else "answered" if number in episode.answered else "other"
    shares = [f"{100 * episode.belief[step, number]:.1f}" for step in steps]
    bars = "".join(f'<td><i class="bar" style="--p:{share}%" title="{share} %"></i></td>' for share in shares)
    return f'<tr class="belief {kind}"><th scope="row">{escape(classes[number])}</th>{bars}</tr>'


def _answer_html(episode: Replay, classes: Sequence[str]) -> str:
    """Return the answer, its probability and, if it is wrong, the true class; or whether the episode succeeded."""
    if episode.score is not None:
        return f"{episode.score[-1]:.4g}, is {episode.label:.4g} <small>{episode.miss:.2g} off</small>"
    if not classes:
        return "success" if episode.right else '<span class="wrong">failure</span>'
    answered, true = (escape(class_names(episode, each, classes)) for each in (episode.answered, episode.true))
    sure = f"<small>{100 * episode.confidence:.0f} %</small>"
    return f"{answered} {sure}" if episode.right else f'<span class="wrong">{answered}</span> {sure}, is {true}'


def _answer_sentence(episode: Replay, classes: Sequence[str]) -> str:
    """Return the answer, its probability and whether it is right in a sentence."""
    if episode.score is not None:
        return f"Predicted {_answer_html(episode, classes)}"
    if not classes:
        return f"A {_answer_html(episode, classes)} after {len(episode.location)} glimpses"
    answered, true = (escape(class_names(episode, each, classes)) for each in (episode.answered, episode.true))
    sure = f"{100 * episode.confidence:.0f} %"
    if episode.right:
        return f"Answered {answered} with {sure}, which is right"
    return f'Answered <span class="wrong">{answered}</span> with {sure}, but it is {true}'


def _alt(episode: Replay, classes: Sequence[str]) -> str:
    """Return the alternative text of a picture of a scanpath."""
    if not classes:
        return f"{len(episode.location)} glimpses of an episode"
    true = class_names(episode, episode.true, classes)
    what = "with" if isinstance(episode.label, tuple) else "of class"
    return f"{len(episode.location)} glimpses at an image {what} {true}"


def _tile(image: Image.Image, description: str, caption: str) -> str:
    """Return an image with a caption."""
    return f"<figure>{_picture(image, description)}<figcaption>{caption}</figcaption></figure>"


def _picture(image: Image.Image, description: str) -> str:
    """Return an embedded image: as PNG, or as JPEG if it is a photograph, which JPEG compresses better."""
    file = png(image)
    source = data_uri(file, "png") if len(file) < _MOST_BYTES else data_uri(jpeg(image), "jpeg")
    return f'<img class="picture" src="{source}" alt="{escape(description)}">'
