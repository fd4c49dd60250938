"""Data of the page to play with: what the agent in the page needs to know of a run, as plain data.

Axes: N pictures, H x W pixels.
"""

import base64
from typing import Any

from glimpse import __version__
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.human_glimpses import RIGHT_AFTER, WINDOW
from glimpse.errors import UserError
from glimpse.reporting.play.page_pictures import PagePictures
from glimpse.reporting.play.page_weights import page_weights
from glimpse.runs.trained_run import TrainedRun

AGENTS = {"ram": "RAM", "anytime": "The anytime agent"}
"""Agents that the page knows, and their names at the beginning of a sentence."""
CORES = ("rnn", "gru", "lstm")
"""Recurrent cores that the page knows."""


def refuse_unplayable(trained: TrainedRun) -> None:
    """Raise UserError unless the page can play the run's agent."""
    experiment, env, agent = trained.experiment, trained.env, trained.agent
    wanted = "a page to play with has RAM or the anytime agent alone, on grey pictures with one answer each"
    if experiment.agent.name not in AGENTS or not isinstance(env, Classification):
        raise UserError(f"{wanted}, and {trained.folder.path} is {experiment.agent.name} on {experiment.task.name}")
    if env.retina.shows_all:
        raise UserError(f"{wanted} through windows, and {trained.folder.path} has task.view: whole")
    if env.zoom is not None:
        raise UserError(f"{wanted} of one width, and {trained.folder.path} has task.zoom")
    if env.glance_side is not None:
        raise UserError(f"{wanted}, and {trained.folder.path} has task.glance")
    if env.meaning().shape[0] != 1:
        raise UserError(f"{wanted}, and those of {trained.folder.path} have {env.meaning().shape[0]} channels")
    if agent.options.recurrent_core not in CORES:
        raise UserError(
            f"{wanted}, with agent.recurrent_core {', '.join(CORES)}, and {trained.folder.path} has "
            f"{agent.options.recurrent_core}"
        )

    if experiment.agent.name == "anytime":
        _refuse_unplayable_anytime(trained, wanted)


def _refuse_unplayable_anytime(trained: TrainedRun, wanted: str) -> None:
    """Raise UserError for an anytime agent whose encoder, or whose stopping, the page does not know."""
    options = trained.agent.options
    if options.encoder.kind != "mlp":
        raise UserError(f"{wanted}, with agent.encoder mlp, and {trained.folder.path} has {options.encoder.kind}")
    if trained.agent.stop_threshold is not None:
        raise UserError(f"{wanted}; the anytime agent takes all looks there, and {trained.folder.path} has task.stop")


def people_shares(trained: TrainedRun) -> list[float] | None:
    """Return people's right answers after each look, in percent; None where the run sees otherwise than people did.

    People saw windows of 5 x 5 pixels of MNIST's digits; no one knows how they would read anything else.
    """
    task, retina = trained.experiment.task, trained.env.retina.options
    same = getattr(task, "data", "") == "mnist" and trained.env.options.canvas.kind == "plain"
    same = same and trained.env.options.image_size is None
    return list(RIGHT_AFTER) if same and (retina.patch, retina.scales) == (WINDOW, 1) else None


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
        "agent": experiment.agent.name,
        "glimpse": __version__,
        "name": name,
        "title": f"{AGENTS[experiment.agent.name]} on {experiment.task_title}",
        "classes": list(env.classes),
        "height": retina.height,
        "width": retina.width,
        "patch": retina.options.patch,
        "scales": retina.options.scales,
        "zoom": retina.options.zoom,
        "glimpses": agent.steps,
        "start": None if start.start is None else start.start.tolist(),
        "startNoise": start.std,
        "stops": _stops(trained),
        "answersEarly": _stops(trained) or agent.options.classification == "every_step",
        "people": people_shares(trained),
        **_anytime_numbers(trained),
        "core": agent.options.recurrent_core,
        "weights": weights.table,
        "numbers": weights.numbers,
        "pictures": base64.b64encode(shown.pictures.tobytes()).decode(),
        "labels": shown.labels,
        "source": shown.source,
        "digitSide": shown.side,
        "centred": env.options.canvas.kind == "plain",
    }


def _stops(trained: TrainedRun) -> bool:
    """Return whether the agent may stop early."""
    return trained.experiment.agent.name == "ram" and trained.agent.stop_policy is not None


def _anytime_numbers(trained: TrainedRun) -> dict[str, int]:
    """Return what anytime.js needs to know: octaves, and cells along a side of the policy's grid, 0 without a grid."""
    if trained.experiment.agent.name != "anytime":
        return {}
    options = trained.agent.options
    cells = 0 if options.look_policy == "gaussian" else options.cells
    return {"frequencies": options.frequencies, "cells": cells}
