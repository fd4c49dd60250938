"""The sections of the report that show episodes: scan paths, single glimpses, heat maps and mistakes."""

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

from PIL import Image

from glimpse.evaluation.replay import Floats, Replay, evenly, shown_classes
from glimpse.reporting.drawing.heat_maps import heat_images
from glimpse.reporting.drawing.scanpaths import gaze_colours, jpeg, moment_image, path_image, picture_image, png
from glimpse.reporting.images.image_contents import Contents

_PATH, _MOMENT, _HEAT = 320, 240, 240
"""Sides of pictures in pixels; they are shown at about half of this, for sharp screens."""
_MOST_COLUMNS = 12
"""Glimpses of an episode that are shown."""
_MOST_BYTES = 40_000
"""A PNG above this size is of a photograph."""


def path_tiles(contents: Contents) -> str:
    """Images with the whole path of the gaze."""
    world, shows = contents.trained.world, contents.shows
    tiles = [
        _tile(_tile_image(one, contents), _alt(one, world.classes), _verdict(one, world.classes))
        for one in contents.shown
    ]
    answer = (
        "the answer, its probability, and the true class where the answer is wrong"
        if world.classes
        else ("whether the episode succeeded")
    )
    stops = ", ".join("#{:02x}{:02x}{:02x}".format(*colour) for colour in gaze_colours(6))
    coarse = "; the faint ones are of the coarser scales" if contents.scales > 1 else ""
    several = f"{len(tiles)} {shows}, spread evenly over the validation split and not chosen otherwise."
    which = several if len(tiles) > 1 else f"The first {shows[:-1]} of the validation split."
    legend = f'<p class="legend">first glimpse <i style="background:linear-gradient(90deg,{stops})"></i> last</p>'
    boxes = f" The boxes are what each glimpse covered{coarse}."
    drawn = boxes if contents.scales else " A dot is where a glimpse read on average."
    return f"""<p>{which}{drawn if contents.looks_around else ""}
Below each image: {answer}.</p>
{legend if contents.looks_around else ""}
<div class="tiles">{"".join(tiles)}</div>"""


def _tile_image(episode: Replay, contents: Contents) -> Image.Image:
    """The image, with the path of the gaze if there is one."""
    if not contents.looks_around:
        return picture_image(episode.picture, _PATH)
    return path_image(episode, contents.trained.world.retina, _PATH)


def films(contents: Contents) -> str:
    """A few episodes, glimpse by glimpse."""
    finest = ", the finest first" if contents.scales > 1 else ""
    read = contents.shown[0].share is not None
    image = "the image, brighter where more is read" if read else "the image as far as it has been seen"
    belief = ", and the probability that it gives to each class. The true class is coloured"
    seen = f"{image}; below it {contents.trained.agent.shows}{finest}{belief if contents.trained.world.classes else ''}"
    return f"""<p>Each column is a glimpse: {seen}.</p>
{untrained(contents)}{"".join(_film(one, contents) for one in contents.animated)}"""


def untrained(contents: Contents) -> str:
    """A warning where answers before the last were not trained."""
    if getattr(contents.trained.experiment.agent, "classification", None) != "final":
        return ""
    return (
        "<p>Only the last answer was trained (<code>agent.classification: final</code>), so what the agent believes "
        "before it says little.</p>"
    )


def heat_tiles(contents: Contents) -> str:
    """Where the gaze fell, by class."""
    world, found, maps = contents.trained.world, contents.found, contents.heat
    tiles = [
        _tile(image, f"Heat map of {one.name}", f"{escape(one.name)} <small>{one.episodes:,}</small>")
        for image, one in zip(heat_images(maps, _HEAT), maps, strict=True)
    ]
    first = "; the first one, which the task places, is left out" if len(found.place) > 1 else ""
    shown, known = len(maps) - 1, len(world.classes) if world.answers == 1 else 0
    some = f" Of {known} classes the {shown} commonest are here." if shown < known else ""
    mean = "the mean image of the class; the small number says how many there were. All maps share one scale"
    beneath = mean if known else "the mean image, as it was in the beginning"
    return f"""<p>Where the gaze fell in {len(found.label):,} validation {contents.shows}{first}. Beneath lies
{beneath}.{some}</p>
<div class="tiles small">{"".join(tiles)}</div>"""


def mistakes(contents: Contents) -> str:
    """Wrong answers, the most confident first."""
    found, classes = contents.found, contents.trained.world.classes
    count, total = int(found.wrong.sum()), len(found.label)
    if not contents.mistakes:
        return f"<p>{'None' if count == 0 else count} in {total:,} validation {contents.shows}.</p>"
    if not classes:
        return f"""<p>{count:,} of {total:,} validation episodes ({100 * count / total:.2f} %) failed; here are
{len(contents.mistakes)} of them.</p>
<div class="tiles">{"".join(_mistake(one, contents) for one in contents.mistakes)}</div>"""
    which = "all of them" if len(contents.mistakes) == count else f"the {len(contents.mistakes)} most confident"
    return f"""<p>{count:,} of {total:,} validation images ({100 * count / total:.2f} %) were answered wrongly; here are
{which}.{_commonest(contents)}</p>
<div class="tiles">{"".join(_mistake(one, contents) for one in contents.mistakes)}</div>"""


