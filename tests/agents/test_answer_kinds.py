"""Kinds of answers: worked examples of errors and rewards, and every agent that can answer a kind of labels."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from PIL import Image

from glimpse.agents import AGENTS
from glimpse.agents.answer_kinds import AnswerKind, ClassAnswers, LabelSetAnswers, ScoreAnswers, answer_kind, belief_of
from glimpse.agents.hidden_matrices import output_sizes
from glimpse.agents.selection.remedies import jensen_shannon
from glimpse.agents.update_losses import losses, needs_rollout
from glimpse.envs.label_kinds import LabelKind, label_kind
from glimpse.runs.rollout import labelled_batch, play

CLASSES = ("a", "b", "c")
SPACES: dict[str, spaces.Dict] = {
    "answer": spaces.Dict({"answer": spaces.Discrete(3)}),
    "score": spaces.Dict({"score": spaces.Box(1.0, 4.0, (), np.float32)}),
    "labels": spaces.Dict({"labels": spaces.MultiBinary(3)}),
}
ENVIRONMENTS_KINDS: dict[str, LabelKind] = {
    "answer": label_kind(CLASSES, None, False),
    "score": label_kind((), (1.0, 4.0), False),
    "labels": label_kind(CLASSES, None, True),
}
LABELS = {
    "answer": torch.tensor([2, 0]),
    "score": torch.tensor([1.5, 4.0]),
    "labels": torch.tensor([[1, 0, 1], [0, 0, 0]]),
}


def test_the_action_chooses_the_kind() -> None:
    """Scores from 1 to 4 have four levels, classes and labels an output each; Muon leaves these layers alone."""
    kinds = {name: answer_kind(space) for name, space in SPACES.items()}
    assert {name: type(kind) for name, kind in kinds.items()} == {
        "answer": ClassAnswers,
        "score": ScoreAnswers,
        "labels": LabelSetAnswers,
    }
    assert {name: kind.outputs for name, kind in kinds.items()} == {"answer": 3, "score": 4, "labels": 3}
    assert all(kind.action == name and kind.outputs in output_sizes(SPACES[name]) for name, kind in kinds.items())


def test_several_labels_by_hand() -> None:
    """Probabilities 3/4, 1/4 and 1/2 + of three labels, of which the first and the second are true."""
    kind, logits = LabelSetAnswers(3), torch.tensor([[3.0, 1 / 3, 1.0001]]).log()
    label = torch.tensor([[1, 1, 0]])
    assert kind.act(logits)["labels"].tolist() == [[1, 0, 1]]
    assert kind.belief(logits)[0].tolist() == pytest.approx([0.75, 0.25, 0.5], abs=1e-4)
    error = -(math.log(0.75) + math.log(0.25) + math.log(0.5)) / 3
    assert kind.errors(logits, label).item() == pytest.approx(error, abs=1e-4)
    terms = kind.terms(logits, label, kind.mean_error(logits, label))
    assert terms["accuracy"].item() == 0 and terms["label_accuracy"].item() == pytest.approx(1 / 3)
    assert kind.reward("correct", logits, label).item() == pytest.approx(1 / 3)
    assert kind.reward("probability", logits, label).item() == pytest.approx((0.75 + 0.25 + 0.5) / 3, abs=1e-4)
    smooth = -(0.9 * math.log(0.75) + 0.1 * math.log(0.25)) - (0.9 * math.log(0.25) + 0.1 * math.log(0.75))
    assert kind.errors(logits, label, 0.2).item() == pytest.approx((smooth - math.log(0.5)) / 3, abs=1e-4)


def test_scores_by_hand() -> None:
    """Levels 1 to 4: the mean of equal halves of 2 and 3 is 2.5; an error of 1 costs a third of the reward."""
    logits = torch.tensor([[-30.0, 0.0, 0.0, -30.0]])
    kind, squared = ScoreAnswers(1.0, 4.0), ScoreAnswers(1.0, 4.0, "squared")
    assert kind.act(logits)["score"].tolist() == pytest.approx([2.5])
    assert kind.errors(logits, torch.tensor([2.5])).item() == pytest.approx(0.0, abs=1e-6)
    assert squared.errors(logits, torch.tensor([3.5])).item() == pytest.approx(0.5)
    assert kind.reward("correct", logits, torch.tensor([3.5])).item() == pytest.approx(2 / 3)
    assert kind.worth(torch.tensor([9.0]), torch.tensor([1.0])).item() == 0
    with pytest.raises(ValueError, match="a score has no probability"):
        kind.reward("probability", logits, torch.tensor([2.5]))


@pytest.mark.parametrize("name", SPACES)
def test_agents_and_environments_agree(name: str) -> None:
    """An answer is worth the same to both, is in the action's space, and right answers are worth 1."""
    kind, own, label = answer_kind(SPACES[name]), ENVIRONMENTS_KINDS[name], LABELS[name]
    logits = torch.randn(2, kind.outputs, generator=torch.Generator().manual_seed(3))
    answer = kind.answer(logits)
    assert own.action == name and own.space() == SPACES[name][name]
    assert all(own.space().contains(one.numpy().astype(own.space().dtype)) for one in answer)
    torch.testing.assert_close(kind.worth(answer, label), own.worth(answer, label))
    assert own.worth(label, label).tolist() == kind.worth(label, label).tolist() == [1, 1]
    if name != "score":
        wrong = own.wrong(kind.belief(logits)[None], label)[0]
        assert wrong.tolist() == (kind.worth(answer, label) < 1).tolist()
    assert own.no_labels(2).shape == label.shape and own.no_labels(2).dtype == label.dtype


