"""Tests of rationale scores, on a small environment and an agent whose numbers are known by hand."""

from dataclasses import asdict
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.core import EvaluatedEnv
from glimpse.evaluation.rationale_scores import (
    Faithfulness,
    RationaleScores,
    measure_faithfulness,
    measure_rationales,
    print_rationale_scores,
)
from glimpse.runs.build import make_agent, make_split_env

TEXTS = torch.tensor([[1, 2, 3, 4, 5, 0], [3, 3, 1, 0, 0, 0], [2, 1, 1, 1, 1, 1]])


class AnnotatedEnv:
    """Environment of three texts, whose human rationales are the words 1."""

    device, examples, lengths = torch.device("cpu"), 3, torch.tensor([5, 3, 6])

    def reset(self, example: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Return the texts."""
        return {"text": TEXTS[example]}

    def human_rationale(self, example: Tensor) -> Tensor:
        """Return the human rationales of texts."""
        return TEXTS[example] == 1


class KnownAgent(nn.Module):
    """Agent to which small numbers count most; class 0 has probability .9 if word 1 is read, else .5."""

    def salience(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return 10 minus the word's number."""
        text = observation["text"]
        return {"text": (10.0 - text) * (text != 0)}

    def read_only(self, observation: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        """Return logits."""
        there = ((observation["text"] == 1) & kept["text"]).any(-1)
        return torch.where(there[:, None], torch.tensor([[0.9, 0.1]]), torch.tensor([[0.5, 0.5]])).log()


AGENT, ENV = cast(Agent, KnownAgent()), cast(EvaluatedEnv, AnnotatedEnv())


def options(batch: int = 2, keep_rate: float = 0.4) -> EvaluateOptions:
    """Return options with this batch and keep rate."""
    return EvaluateOptions(batch=batch, keep_rate=keep_rate, precision="float32")


def test_agreement_with_human_rationales_by_hand() -> None:
    """Predict two of five words, one of three, and two of six.

    They are the 1 and the 2 of 1 2 3 4 5 (P 1/2, R 1), the 1 of 3 3 1 (P 1, R 1), and two 1s of 2 1 1 1 1 1 (P 1,
    R 2/5).
    """
    found = measure_rationales(AGENT, ENV, options())
    assert found is not None and found.choice == found.top
    assert found.top.keep_rate == pytest.approx((2 / 5 + 1 / 3 + 2 / 6) / 3)
    assert found.top.precision == pytest.approx(5 / 6) and found.top.recall == pytest.approx((1 + 1 + 2 / 5) / 3)
    assert found.top.f1 == pytest.approx((2 / 3 + 1 + 4 / 7) / 3)
    assert found.top.micro_f1 == pytest.approx(2 * 4 / (5 + 7))
    # Spans: 1 2 matches 1 (IOU 1/2), 1 matches 1, two words do not match five.
    assert found.top.spans_f1 == pytest.approx(2 / 3)
    # First words: P 1/2 and R 1; no match; P 1/2 and R 1/5.
    assert found.first.f1 == pytest.approx((2 / 3 + 0 + 2 / 7) / 3)
    assert found.random.keep_rate == pytest.approx(found.top.keep_rate)
    assert found.average_precision == pytest.approx(1) and found.auprc == pytest.approx(1)


def test_faithfulness_by_hand() -> None:
    """A text without its 1s loses .4, but removing two words leaves some of the five 1s of the last text."""
    found = measure_rationales(AGENT, ENV, options())
    assert found is not None
    assert found.sufficiency == pytest.approx(0, abs=1e-6)
    assert found.comprehensiveness == pytest.approx(0.8 / 3, abs=1e-6)
    # One word at 1, 5, 10 and 20 %, and two, two and three words at 50 %: the last text has five 1s.
    assert found.sufficiency_area == pytest.approx(0, abs=1e-6)
    assert found.comprehensiveness_area == pytest.approx(0.8 / 3, abs=1e-6)
    assert set(found.f1_by_keep_rate) == {"0.01", "0.05", "0.1", "0.2", "0.5"}


def test_scores_do_not_depend_on_the_batch() -> None:
    """Random words depend on the example alone."""
    assert measure_rationales(AGENT, ENV, options(batch=1)) == measure_rationales(AGENT, ENV, options(batch=3))


def experiment(name: str, **agent: object) -> Experiment:
    """Return an experiment with a small agent on planted texts."""
    return Experiment.model_validate(
        {
            "task": {"name": "text", "data": "planted", "vectors": "none"},
            "agent": {"name": name, "embedding_width": 4, **agent},
            "train": {"steps": 1},
            "threads": 1,
        }
    )


def measured(given: Experiment) -> object:
    """Return the rationale scores of an untrained agent."""
    env = make_split_env(given, "validation", torch.device("cpu"))
    agent = make_agent(given, env).requires_grad_(False).eval()
    return measure_rationales(agent, env, EvaluateOptions(batch=500, precision="float32"))


def test_an_own_selection_is_the_predicted_rationale(capsys: pytest.CaptureFixture[str]) -> None:
    """A selector that keeps all words has recall 1 and loses no probability; the table has its row."""
    selector = {"kind": "pooled", "width": 4, "bias": 20.0}
    found = measured(experiment("rationale", selector=selector, encoder={"kind": "gru", "width": 4}))
    assert found is not None and found.choice.keep_rate == found.choice.recall == 1.0  # type: ignore[attr-defined]
    assert found.top.keep_rate == pytest.approx(0.2) and found.sufficiency == pytest.approx(0)  # type: ignore[attr-defined]
    print_rationale_scores(found, own=True)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert "own selection" in out and "top 20 %" in out and "as many, random" in out and "sufficiency" in out


def test_faithfulness_needs_no_marks() -> None:
    """It is that of the same selection where words are marked; an agent that selects nothing has none."""
    given = experiment("rationale", selector={"kind": "pooled", "width": 4}, encoder={"kind": "gru", "width": 4})
    env = make_split_env(given, "validation", torch.device("cpu"))
    agent = make_agent(given, env).requires_grad_(False).eval()
    known, found = (measure(agent, env, options(500)) for measure in (measure_rationales, measure_faithfulness))
    assert isinstance(found, Faithfulness) and isinstance(known, RationaleScores)
    assert asdict(found).items() <= asdict(known).items() and found.comprehensiveness != 0
    assert measure_faithfulness(AGENT, ENV, options()) is None


class UnannotatedEnv(AnnotatedEnv):
    """Environment of the same texts without human rationales."""

    def human_rationale(self, example: Tensor) -> None:  # type: ignore[override]
        """Return None."""


def test_no_scores_without_human_rationales_or_salience() -> None:
    """A CNN gives words no salience."""
    assert measure_rationales(AGENT, cast(EvaluatedEnv, UnannotatedEnv()), options()) is None
    assert measured(experiment("reader", encoder={"kind": "cnn"})) is None
