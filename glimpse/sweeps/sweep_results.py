"""Results of a sweep: its trials as a table and as CSV, and a picture of their values and of which keys matter."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from glimpse.runs.durable import replace_file
from glimpse.sweeps.study import ranked

_FEWEST = 4
"""Trials from which on it is said which keys matter."""


def trial_rows(study: optuna.Study) -> list[dict[str, Any]]:
    """Return a row for each trial that has ended, the best first: its folder, outcome, error and values."""
    return [
        {
            "trial": f"trial-{trial.number:03}",
            "outcome": {"COMPLETE": "trained", "PRUNED": "stopped", "FAIL": "failed"}[trial.state.name],
            "validation error": trial.value if trial.state == TrialState.COMPLETE else None,
            **trial.params,
        }
        for trial in ranked(study)
    ]


def importance(study: optuna.Study) -> dict[str, float]:
    """Return how much of the differences between good and bad trials each key explains, summing to 1.

    PED-ANOVA (Watanabe et al., 2023). Empty where fewer than four trials were trained, or all are equal.
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances  # It imports much of SciPy.

    trained = [trial for trial in ranked(study) if trial.state == TrialState.COMPLETE]
    if len(trained) < _FEWEST or len({trial.value for trial in trained}) == 1:
        return {}
    return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())


def write_trials(study: optuna.Study, folder: Path) -> None:
    """Write `trials.csv` and `sweep.png` into a sweep's folder."""
    rows = trial_rows(study)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0] if rows else ["trial"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace_file(folder / "trials.csv", text.getvalue().encode())
    trained = [trial for trial in ranked(study) if trial.state == TrialState.COMPLETE]
    if trained:
        picture = io.BytesIO()
        sweep_figure(trained, importance(study)).savefig(picture, format="png", dpi=120)
        replace_file(folder / "sweep.png", picture.getvalue())


def sweep_figure(trials: list[FrozenTrial], weights: dict[str, float]) -> Figure:
    """Draw trained trials as lines over parallel axes, dark where the error is small, and which keys matter."""
    keys = list(trials[0].distributions)
    figure = Figure(figsize=(2.2 * len(keys) + 4.5, 4.2), layout="constrained")
    lines, bars = figure.subplots(1, 2, width_ratios=[2 * len(keys), 2]) if weights else (figure.subplots(), None)
    errors = np.array([trial.value for trial in trials], float)
    scale = Normalize(errors.min(), errors.max() if errors.max() > errors.min() else errors.min() + 1)
    for trial, error in reversed(list(zip(trials, errors, strict=True))):
        heights = [_height(trial.distributions[key], trial.params[key]) for key in keys]
        lines.plot([*heights, float(scale(error))], color=str(0.75 * float(scale(error))), linewidth=1.2)
    for place, key in enumerate(keys):
        _axis(lines, place, trials[0].distributions[key])
    _number_axis(lines, len(keys), scale.vmin or 0.0, scale.vmax or 1.0)
    lines.set_xticks(range(len(keys) + 1), [*keys, "validation error"], rotation=15)
    lines.set_yticks([])
    lines.set_title(f"{len(trials)} trials; the darker, the smaller the error")
    if bars is not None:
        names = list(weights)[::-1]
        bars.barh(names, [weights[name] for name in names], color="0.4")
        bars.set_title("share explained by each key")
        bars.set_xlim(0, 1)
    return figure


def _height(distribution: BaseDistribution, value: Any) -> float:
    """Return where a value is on its axis, from 0 to 1."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices.index(value) / max(1, len(distribution.choices) - 1)
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    if isinstance(distribution, FloatDistribution) and distribution.log:
        low, high, value = np.log([low, high, value])
    return float((value - low) / (high - low))


def _axis(axes: Axes, place: int, distribution: BaseDistribution) -> None:
    """Draw the axis of a key, with its choices or its ends."""
    if isinstance(distribution, CategoricalDistribution):
        marks = {str(choice): _height(distribution, choice) for choice in distribution.choices}
        axes.axvline(place, color="0.8", zorder=0)
        for name, height in marks.items():
            axes.annotate(name, (place, height), xytext=(3, 0), textcoords="offset points", fontsize=8)
        return
    _number_axis(axes, place, distribution.low, distribution.high)  # type: ignore[attr-defined]


def _number_axis(axes: Axes, place: int, low: float, high: float) -> None:
    """Draw an axis of numbers with its ends."""
    axes.axvline(place, color="0.8", zorder=0)
    for height, value in ((0.0, low), (1.0, high)):
        axes.annotate(f"{value:.3g}", (place, height), xytext=(3, 0), textcoords="offset points", fontsize=8)