def _commonest(contents: Contents) -> str:
    """Which classes are most often taken for which, where one is asked for."""
    found, world = contents.found, contents.trained.world
    if world.answers != 1:
        return ""
    pairs = Counter(zip(found.label[found.wrong].tolist(), found.answer[-1][found.wrong].tolist(), strict=True))
    common = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:3]
    said = (f"{escape(world.classes[one])} as {escape(world.classes[two])} ({n})" for (one, two), n in common)
    return f" Most often: {', '.join(said)}."


def data_uri(file: bytes, kind: Literal["png", "jpeg", "gif"]) -> str:
    """An image file as an address that holds the file itself."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def _mistake(episode: Replay, contents: Contents) -> str:
    """The path, what was answered, and the probabilities of the likeliest classes."""
    world = contents.trained.world
    if not world.classes:
        return _tile(_tile_image(episode, contents), _alt(episode, world.classes), _verdict(episode, world.classes))
    final = episode.belief[-1]
    likeliest = sorted({*final.argsort()[-3:].tolist(), *episode.true}, key=lambda number: -final[number])
    rows = "".join(_belief_row(episode, number, world.classes, [-1]) for number in likeliest)
    caption = f'Answered {_verdict(episode, world.classes)}<table class="beliefs">{rows}</table>'
    return _tile(_tile_image(episode, contents), _alt(episode, world.classes), caption)


def _film(episode: Replay, contents: Contents) -> str:
    """An episode as a table with a column for each glimpse."""
    retina, classes = contents.trained.world.retina, contents.trained.world.classes
    steps, colours = evenly(len(episode.place), _MOST_COLUMNS), gaze_colours(len(episode.place))
    heads = "".join(f'<th scope="col"><b style="background:rgb{colours[step]}">{step + 1}</b></th>' for step in steps)
    scenes = (_picture(moment_image(episode, retina, _MOMENT, step + 1), f"After glimpse {step + 1}") for step in steps)
    patches = ("".join(map(_patch, episode.patch[step])) for step in steps)
    beliefs = "".join(_belief_row(episode, number, classes, steps) for number in shown_classes(episode))
    return f"""<div class="scroll"><table class="film" style="max-width:{100 + 200 * len(steps)}px">
<caption>{_sentence(episode, classes)}</caption>
<thead><tr><td></td>{heads}</tr></thead>
<tbody>{_film_row("image", scenes)}{_film_row("patches", patches)}{beliefs}</tbody></table></div>
"""


def _patch(patch: Floats) -> str:
    """A patch (C, P, P), pixel by pixel; the page enlarges it."""
    source = data_uri(png(picture_image(patch, max(patch.shape[-2:]))), "png")
    return f'<img class="patch" src="{source}" alt="What the agent is given">'


def _film_row(name: str, cells: Iterable[str]) -> str:
    columns = "".join(f"<td><div>{cell}</div></td>" for cell in cells)
    return f'<tr class="{name}"><th scope="row">{name}</th>{columns}</tr>'


def _belief_row(episode: Replay, number: int, classes: Sequence[str], steps: Sequence[int]) -> str:
    """A bar for the probability of one class after each of some glimpses."""
    kind = "true" if number in episode.true else "said" if number in episode.said else "other"
    shares = [f"{100 * episode.belief[step, number]:.1f}" for step in steps]
    bars = "".join(f'<td><i class="bar" style="--p:{share}%" title="{share} %"></i></td>' for share in shares)
    return f'<tr class="belief {kind}"><th scope="row">{escape(classes[number])}</th>{bars}</tr>'


def _verdict(episode: Replay, classes: Sequence[str]) -> str:
    """The answer, its probability, and what would have been right; or whether the episode succeeded."""
    if not classes:
        return "success" if episode.right else '<span class="wrong">failure</span>'
    said, true = _named(episode.said, classes), _named(episode.true, classes)
    sure = f"<small>{100 * episode.confidence:.0f} %</small>"
    return f"{said} {sure}" if episode.right else f'<span class="wrong">{said}</span> {sure}, is {true}'


def _named(numbers: Iterable[int], classes: Sequence[str]) -> str:
    return " ".join(escape(classes[number]) for number in numbers)


def _sentence(episode: Replay, classes: Sequence[str]) -> str:
    """The same in a sentence."""
    if not classes:
        return f"A {_verdict(episode, classes)} after {len(episode.place)} glimpses"
    said, true = _named(episode.said, classes), _named(episode.true, classes)
    sure = f"{100 * episode.confidence:.0f} %"
    if episode.right:
        return f"Answered {said} with {sure}, which is right"
    return f'Answered <span class="wrong">{said}</span> with {sure}, but it is {true}'


def _alt(episode: Replay, classes: Sequence[str]) -> str:
    """A picture of a path for those who cannot see it."""
    if not classes:
        return f"{len(episode.place)} glimpses of an episode"
    true = " ".join(classes[number] for number in episode.true)
    return f"{len(episode.place)} glimpses at an image of class {true}"


def _tile(image: Image.Image, description: str, caption: str) -> str:
    return f"<figure>{_picture(image, description)}<figcaption>{caption}</figcaption></figure>"


def _picture(image: Image.Image, description: str) -> str:
    """An image inside the page: as PNG, unless it is a photograph, which JPEG keeps smaller."""
    file = png(image)
    source = data_uri(file, "png") if len(file) < _MOST_BYTES else data_uri(jpeg(image), "jpeg")
    return f'<img class="picture" src="{source}" alt="{escape(description)}">'
