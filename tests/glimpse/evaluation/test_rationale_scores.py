"""What agents name as reasons, measured on a little world with marks: an agent whose numbers are known by hand."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.lanes import JudgedCore
from glimpse.evaluation.rationale_scores import measure_reasons, print_reasons
from glimpse.runs.build import make_agent, make_world

TEXTS = torch.tensor([[1, 2, 3, 4, 5, 0], [3, 3, 1, 0, 0, 0], [2, 1, 1, 1, 1, 1]])


class Marked:
    """A world of three texts, in which each word 1 is marked."""

    device, examples, lengths = torch.device("cpu"), 3, torch.tensor([5, 3, 6])

    def begin(self, example: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Show texts."""
        return {"text": TEXTS[example]}

    def marked(self, example: Tensor) -> Tensor:
        """Of texts."""
        return TEXTS[example] == 1


class Known(nn.Module):
    """Small numbers count most; the first class has probability .9 where word 1 is read, else a half."""

    def salience(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """10 less the number."""
        text = observation["text"]
        return {"text": (10.0 - text) * (text != 0)}

    def read_only(self, observation: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        """Logits."""
        there = ((observation["text"] == 1) & kept["text"]).any(-1)
        return torch.where(there[:, None], torch.tensor([[0.9, 0.1]]), torch.tensor([[0.5, 0.5]])).log()


AGENT, WORLD = cast(Agent, Known()), cast(JudgedCore, Marked())


def options(batch: int = 2, share: float = 0.4) -> EvaluateOptions:
    """Some."""
    return EvaluateOptions(batch=batch, share=share, precision="float32")


def test_every_number_by_hand() -> None:
    """Two of five words, one of three, and two of six are named.

    They are: of 1 2 3 4 5 the 1 and the 2 (P 1/2, R 1); of 3 3 1 the 1 (P 1, R 1); of 2 1 1 1 1 1 two 1s (P 1, R 2/5).
    """
    found = measure_reasons(AGENT, WORLD, options())
    assert found is not None and found.choice == found.top
    assert found.top.share == pytest.approx((2 / 5 + 1 / 3 + 2 / 6) / 3)
    assert found.top.precision == pytest.approx(5 / 6) and found.top.recall == pytest.approx((1 + 1 + 2 / 5) / 3)
    assert found.top.f1 == pytest.approx((2 / 3 + 1 + 4 / 7) / 3)
    assert found.top.micro_f1 == pytest.approx(2 * 4 / (5 + 7))
    # Spans: 1 2 for 1, a half, matches; 1 for 1 does; two for five does not.
    assert found.top.spans_f1 == pytest.approx(2 / 3)
    # First words: P 1/2, R 1; nothing; P 1/2 and R 1/5.
    assert found.first.f1 == pytest.approx((2 / 3 + 0 + 2 / 7) / 3)
    assert found.random.share == pytest.approx(found.top.share)
    assert found.average_precision == pytest.approx(1)


def test_what_is_lost_by_hand() -> None:
    """Nothing with a 1; .4 where all of them are away, which two of five cannot be in the last text."""
    found = measure_reasons(AGENT, WORLD, options())
    assert found is not None
    assert found.sufficiency == pytest.approx(0, abs=1e-6)
    assert found.comprehensiveness == pytest.approx(0.8 / 3, abs=1e-6)
    # One word at 1, 5, 10 and 20 %; at 50 % two, two and three: the last text has five 1s.
    assert found.sufficiency_area == pytest.approx(0, abs=1e-6)
    assert found.comprehensiveness_area == pytest.approx(0.8 / 3, abs=1e-6)
    assert set(found.by_share) == {"0.01", "0.05", "0.1", "0.2", "0.5"}


def test_numbers_do_not_depend_on_the_batch() -> None:
    """Random words follow from the example's number."""
    assert measure_reasons(AGENT, WORLD, options(batch=1)) == measure_reasons(AGENT, WORLD, options(batch=3))


def experiment(name: str, **agent: object) -> Experiment:
    """A small agent on planted texts."""
    return Experiment.model_validate(
        {
            "task": {"name": "text", "data": "planted", "vectors": "none"},
            "agent": {"name": name, "embedding_width": 4, **agent},
            "train": {"steps": 1},
            "threads": 1,
        }
    )


def measured(given: Experiment) -> object:
    """Its reasons, untrained."""
    world = make_world(given, "validation", torch.device("cpu"))
    agent = make_agent(given, world).requires_grad_(False).eval()
    return measure_reasons(agent, world, EvaluateOptions(batch=500, precision="float32"))


def test_an_own_choice_is_what_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A rationale that begins with keeping everything loses nothing, and names all; the table says so."""
    selector = {"kind": "pooled", "width": 4, "bias": 20.0}
    found = measured(experiment("rationale", selector=selector, encoder={"kind": "gru", "width": 4}))
    assert found is not None and found.choice.share == found.choice.recall == 1.0  # type: ignore[attr-defined]
    assert found.top.share == pytest.approx(0.2) and found.sufficiency == pytest.approx(0)  # type: ignore[attr-defined]
    print_reasons(found, own=True)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert "own choice" in out and "top 20 %" in out and "as many, random" in out and "sufficiency" in out


class Unmarked(Marked):
    """The same texts, of which nobody was asked."""

    def marked(self, example: Tensor) -> None:  # type: ignore[override]
        """None."""


def test_without_marks_or_weights_nothing_is_measured() -> None:
    """A CNN weighs no words."""
    assert measure_reasons(AGENT, cast(JudgedCore, Unmarked()), options()) is None
    assert measured(experiment("reader", encoder={"kind": "cnn"})) is None
