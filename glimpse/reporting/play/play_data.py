"""Data of the page to play with: what the agent in the page needs to know of a run, as plain data.

Axes: N pictures, H x W pixels.
"""

import base64
from typing import Any

from glimpse import __version__
from glimpse.envs.images.classification import Classification
from glimpse.errors import UserError
from glimpse.reporting.play.page_pictures import PagePictures
from glimpse.reporting.play.page_weights import page_weights
from glimpse.runs.trained_run import TrainedRun

CORES = ("rnn", "gru", "lstm")
"""Recurrent cores that the page knows."""


def refuse_unplayable(trained: TrainedRun) -> None:
    """Raise UserError unless the page can play the run's agent."""
    experiment, env, agent = trained.experiment, trained.env, trained.agent
    wanted = "a page to play with has RAM alone, on grey pictures with one answer each"
    if experiment.agent.name != "ram" or not isinstance(env, Classification):
        raise UserError(f"{wanted}, and {trained.folder.path} is {experiment.agent.name} on {experiment.task.name}")
    if env.retina.shows_all:
        raise UserError(f"{wanted} through windows, and {trained.folder.path} has task.view: whole")
    if env.zoom is not None:
        raise UserError(f"{wanted} of one width, and {trained.folder.path} has task.zoom")
    if env.meaning().shape[0] != 1:
        raise UserError(f"{wanted}, and those of {trained.folder.path} have {env.meaning().shape[0]} channels")
    if agent.options.recurrent_core not in CORES:
        raise UserError(
            f"{wanted}, with agent.recurrent_core {', '.join(CORES)}, and {trained.folder.path} has "
            f"{agent.options.recurrent_core}"
        )


def play_data(trained: TrainedRun, name: str, shown: PagePictures) -> dict[str, Any]:
    """Return what the page knows of a run; agent.js says how it uses it.

    Args:
        trained: a run that is not refused.
        name: name of the run; a page is shown to others, who need no path.
        shown: the pictures of the page.
    """
    experiment, env, agent = trained.experiment, trained.env, trained.agent
    weights, retina, start = page_weights(agent.state_dict()), env.retina, env.initial_location
    return {
        "glimpse": __version__,
        "name": name,
        "title": f"RAM on {experiment.task_title}",
        "classes": list(env.classes),
        "height": retina.height,
        "width": retina.width,
        "patch": retina.options.patch,
        "scales": retina.options.scales,
        "zoom": retina.options.zoom,
        "glimpses": agent.steps,
        "start": None if start.start is None else start.start.tolist(),
        "startNoise": start.std,
        "stops": agent.stop_policy is not None,
        "answersEarly": agent.stop_policy is not None or agent.options.classification == "every_step",
        "core": agent.options.recurrent_core,
        "weights": weights.table,
        "numbers": weights.numbers,
        "pictures": base64.b64encode(shown.pictures.tobytes()).decode(),
        "labels": shown.labels,
        "source": shown.source,
        "digitSide": shown.side,
        "centred": env.options.canvas.kind == "plain",
    }
