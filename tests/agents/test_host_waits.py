"""Within a step the host does not wait for the GPU: rollout, loss and backward pass of each agent ask for no value.

The agents run on a stand-in for a GPU (see tests/fake_device.py), on which a question for a value is an error.
"""

from collections.abc import Callable
from typing import Any, cast
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from glimpse.agents import AGENTS
from glimpse.agents.agent import Agent, LearningAgent
from glimpse.agents.translation.search import beam_search, greedy_search
from glimpse.agents.translation.simultaneous_decoding import decode_simultaneously
from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.agents.translation.translator import Translator
from glimpse.agents.update_losses import losses, needs_rollout
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import FullyObservable
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.runs.rollout import labelled_batch, play
from tests.agents.test_agents import PAIRS
from tests.agents.test_constant_return import CASES
from tests.fake_device import fake_device

MakeSmall = Callable[[str, str, dict[str, Any], dict[str, Any]], tuple[Agent, VisualEnv]]
Case = tuple[str, str, dict[str, Any], dict[str, Any]]

# A fake tensor imports torch's compiler, which takes seconds: in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("fake device")

SEARCHED = {"evidence"}
"""Kinds of environments that search a store, which they do on the host."""


def _cases() -> dict[str, Case]:
    """Return each agent with the first environment of each class that it fits, and acting agents with options."""
    classes: dict[tuple[str, str], Case] = {}
    for agent, env in PAIRS:
        classes.setdefault((agent, ENVIRONMENTS[env].environment), (agent, env, {}, {}))
    every = {f"{case[0]} in {case[1]}": case for case in classes.values()} | CASES
    return {name: case for name, case in every.items() if ENVIRONMENTS[case[1]].kind not in SEARCHED}


_SMALL_SELECTOR: dict[str, Any] = {"embedding_width": 4, "selector": {"width": 4}}
_SPARSE = {"kind": "sparse", "heads": 2, "pattern": {"kind": "window", "width": 1}}
TEXTS: dict[str, Case] = {
    "hierarchical reader": ("reader", "text", {"encoder": {"kind": "hierarchical"}}, {"sentences": True}),
    "hierarchical cnn": (
        "reader",
        "text",
        {"encoder": {"kind": "hierarchical", "words": {"kind": "cnn"}, "sentences": {"kind": "lstm"}}},
        {"sentences": True},
    ),
    "gru of two layers": ("reader", "text", {"encoder": {"kind": "gru", "layers": 2, "pooling": "last"}}, {}),
    "cnn": ("reader", "text", {"encoder": {"kind": "cnn"}}, {}),
    "sparse transformer": ("reader", "text", {"encoder": {"kind": "transformer", "attention": _SPARSE}}, {}),
    "disan": ("reader", "text", {"encoder": {"kind": "disan", "width": 4}}, {}),
    "distance": ("reader", "text", {"encoder": {"kind": "distance", "width": 10}}, {}),
    "exact rationale": ("rationale", "text", {**_SMALL_SELECTOR, "estimator": {"kind": "exact"}}, {"max_words": 4}),
    "relaxed rationale": (
        "rationale",
        "text",
        {**_SMALL_SELECTOR, "estimator": {"kind": "hardkuma"}, "remedy": "teacher", "left_out": "zeros"},
        {},
    ),
    "rationale with a complement": ("rationale", "text", {**_SMALL_SELECTOR, "remedy": "complement"}, {}),
    "reversed source": ("seq2seq", "translate", {"direction": "reversed"}, {}),
}
"""Encoders and estimators that the agents' defaults do not have."""
_LOOKS = {"glimpses": 2}
_STRINGS = {"strings": 20, "longest": 3, "max_tokens": 5}
SHORT: dict[str, dict[str, Any]] = {
    "classification": _LOOKS,
    "pairs": _LOOKS,
    "search": _LOOKS,
    "find": _LOOKS,
    "text": {"max_words": 5},
    "skim": {"max_words": 5, "jumps": 3},
    "select": {"max_words": 5},
    "translation": _STRINGS,
    "simultaneous translation": _STRINGS,
}
"""Options of the kinds of tasks that have all kinds of steps (a first one, one after it, a last one) and no more."""


def _shortened(case: Case) -> Case:
    agent, env, options, task = case
    return agent, env, options, SHORT.get(ENVIRONMENTS[env].kind, {}) | task


ALL = {name: _shortened(case) for name, case in (_cases() | TEXTS).items()}


def step(agent: Agent, env: VisualEnv, device: str, *, backward: bool) -> None:
    """Make what a training step computes, but for the optimiser: the first one, or the last one with `backward`."""
    agent.set_progress(float(backward))
    # The host puts texts in order, and gives their numbers.
    example = torch.arange(3, device=device if env.lengths is None else "cpu")
    if not isinstance(agent, LearningAgent):  # Stable-Baselines3 trains its policies itself.
        play(env, agent, example, example, copies=2)
        return
    if needs_rollout(agent):
        losses_of_update = losses(agent, play(env, agent, example, example, copies=2, record=True))
    else:
        losses_of_update = losses(agent, labelled_batch(env, example, example))
    for loss in losses_of_update:
        if backward:
            loss.total.backward()


@pytest.mark.parametrize("case", [name for name in ALL if name not in TEXTS])
def test_rollout_and_loss_do_not_wait(case: str, make_small: MakeSmall) -> None:
    """No device is mixed with another, no value is asked for, and nothing is copied between host and device."""
    with fake_device(*make_small(*ALL[case]), device="cuda") as ((agent, env), moves):
        moves.found.clear()
        step(agent, env, "cuda", backward=False)
        assert moves.found == []


