"""Lines of a table that train no agent: what a ranking's first sentences hold, on the test set of a config's task."""

import shlex
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from glimpse.config.experiment import Experiment
from glimpse.config.files import config_path, load_experiment
from glimpse.evaluation.evidence_controls import EvidenceCurve, evidence_curve
from glimpse.evaluation.evidence_reranker import Reranker
from glimpse.evaluation.search_curve import OPENED
from glimpse.reproduction.line_answers import LineAnswers
from glimpse.reproduction.result_rows import complete_row
from glimpse.reproduction.row_facts import NOT_RECORDED, all_uses
from glimpse.reproduction.table_entries import TableEntry
from glimpse.runs.build import make_split_env
from glimpse.runs.commit import code_commit
from glimpse.runs.predictions_file import examples_digest
from glimpse.runs.results import Row, describe_device

_RERANKER = "re-ranker"
_MOST = max(OPENED)
_QUICK = 40
"""Questions of a smoke run."""
_TASK = ("task.point=choose", f"task.opens={_MOST}", "task.vectors=none", "task.reward=answer")
_OF_RANKING = {
    "cosine": ("task.ranker=cosine", "task.candidates=1", "task.sentence_vectors=glove"),
    # It re-ranks the first ranking, with all that is shown of a candidate.
    _RERANKER: ("task.ranker=bm25", "task.candidates=32", "task.preview=64", "task.expand=0"),
}


class RankedLine(NamedTuple):
    """Result of a line that trains no agent.

    rows: a result row for each metric.
    answers: which questions' evidence was complete; see `LineAnswers`.
    """

    rows: list[Row]
    answers: LineAnswers


def ranked_line(
    table: str,
    entry: TableEntry,
    known: Iterable[Row],
    seeds: int | None,
    quick: bool = False,
    overrides: Sequence[str] = (),
) -> RankedLine:
    """Measure a line that opens the first sentences of a ranking.

    Args:
        table: name of the table.
        entry: the line, with a `ranking`.
        known: earlier rows of the line, whose uses of the test set are carried on.
        seeds: number of seeds; by default that of the line.
        quick: whether only the first few questions are searched.
        overrides: overrides of the config, such as task.words=100000.
    """
    count = seeds or (1 if quick else entry.seeds)
    usual = (f"task.ranker={entry.ranking}", "task.candidates=1")
    of_task = [one for one in overrides if one.startswith(("task.", "data."))]
    experiment = load_experiment(entry.config, [*of_task, *_TASK, *_OF_RANKING.get(entry.ranking, usual)])
    measured = [_measured(experiment, entry.ranking, seed, quick) for seed in range(count)]
    words = ["glimpse", "reproduce", table, *of_task, "--only", entry.name, "--seeds", str(count)]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    shared = {
        "task": experiment.task_title,
        "agent": entry.ranking,
        "ranking": entry.ranking,
        "config": config_path(entry.config),
        "seeds": list(range(count)),
        "examples": measured[0].examples,
        "interval": None,
        "updates": [0] * count,
        "train_seconds": round(mean(one.seconds for one in measured), 1),
        "device": describe_device(torch.device("cpu")),
        "commit": code_commit() or NOT_RECORDED,
        "tested": all_uses([*(row.get("tested", [NOT_RECORDED]) for row in known), [now]]),
        "command": shlex.join([*words, *(["--quick"] if quick else [])]),
        "published": None,
    }
    rows = []
    for metric in measured[0].metrics:
        values = [round(one.metrics[metric], 4) for one in measured]
        rows.append(complete_row({**shared, "metric": metric, "mean": round(mean(values), 4), "values": values}))
    found = {name: np.stack([one.found[name] for one in measured]) for name in measured[0].found}
    return RankedLine(rows, LineAnswers(tuple(one.digest for one in measured), found))


class _MeasuredRanking(NamedTuple):
    """Measures of one seed.

    metrics: by name.
    found: (N,) whether the evidence of each question was complete, by the number of opened sentences.
    digest: of the questions.
    examples: their number N.
    seconds: time of training a re-ranker.
    """

    metrics: dict[str, float]
    found: dict[str, NDArray[np.float16]]
    digest: str
    examples: int
    seconds: float


def _measured(experiment: Experiment, ranking: str, seed: int, quick: bool) -> _MeasuredRanking:
    """Measure a ranking with one seed."""
    device = torch.device("cpu")
    env: Any = make_split_env(experiment, "test", device)
    examples = torch.arange(min(env.examples, _QUICK) if quick else env.examples)
    model, begun = Reranker(seed), time.perf_counter()
    if ranking == _RERANKER:
        train: Any = make_split_env(experiment, "train", device)
        model.fit(train, torch.arange(min(train.examples, 5 * _QUICK) if quick else train.examples))
    trained = time.perf_counter()
    if ranking == _RERANKER:
        curve = model.curve(env, examples, _MOST)
    else:
        curve = evidence_curve(env, examples, _MOST, seed=seed)
    milliseconds = 1000 * (time.perf_counter() - trained) / len(examples)
    metrics = {**_metrics(curve), "test_milliseconds": milliseconds}
    found = {f"found_at_{count}": curve.complete[count - 1].numpy().astype(np.float16) for count in OPENED}
    found |= {f"f1_first_{count}": curve.f1_of_each[count - 1].numpy().astype(np.float16) for count in OPENED}
    digest = examples_digest(env, experiment.evaluate.seed) if len(examples) == env.examples else ""
    return _MeasuredRanking(metrics, found, digest, len(examples), trained - begun)


def _metrics(curve: EvidenceCurve) -> dict[str, float]:
    """Return the metrics at a few numbers of opened sentences, shares in percent."""
    found: dict[str, float] = {}
    for count in OPENED:
        found[f"test_found_at_{count}"] = 100 * curve.found[count - 1]
        found[f"test_f1_at_{count}"] = found[f"test_f1_first_{count}"] = 100 * curve.f1[count - 1]
        found[f"test_words_at_{count}"] = curve.words[count - 1]
    return found
