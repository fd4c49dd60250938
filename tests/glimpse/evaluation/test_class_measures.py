"""Tests of measures of answers: by hand, against the scores of an evaluation, and in a report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.agents.episode import Episode
from glimpse.cli.command_line import main
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.evaluation.answered_examples import AnsweredExamples
from glimpse.evaluation.bleu import measure_quality
from glimpse.evaluation.bleu_counts import bleu_of_counts, count_matches
from glimpse.evaluation.class_measures import ClassMeasures, measure_classes, measure_predicted, reliability_bins
from glimpse.evaluation.scores import EpisodeStatistics, measure_scores
from glimpse.runs.build import make_agent, make_split_env
from glimpse.runs.predictions_file import examples_digest

CPU = torch.device("cpu")


def _columns(label: list[int], answer: list[int], confidence: list[float]) -> dict[str, Any]:
    return {
        "label": np.array(label, np.int32)[:, None],
        "answer": np.array(answer, np.int32)[:, None],
        "confidence": np.array(confidence, np.float32)[:, None],
    }


def test_measures_by_hand() -> None:
    """Six answers to three classes of four; the fourth class neither occurs nor is answered, and has no share."""
    found = measure_classes(_columns([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 0], [0.5] * 6), ("a", "b", "c", "d"))
    assert found.confusion == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    a, b, c, d = found.classes
    assert (a.precision, a.examples) == (0.5, 3) and a.recall == pytest.approx(2 / 3)
    assert (b.precision, b.recall, b.f1) == (0.5, 0.5, 0.5)
    assert (c.precision, c.recall, c.f1, c.examples) == (0.0, 0.0, 0.0, 1)
    assert (d.f1, d.examples) == (0.0, 0)
    assert found.macro_f1 == pytest.approx((4 / 7 + 0.5 + 0) / 3)
    assert found.accuracy == 0.5 and found.calibration_error == 0.0
    assert [(one.label, one.answer, one.count) for one in found.confused] == [
        ("a", "b", 1),
        ("b", "a", 1),
        ("c", "a", 1),
    ]


def test_calibration_by_hand() -> None:
    """Bins end at multiples of 1/15, which belong to them; the error is weighted by the number of answers."""
    confidence = np.array([1 / 15 - 1e-9, 0.9, 0.9, 0.9, 0.9, 1.0])
    right = np.array([False, True, False, False, False, True])
    bins = reliability_bins(confidence, right)
    assert [one.answers for one in bins] == [1, 4, 1]
    assert [one.accuracy for one in bins] == [0.0, 0.25, 1.0]
    found = measure_classes(_columns([0] * 6, [1, 0, 1, 1, 1, 0], confidence.tolist()), ("a", "b"))
    assert found.calibration_error == pytest.approx((1 / 15 + 4 * 0.65 + 0) / 6, abs=1e-6)


def test_many_classes_have_no_whole_confusion_matrix() -> None:
    """Above 100 classes only the most frequent mistakes are kept, however many there are."""
    label = np.arange(300).repeat(2)
    answer = np.where(np.arange(600) % 2 == 0, label, (label + 1) % 300)
    answer[-4:] = 7
    found = measure_classes(_columns(label.tolist(), answer.tolist(), [0.1] * 600), tuple(map(str, range(300))))
    assert found.confusion == [] and len(found.classes) == 300 and len(found.confused) == 20
    assert {(one.label, one.answer, one.count) for one in found.confused[:2]} == {("298", "7", 2), ("299", "7", 2)}
    with pytest.raises(ValueError, match="confusion matrix"):
        ClassMeasures(1, 1.0, 1.0, 0.0, found.classes, [], [[1, 2]], [])


def test_scores_by_hand() -> None:
    """Errors of 1, 0 and -2 have the mean square 5/3 and the mean size 1."""
    found = measure_predicted({"true": np.array([1.0, 2.0, 3.0]), "predicted": np.array([2.0, 2.0, 1.0])})
    assert found.squared_error == pytest.approx(5 / 3) and found.absolute_error == 1.0


@pytest.mark.parametrize(("task", "agent"), [("digits", "ram"), ("digit-pair", "dram")])
def test_columns_agree_with_the_scores(task: str, agent: str) -> None:
    """The answers kept are those that the averaged error counts, in the examples' order, whatever the batch."""
    options: dict[str, dict[str, Any]] = {
        "digits": {"glimpses": 2},
        "digit-pair": {"data": "digits", "size": 20, "glimpses": 1, "glance": 5},
    }
    experiment = Experiment.model_validate(
        {"task": {"name": task, **options[task]}, "agent": {"name": agent, "memory_width": 8}, "train": {"steps": 1}}
    )
    env = make_split_env(experiment, "test", CPU)
    network = make_agent(experiment, env).requires_grad_(False)
    passes: list[AnsweredExamples] = []

    def collector() -> EpisodeStatistics:
        passes.append(AnsweredExamples(EpisodeStatistics(), env))
        return passes[-1]

    scores = [
        measure_scores(network, env, EvaluateOptions(batch=batch, copies=3, precision="float32"), collector)
        for batch in (1000, 50)
    ]
    columns, again = passes[1].columns(), passes[3].columns()
    wrong = (columns["label"] != columns["answer"]).any(-1)
    assert columns["label"].shape == (env.examples, env.answers)
    assert 100 * wrong.mean() == pytest.approx(scores[0].averaged.error)
    assert 100 * columns["single_wrong"].mean() == pytest.approx(scores[0].sampled.error)
    assert all(np.allclose(columns[name], again[name], atol=1e-6) for name in columns)
    assert (columns["confidence"] > 0.099).all() and (columns["confidence"] <= 1).all()
    if task == "digits":
        env.reset(torch.arange(env.examples), torch.arange(env.examples))
        assert columns["label"][:, 0].tolist() == env.label.tolist()


