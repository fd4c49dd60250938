"""Section of the report with wrong answers, the largest errors of scores, or failed episodes."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from glimpse.evaluation.replay import Replay
from glimpse.reporting.html_templates import render
from glimpse.reporting.images.episode_tiles import BeliefRow, belief_row, scanpath_tile
from glimpse.reporting.images.image_contents import ImageContents


def image_mistakes_body(contents: ImageContents, detail: float) -> Markup:
    """Return the HTML of the mistakes, the most confident or the largest first; `detail` is a factor of sides."""
    tiles = [scanpath_tile(one, contents, detail, _likeliest(one, contents)) for one in contents.mistakes]
    return render("mistakes.html", sentence=_sentence(contents), tiles=tiles)


def _sentence(contents: ImageContents) -> str:
    """Return how many mistakes there are, and which of them are shown."""
    found, mode = contents.found, "Greedy: " if contents.trained.agent.stochastic else ""
    shown, count, total = len(contents.mistakes), int(found.wrong.sum()), len(found.label)
    if not shown:
        return f"{mode}{'none' if count == 0 else f'{count:,}'} in {total:,} validation {contents.shows}."
    if contents.asked == "scores":
        return f"{mode}the {shown} largest errors of {total:,} validation images."
    if contents.asked == "reward":
        return f"{mode}{count:,} of {total:,} validation episodes failed; here are {shown} of them."
    which = "all of them" if shown == count else f"the {shown} most confident"
    return f"{mode}{count:,} of {total:,} validation images were answered wrongly; here are {which}.{_often(contents)}"


def _often(contents: ImageContents) -> str:
    """Return the most frequent confusions in words, if an answer is a single class."""
    found, env = contents.found, contents.trained.env
    if env.answers != 1 or env.many:
        return ""
    pairs = Counter(zip(found.label[found.wrong].tolist(), found.answer[-1][found.wrong].tolist(), strict=True))
    common = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:3]
    answered = (f"{env.classes[true]} as {env.classes[answer]} ({count})" for (true, answer), count in common)
    return f" Most often: {', '.join(answered)}."


def _likeliest(episode: Replay, contents: ImageContents) -> Sequence[BeliefRow]:
    """Return the probabilities of the likeliest classes, and of the true ones; none where no class is asked for."""
    classes = contents.trained.env.classes
    if not classes:
        return ()
    final = episode.belief[-1]
    likeliest = sorted({*final.argsort()[-3:].tolist(), *episode.true}, key=lambda number: (-final[number], number))
    return [belief_row(episode, number, classes, [-1]) for number in likeliest]