def test_beliefs_are_those_of_the_action() -> None:
    """Labels have probabilities of their own, classes and levels share one."""
    logits = torch.tensor([[0.0, 0.0]])
    assert belief_of({"look", "labels"}, logits).sum() == belief_of({"answer"}, logits).sum() == 1
    assert belief_of({"labels"}, logits + 9).sum() > 1.99 > 1.01 > belief_of({"score"}, logits + 9).sum()


def test_agreement_of_label_sets() -> None:
    """Sure and opposite answers about each of two labels differ by log 2; for classes it is one choice."""
    sure = torch.tensor([[40.0, -40.0]])
    for kind in (LabelSetAnswers(2), ClassAnswers(2)):
        between = jensen_shannon(kind.choices(sure), kind.choices(-sure))
        assert between.mean().item() == pytest.approx(math.log(2), abs=1e-5)
        assert jensen_shannon(kind.choices(sure), kind.choices(sure)).abs().max() < 1e-6


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write twenty texts and twenty pictures with scores and with several labels."""
    base = tmp_path_factory.mktemp("tables")
    for kind in ("scores", "many"):
        with (base / f"texts-{kind}.csv").open("w", newline="") as texts:
            with (base / f"pictures-{kind}.csv").open("w", newline="") as pictures:
                both = csv.writer(texts), csv.writer(pictures)
                both[0].writerow(["text", "label"])
                both[1].writerow(["file", "label"])
                for number in range(20):
                    label = number / 8 if kind == "scores" else "|".join(CLASSES[: number % 4])
                    both[0].writerow([f"word{number % 5} and {number}", label])
                    both[1].writerow([f"{number}.png", label])
    for number in range(20):
        Image.new("L", (8, 8), 12 * number).save(base / f"{number}.png")
    return base


ANSWERING = [(name, labels) for name, row in AGENTS.items() for labels in row.labels if labels != "classes"]


@pytest.mark.parametrize(("name", "labels"), ANSWERING)
def test_every_agent_that_can_answer_learns(name: str, labels: str, tables: Path, make_small: Any) -> None:
    """It acts within the space, is rewarded as the environment says, and its loss has a finite gradient."""
    of_text = AGENTS[name].kinds == ("text",)
    file = tables / f"{'texts' if of_text else 'pictures'}-{labels}.csv"
    task = {"data": f"file:{file}", "labels": labels, "retina": {"patch": 3}, "stop": not AGENTS[name].task}
    made, env = make_small(name, "text" if of_text else "images", {}, task)
    example = torch.arange(6)
    episode = play(env, made, example, example, copies=2, record=True)
    action = {part: value[0, 3].numpy() for part, value in episode.action.items()}
    answer = {"scores": "score", "many": "labels"}[labels]
    space = env.action_space[answer]
    assert answer in action and "answer" not in action and space.contains(action[answer].astype(space.dtype))
    worth = env.label_kind.worth(episode.carry_forward(episode.action[answer])[-1], episode.label)
    torch.testing.assert_close(episode.reward.sum(0), worth)
    assert episode.label.shape == ((12,) if labels == "scores" else (12, 3))
    data = episode if needs_rollout(made) else labelled_batch(env, example, example)
    made.set_progress(0.5)
    for loss in losses(made, data):
        loss.total.backward()
        assert all(term.isfinite() for term in loss.terms.values())
        assert "label_accuracy" in loss.terms or "score_distance" in loss.terms or labels == "classes"
    gradients = [part.grad for part in made.parameters() if part.grad is not None]
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize(
    "options",
    [
        {"remedy": "teacher"},
        {"remedy": "complement"},
        {"estimator": {"kind": "exact"}},
        {"estimator": {"kind": "hardkuma"}, "left_out": "zeros"},
    ],
    ids=str,
)
@pytest.mark.parametrize("labels", ["scores", "many"])
def test_every_way_to_learn_a_selection(labels: str, options: Any, tables: Path, make_small: Any) -> None:
    """Of several labels, and of a score, the loss is finite, and the selector gets a gradient."""
    task = {"data": f"file:{tables}/texts-{labels}.csv", "labels": labels}
    made, env = make_small("rationale", "text", options, task)
    loss = made.loss(labelled_batch(env, torch.arange(8), torch.arange(8)))
    loss.total.backward()
    assert loss.total.isfinite() and any(part.grad is not None for part in made.selector.parameters())


def test_agents_that_are_not_asked_answer_classes_alone() -> None:
    """An agent of another package answers classes unless it says more."""
    assert {labels for row in AGENTS.values() for labels in row.labels} == {"classes", "scores", "many"}
    assert AGENTS["dram"].labels == AGENTS["sb3-ppo"].labels == AGENTS["skimmer"].labels == ("classes",)
    assert len(ANSWERING) == 30


def test_the_base_class_gives_one_choice_of_all() -> None:
    """A softmax, unless a kind says otherwise."""
    assert AnswerKind.belief(torch.zeros(2, 4)).tolist() == [[0.25] * 4] * 2
    assert AnswerKind.choices(torch.zeros(2, 4)).shape == (2, 1, 4)