@pytest.mark.parametrize("case", [name for name in ALL if not ALL[name][0].startswith("sb3-")])
def test_the_backward_pass_does_not_wait(case: str, make_small: MakeSmall) -> None:
    """The same for the gradients; Stable-Baselines3 computes those of its policies itself."""
    with fake_device(*make_small(*ALL[case]), device="meta") as ((agent, env), moves):
        moves.found.clear()
        step(agent, env, "meta", backward=True)
        assert moves.found == []


def test_what_waits_is_found() -> None:
    """Each kind of wait is an error, or a move that is noted."""
    with fake_device(torch.ones(3), device="cuda") as ((tensor,), moves):
        for wait in (lambda: tensor.sum().item(), lambda: bool(tensor.any()), lambda: tensor[tensor > 0]):
            with pytest.raises(RuntimeError):
                wait()
        with pytest.raises(RuntimeError):
            tensor + torch.ones(3)
        assert moves.found == []
        tensor.cpu()
        torch.ones(3).to(tensor.device)
        assert [found.partition(",")[0] for found in moves.found] == ["cuda to cpu", "cpu to cuda"]
        assert "test_host_waits.py" in moves.found[0]


def test_all_agents_are_here() -> None:
    """The registry has no agent that is left out."""
    assert {agent for agent, *_ in ALL.values()} == {name for name, row in AGENTS.items() if {*row.kinds} - SEARCHED}


@pytest.mark.parametrize(("task", "options"), [("text", {}), ("text", {"sentences": True}), ("translate", {})])
def test_the_host_cuts_training_texts(task: str, options: dict[str, Any], make_small: MakeSmall) -> None:
    """Texts whose numbers the host has are cut to the longest of them, and their answers too."""
    encoder = {"encoder": {"kind": "hierarchical" if options else "lstm"}}
    agent = ("transformer", {}) if task == "translate" else ("reader", encoder)
    made = make_small(agent[0], task, agent[1], options)
    env = made[1]
    example = env.lengths.argsort()[:2]  # type: ignore[union-attr]
    expected = labelled_batch(env, example, example)
    with fake_device(*made, device="cuda") as ((_, fake), moves):
        batch = labelled_batch(fake, example, example)
        assert moves.found == []
        both = [(expected.observation[name], text) for name, text in batch.observation.items()]
        for whole, text in [*both, (expected.label, batch.label)]:
            used = [int(axis.max()) + 1 for axis in whole.nonzero().unbind(1)] if whole.dim() > 1 else [2]
            assert list(text.shape) == used and text.device.type == "cuda"
    assert batch.observation.popitem()[1].shape != expected.observation.popitem()[1].shape


class Questions(TorchDispatchMode):
    """Counts the questions for values, for each of which the host would wait."""

    def __init__(self) -> None:
        """Begin at 0."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = self.passed_over = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Answer torch's question; True would import its compiler, which takes seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation."""
        name = func.name().partition(".")[0].partition("::")[2]
        chosen = [each for each in tree_leaves(args[1:2]) if isinstance(each, Tensor)]
        masked = name in ("index", "index_put_") and any(each.dtype == torch.bool for each in chosen)
        self.count += masked or name in ("_local_scalar_dense", "nonzero", "masked_select", "unique", "equal")
        return func(*args, **(kwargs or {}))

    def pass_over(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts its calls, in place of what it asks: on a CPU a network may ask."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            before = self.count
            result = work(*args, **kwargs)
            self.count, self.passed_over = before, self.passed_over + 1
            return result

        return counted


TRANSLATORS = [name for name, row in AGENTS.items() if "translation" in row.kinds]


@pytest.mark.parametrize("beam", [0, 1, 3])
def test_decoding_waits_once_a_token(beam: int, make_small: MakeSmall) -> None:
    """Greedy search and beam search ask for one number for each token that they generate."""
    translator, env = make_small("transformer", "translate", {}, {})
    assert isinstance(translator, Translator)
    source = env.reset(torch.arange(9), torch.arange(9))["source"]
    translator.eval()
    encoded = translator.encode(source)
    with (
        Questions() as asked,
        patch.multiple(translator, step=asked.pass_over(translator.step), encode=lambda source: encoded),
    ):
        if beam:
            beam_search(translator, source, beam, 1.0)
        else:
            greedy_search(translator, source)
    assert 1 < asked.count <= asked.passed_over


@pytest.mark.parametrize("agent", TRANSLATORS)
def test_a_token_is_computed_without_waiting(agent: str, make_small: MakeSmall) -> None:
    """What searches call at each token asks a GPU for nothing."""
    with fake_device(*make_small(agent, "translate", {}, {}), device="cuda") as ((translator, env), moves):
        encoded = translator.encode(env.reset(torch.arange(3), torch.arange(3))["source"])
        state, source = translator.decoder.initial_memory(encoded), translator.decoder.prepare(encoded)
        translator.eval()
        token = torch.zeros(3, dtype=torch.int64, device="cuda")
        for index in range(2):
            _, step = translator.step(token, state, source, index)
            state = step.state
        assert moves.found == []


def test_simultaneous_decoding_waits_once_a_step(make_small: MakeSmall) -> None:
    """It asks for one number for each READ or WRITE; what it computes is that of a rollout."""
    agent, env = make_small("simultaneous-translator", "simultaneous-translation", {}, {})
    assert isinstance(agent, SimultaneousTranslator)
    env.reset(torch.arange(9), torch.arange(9))
    assert isinstance(env, FullyObservable)
    source = cast(Any, env).full_observation()["source"]
    agent.eval()
    with Questions() as asked, patch.object(agent, "forward", asked.pass_over(agent.forward)):
        decode_simultaneously(agent, source)
    assert 1 < asked.count <= asked.passed_over