def test_examples_are_put_in_order() -> None:
    """Batches may come in any order: rewards of examples 2, 0 and 1 are sorted, each the mean of two copies."""

    class Rewarded:
        classes: tuple[str, ...] = ()
        answers = 0

    def episode(reward: list[float]) -> Episode:
        lanes = len(reward)
        whole = torch.tensor([reward])
        return Episode({}, {}, torch.zeros(1, lanes, 0), whole, whole > -1, torch.zeros(lanes), 2, {})

    kept = AnsweredExamples(EpisodeStatistics(), Rewarded())  # type: ignore[arg-type]
    kept.add(episode([1.0, 3.0, 5.0, 5.0]), torch.tensor([2, 0]))
    kept.add(episode([0.0, 1.0]), torch.tensor([1]))
    assert kept.columns()["reward"].tolist() == [5.0, 0.5, 2.0]


def test_examples_are_told_apart_by_what_is_shown() -> None:
    """Another retina shows the same examples; another canvas, split or seed of the evaluation does not."""

    def digest(split: Any = "test", seed: int = 1, **task: Any) -> str:
        sections = {"task": {"name": "digits", **task}, "agent": {"name": "ram"}, "train": {"steps": 1}}
        return examples_digest(make_split_env(Experiment.model_validate(sections), split, CPU), seed)

    canvas = {"kind": "translated", "size": 12}
    known = digest()
    assert known == digest(glimpses=3, retina={"patch": 3, "scales": 2}) != ""
    others = [digest("validation"), digest(seed=2), digest(canvas=canvas), digest(canvas={**canvas, "size": 13})]
    assert len({known, *others}) == 5


def test_texts_are_told_apart_by_their_text(tmp_path: Path) -> None:
    """Other words in the vocabulary and classes in another order show the same texts; one other letter does not."""

    def digest(name: str, extra: str, test: str) -> str:
        (tmp_path / f"{name}.csv").write_text("text,label\n" + extra + "a film,yes\nno film,no\n" * 10)
        (tmp_path / f"{name}-test.csv").write_text("text,label\n" + test)
        files = {"data": f"file:{tmp_path}/{name}.csv", "test": f"file:{tmp_path}/{name}-test.csv"}
        sections = {
            "task": {"name": "text", "vectors": "none", **files},
            "agent": {"name": "reader"},
            "train": {"steps": 1},
        }
        return examples_digest(make_split_env(Experiment.model_validate(sections), "test", CPU), 1)

    first = digest("a", "", "a film,yes\nun film,no\n")
    assert first == digest("b", "un,maybe\n", "a film,yes\nun film,no\n")
    others = [digest("c", "", "a film,yes\nun films,no\n"), digest("d", "", "a film,no\nun film,yes\n")]
    assert len({first, *others}) == 3


def test_bleu_is_the_sum_of_counts() -> None:
    """The sums of all counts give sacrebleu's corpus BLEU, for any set of sentences."""
    given = ["the cat sat on the mat", "A dog ran.", "nothing at all", "three small birds sing in a tree"]
    true = ["the cat sat on a mat", "a dog ran away.", "all of it", "three small birds sing in the tree"]
    for some in ([0, 1, 2, 3], [0, 3], [1, 2], [0, 0, 1]):
        chosen, references = [given[at] for at in some], [true[at] for at in some]
        for lower in (False, True):
            counts = count_matches(chosen, references, lower)
            assert bleu_of_counts(counts.sum(0)) == pytest.approx(measure_quality(chosen, references, lower).bleu)


def test_the_record_and_the_report_have_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line in the terminal, details in evaluation.json and the report, of other data too; names are escaped."""
    rows = "".join(
        f"the film was {word},{name}\n" for word, name in (("good", "<b>yes"), ("bad", "no")) for _ in range(20)
    )
    (tmp_path / "a<i>.csv").write_text("text,label\n" + rows)
    task = ["task.name=text", f"task.data=file:{tmp_path}/a<i>.csv", "task.vectors=none"]
    small = ["train.steps=2", "train.batch=8", "train.evaluate_every=2", "threads=1", "track.mode=disabled"]
    run = str(tmp_path / "run")
    assert main(["train", "trec-lstm", *task, *small, "--run", run]) == 0
    assert main(["evaluate", run, "--split", "test"]) == 0
    assert main(["evaluate", run, f"task.data=file:{tmp_path}/a<i>.csv"]) == 0
    assert "macro F1" in capsys.readouterr().out
    records = json.loads((tmp_path / "run/evaluation.json").read_text())
    whole = records[f"test of file:{tmp_path}/a<i>.csv"]["class_measures"]
    assert sum(map(sum, whole["confusion"])) == whole["answers"] == 40
    assert {one["name"]: one["examples"] for one in whole["classes"]} == {"<b>yes": 20, "no": 20}
    own = records["test"]
    assert 100 - own["scores"]["reader"]["averaged"]["error"] == pytest.approx(100 * own["class_measures"]["accuracy"])
    assert main(["report", run]) == 0
    page = (tmp_path / "run/report/index.html").read_text()
    assert "<b>yes" not in page and "a<i>" not in page
    assert page.count(": confusion matrix</h3>") == page.count(": reliability, accuracy in %</h3>") == 2
