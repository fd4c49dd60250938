"""Predictions for pictures: the environment of a run shows the user's own picture, and the agent looks at it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from glimpse.agents.ability_questions import as_stopping_by_worth, trains_every_answer
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.options import CanvasOptions
from glimpse.envs.images.picture_store import StoredImageData, store_pictures
from glimpse.envs.images.retina import Retina
from glimpse.errors import UserError
from glimpse.evaluation.replay import Floats, Replay, replay
from glimpse.evaluation.scores import evaluation_keys
from glimpse.inference.own_pictures import Bytes, is_square, read_picture
from glimpse.inference.predict_options import PredictOptions
from glimpse.inference.predictions import ImagePrediction
from glimpse.reporting.drawing.scanpaths import path_image, png
from glimpse.runs.rollout import play
from glimpse.runs.trained_run import TrainedRun

_SIDE = 320
"""Longer side of the drawing, in pixels."""


def predict_images(trained: TrainedRun, inputs: Sequence[Any], options: PredictOptions) -> list[ImagePrediction]:
    """Predict the classes, scores or labels of pictures.

    Args:
        trained: the run.
        inputs: pictures, see `read_picture`. Where the task draws its pictures on a larger canvas, one of the canvas's
            size is the whole scene; any other is put on the canvas as the task does it, without clutter.
        options: how the agent acts.

    Raises:
        UserError: if the run does not classify pictures, or one cannot be read.
    """
    env = trained.env
    if not isinstance(env, Classification):
        raise UserError(
            f"{trained.folder.path}: the task {trained.experiment.task.name!r} shows no pictures of your own; use "
            "glimpse evaluate and glimpse report"
        )
    _check_ending(trained, options)
    found: list[ImagePrediction] = []
    for at in range(0, len(inputs), options.batch):
        found += _predict(trained, env, inputs[at : at + options.batch], options)
    return found


def _check_ending(trained: TrainedRun, options: PredictOptions) -> None:
    """Raise UserError unless the agent can answer before its last look, where the options ask for that."""
    folder, agent = trained.folder.path, trained.experiment.agent
    if options.threshold is not None and as_stopping_by_worth(trained.agent) is None:
        raise UserError(
            f"threshold: {agent.name!r} of {folder} predicts not what looks are worth, as 'anytime' does: leave it out"
        )
    if options.budget is not None and not trains_every_answer(agent):
        raise UserError(
            f"budget: {folder} trained the last answer only; train it with agent.classification=every_step, or leave "
            "budget out"
        )


@contextmanager
def _stopping_at(agent: Any, threshold: float | None) -> Iterator[None]:
    """Let an agent stop where looks to come are worth less than a threshold; without one as it was trained."""
    stopping = as_stopping_by_worth(agent)
    if threshold is None or stopping is None:
        yield
        return
    before, stopping.stop_threshold = stopping.stop_threshold, threshold
    try:
        yield
    finally:
        stopping.stop_threshold = before


def _predict(
    trained: TrainedRun, empty: Classification, inputs: Sequence[Any], options: PredictOptions
) -> list[ImagePrediction]:
    """Predict a batch: pictures of the canvas's size as whole scenes, and others on a canvas."""
    canvas = empty.options.canvas
    if canvas.kind == "plain":
        return _predict_alike(trained, empty, inputs, options, canvas)
    scenes = [is_square(one, canvas.size) for one in inputs]
    found: dict[int, ImagePrediction] = {}
    # Clutter is cut from other examples of a split, which are none of the user's: it is left out.
    for whole, shown in ((True, CanvasOptions()), (False, canvas.model_copy(update={"kind": "translated"}))):
        numbers = [number for number, scene in enumerate(scenes) if scene == whole]
        some = [inputs[number] for number in numbers]
        found |= dict(zip(numbers, _predict_alike(trained, empty, some, options, shown), strict=True))
    return [found[number] for number in range(len(inputs))]


def _predict_alike(
    trained: TrainedRun, empty: Classification, inputs: Sequence[Any], options: PredictOptions, canvas: CanvasOptions
) -> list[ImagePrediction]:
    """Predict pictures that are shown on the same kind of canvas."""
    if not inputs:
        return []
    scenes = canvas.kind == "plain" != empty.options.canvas.kind
    shape, size = empty.meaning().shape, empty.options.canvas.size
    shape = (shape[0], size, size) if scenes else shape
    task = empty.options.model_copy(update={"canvas": canvas, **({} if options.threshold is None else {"stop": True})})
    pictures = [read_picture(one, shape, task.image_size is not None) for one in inputs]
    env = Classification(task, _unlabelled(empty, pictures), device=empty.device)
    evaluate = trained.experiment.evaluate.model_copy(update={"seed": options.seed})
    if evaluate.precision == "auto" and env.device.type == "cpu":
        # For a few pictures it takes longer to round the weights to bfloat16 than to multiply them.
        evaluate = evaluate.model_copy(update={"precision": "float32"})
    with _stopping_at(trained.agent, options.threshold):
        shown = replay(trained.agent, env, list(range(len(inputs))), evaluate, options.budget)
        answers = None if options.greedy else _sampled_answers(trained.agent, env, evaluate, options)
    return [_prediction(env, one, None if answers is None else answers[:, n]) for n, one in enumerate(shown)]


def _unlabelled(empty: Classification, pictures: Sequence[Bytes]) -> ImageData:
    """Return pictures (C, H, W) as data of an environment: stacked, or each with its own size."""
    labels, shape = empty.label_kind.no_labels(len(pictures)), empty.meaning().shape
    if shape[1:] != (0, 0):
        stacked = torch.from_numpy(np.ascontiguousarray(pictures))
        return ImageData(stacked, labels, empty.classes, empty.scores)
    store = store_pictures(pictures, [(one.shape[1], one.shape[2]) for one in pictures], shape[0])
    return StoredImageData(store.thumbnails, labels, empty.classes, empty.scores, store)


def _sampled_answers(agent: Any, env: Classification, evaluate: EvaluateOptions, options: PredictOptions) -> Floats:
    """Return class probabilities after each step, (T, E, N), or scores (T, E), averaged over sampled rollouts."""
    examples = torch.arange(env.examples, device=env.device)
    keys, rollouts = evaluation_keys(env, evaluate)[examples], options.rollouts
    episode = play(env, agent, examples, keys, copies=rollouts, most=options.budget)
    given = episode.belief if env.scores is None else episode.carry_forward(episode.action["score"]).float()
    return np.asarray(given.unflatten(1, (-1, rollouts)).mean(2).cpu().numpy(), np.float32)


def _prediction(env: Classification, one: Replay, sampled: Floats | None) -> ImagePrediction:
    """Return the prediction of a replayed episode, with the answers of sampled rollouts if there are any."""
    replayed = one.belief if one.score is None else one.score
    final = replayed[-1] if sampled is None else sampled[-1]
    over_time = replayed if sampled is None else sampled[: len(replayed)]
    answers = [_answer(env, each) for each in over_time]
    answer, names = _answer(env, final), env.classes
    return ImagePrediction(
        label=answer if isinstance(answer, str) else None,
        labels=answer if isinstance(answer, tuple) else None,
        score=answer if isinstance(answer, float) else None,
        probabilities=dict(zip(names, final.tolist(), strict=True)) if names else {},
        locations=one.location,
        answers_over_time=tuple(answers),
        probabilities_over_time=over_time if names else one.belief,
        glimpses=one.patch,
        picture=one.picture,
        draw=partial(_draw, one, env.retina),
    )


def _draw(one: Replay, retina: Retina) -> bytes:
    """Draw a picture with its scanpath as a PNG."""
    return png(path_image(one, retina, _SIDE))


def _answer(env: Classification, given: Any) -> str | float | tuple[str, ...]:
    """Return the class of probabilities (N,), or the labels above 1/2, or a score as it is."""
    if env.scores is not None:
        return float(given)
    if env.many:
        return tuple(env.classes[int(number)] for number in (given > 0.5).nonzero()[0])
    return env.classes[int(given.argmax())]
