"""Recurrent cores: each name of the registry in every agent and encoder that takes it, and a third party's core."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any, get_args

import numpy as np
import pytest
import torch
from gymnasium import spaces
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from glimpse.agents import AGENTS
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.encoders.options import EncoderOptions, LevelOptions
from glimpse.agents.options import NetworkOptions
from glimpse.agents.recurrent_core import RecurrentCore
from glimpse.agents.recurrent_core_names import SEQUENCE_NAMES
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.selection.options import SelectorOptions
from glimpse.agents.selection.selector import Selector
from glimpse.agents.step_cores import make_recurrent_core, sequence_network
from tests import forked

RECURRENT_AGENTS = {
    name: get_args(fields["recurrent_core"].annotation)
    for name, entry in AGENTS.items()
    if "recurrent_core" in (fields := resolve_name(entry.options).model_fields)
}
"""Agents with the option `recurrent_core`, and the cores that they can have."""
OBSERVATION = spaces.Dict(
    {
        "glimpse": spaces.Box(0.0, 1.0, (1, 1, 12, 12), np.float32),
        "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
        "time": spaces.Discrete(4),
        "words": spaces.Box(0, 9, (5,), np.int64),
        "position": spaces.Box(0.0, 1.0, (1,), np.float32),
        "legal": spaces.Box(0, 1, (4,), np.int8),
        "question": spaces.Box(0, 9, (5,), np.int64),
        "opened": spaces.Box(0, 9, (5,), np.int64),
        "candidates": spaces.Box(0, 9, (3, 5), np.int64),
        "scores": spaces.Box(-1.0, 1.0, (3,), np.float32),
        "in_document": spaces.Box(0.0, 1.0, (3,), np.float32),
        "title_words": spaces.Box(0, 5, (3,), np.int64),
    }
)
ACTION = spaces.Dict(
    {
        "look": spaces.Box(-1.0, 1.0, (2,), np.float32),
        "answer": spaces.Discrete(4),
        "move": spaces.Discrete(3),
        "jump": spaces.Discrete(4),
        "open": spaces.Discrete(4),
    }
)


def make_core(name: str) -> RecurrentCore:
    """Make a seeded core from 5 numbers to 6, in double precision."""
    torch.manual_seed(0)
    options = NetworkOptions(name="any", recurrent_core=name, feature_width=5, memory_width=6)
    return make_recurrent_core(options).double()


def features() -> Tensor:
    """Draw features of four steps of three episodes."""
    return torch.randn(4, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", RECURRENT_CORES)
def test_steps_equal_the_unrolled_core(name: str) -> None:
    """Outputs and gradients: acting computes step by step what learning replays at once."""
    core = make_core(name)
    memory = torch.zeros(3, core.memory_width, dtype=torch.float64)
    outputs = []
    for feature in features():
        memory = core(feature, memory)
        outputs.append(core.output(memory))
    stepped = torch.stack(outputs)
    unrolled, last = core.unroll(features(), None)
    assert unrolled.shape == (4, 3, core.width) == (4, 3, 6)
    torch.testing.assert_close(unrolled, stepped)
    torch.testing.assert_close(last, stepped[-1])
    parameters = list(core.parameters())
    found, expected = (torch.autograd.grad(each.square().sum(), parameters) for each in (unrolled, stepped))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", RECURRENT_CORES)
def test_recorded_outputs_change_no_gradient(name: str) -> None:
    """A replay that is given the outputs of acting learns what one without them learns."""
    core = make_core(name)
    plain, last = core.unroll(features(), None)
    recalled, recalled_last = core.unroll(features(), plain.detach())
    parameters = list(core.parameters())
    expected = torch.autograd.grad(plain.square().sum() + last.sum(), parameters)
    found = torch.autograd.grad(recalled.square().sum() + recalled_last.sum(), parameters)
    torch.testing.assert_close(found, expected)


def test_a_gru_step_by_hand() -> None:
    """Weights of zero and a bias of 1: r = z = 1/2 and n = tanh(1), so that h becomes (n + h) / 2."""
    core = make_core("gru")
    with torch.no_grad():
        for parameter in core.parameters():
            parameter.zero_()
        core.get_parameter("gru.bias_ih_l0")[12:] = 1.0
    memory = torch.full((1, 6), 0.4, dtype=torch.float64)
    expected = torch.full((1, 6), 0.5).double() * (torch.tensor(1.0).double().tanh() + 0.4)
    torch.testing.assert_close(core(features()[0, :1], memory), expected)


@pytest.mark.parametrize("agent", [name for name, entry in AGENTS.items() if entry.factory.startswith("glimpse.")])
def test_every_recurrent_agent_of_ours_can_have_every_core(agent: str) -> None:
    """Our agents with the option `recurrent_core` take every name of the registry."""
    assert RECURRENT_AGENTS.get(agent) in (None, tuple(RECURRENT_CORES))


@pytest.mark.parametrize(("agent", "name"), [(a, name) for a, names in RECURRENT_AGENTS.items() for name in names])
def test_a_recurrent_agent_has_the_core_of_its_options(agent: str, name: str) -> None:
    """The agent has one core, of the class that its option names."""
    entry = AGENTS[agent]
    options = resolve_name(entry.options).model_validate({"name": agent, "recurrent_core": name, "memory_width": 6})
    made = resolve_name(entry.factory)(options, OBSERVATION, ACTION)
    found = [type(module) for module in made.modules() if isinstance(module, RecurrentCore)]
    assert found == [resolve_name(RECURRENT_CORES[name].step)]


@pytest.mark.parametrize("agent", RECURRENT_AGENTS)
def test_an_unknown_core_is_refused(agent: str) -> None:
    """The options take the names of the registry alone."""
    with pytest.raises(ValidationError, match="recurrent_core"):
        resolve_name(AGENTS[agent].options).model_validate({"name": agent, "recurrent_core": "elman"})


@pytest.mark.parametrize("name", SEQUENCE_NAMES)
def test_every_sequence_network_reads_texts(name: str) -> None:
    """As an encoder, as both levels of a hierarchical encoder, and as a selector."""
    tokens, real = torch.randn(2, 5, 3), torch.tensor([[True] * 5, [True, True, False, False, False]])
    written: list[dict[str, Any]] = [{"kind": name, "width": 4, "pooling": "last"}]
    encoder = make_encoder(TypeAdapter[Any](EncoderOptions).validate_python(written[0]), 3)
    assert encoder(tokens, real).vector.shape == (2, 8)
    levels = {"kind": "hierarchical", "words": {"kind": name, "width": 4}, "sentences": {"kind": name, "width": 4}}
    documents = make_encoder(TypeAdapter[Any](EncoderOptions).validate_python(levels), 3)
    assert documents(tokens[:, None], real[:, None]).vector.shape == (2, 8)
    selector = Selector(SelectorOptions.model_validate({"kind": name, "width": 4}), 3)
    assert selector(tokens, real).shape == (2, 5)


def test_names_come_from_the_registry() -> None:
    """Each option takes all names of the registry, and some take other readers besides."""
    kinds = {
        options: set(get_args(options.model_fields[key].annotation))
        for options, key in ((NetworkOptions, "recurrent_core"), (LevelOptions, "kind"), (SelectorOptions, "kind"))
    }
    assert kinds[NetworkOptions] == set(RECURRENT_CORES)
    assert kinds[LevelOptions] == {*SEQUENCE_NAMES, "cnn"}
    assert kinds[SelectorOptions] == {*SEQUENCE_NAMES, "cnn", "pooled"}


def test_a_core_without_a_sequence_network_is_refused() -> None:
    """The ReLU RNN reads step by step only."""
    with pytest.raises(ValueError, match=r"'rnn' has no sequence network, choose one of 'lstm', 'gru'"):
        sequence_network("rnn")


MINIMAL = '''
import torch
from torch import nn
from glimpse.agents.recurrent_core import RecurrentCore


class MinimalCore(RecurrentCore):
    """h_t = (1 - z_t) h_{t-1} + z_t W g_t, z_t = sigmoid(V g_t) (minGRU)."""

    def __init__(self, feature_width, memory_width):
        super().__init__()
        self.width = self.memory_width = memory_width
        self.gate, self.new = nn.Linear(feature_width, memory_width), nn.Linear(feature_width, memory_width)

    def forward(self, feature, memory):
        return torch.lerp(memory, self.new(feature), self.gate(feature).sigmoid())

    def unroll(self, features, recorded):
        outputs = [self(features[0], features.new_zeros(features.shape[1], self.width))]
        for feature in features[1:]:
            outputs.append(self(feature, outputs[-1]))
        return torch.stack(outputs), outputs[-1]
'''

USE = """
from pkgutil import resolve_name
from glimpse.agents.recurrent_cores import RECURRENT_CORES, RecurrentCoreEntry

RECURRENT_CORES["minimal"] = RecurrentCoreEntry("minimal:MinimalCore", None, "minGRU")
for agent in AGENT_NAMES:
    from glimpse.agents import AGENTS
    given = {"name": agent, "recurrent_core": "minimal", "memory_width": 6}
    options = resolve_name(AGENTS[agent].options).model_validate(given)
    made = resolve_name(AGENTS[agent].factory)(options, OBSERVATION, ACTION)
    observation = {name: torch.zeros(2, *space.shape, dtype=torch.from_numpy(numpy.empty(0, space.dtype)).dtype)
                   for name, space in OBSERVATION.items()}
    observation["legal"] += 1
    decision, memory = made(observation, made.initial_memory(observation))
    assert any(type(module).__name__ == "MinimalCore" for module in made.modules()), agent
    assert decision.activations is not None
"""


def test_a_third_partys_core_reaches_every_recurrent_agent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A core that is added to the registry can be named in the config of RAM, player, draw, grid and of readers."""
    assert {"ram", "player", "draw", "grid", "skimmer", "evidence-reader"} <= set(RECURRENT_AGENTS)
    (tmp_path / "minimal.py").write_text(MINIMAL)
    register, use = USE.split("for agent", 1)
    here = "import importlib.util, numpy, torch\n" + _load_spaces()
    (tmp_path / "use.py").write_text(f"AGENT_NAMES = {RECURRENT_AGENTS!r}\n{register}{here}for agent{use}")
    assert forked.run_script(tmp_path / "use.py") == 0, capfd.readouterr().err


def _load_spaces() -> str:
    """Return code that loads the spaces of this file."""
    return (
        f"spec = importlib.util.spec_from_file_location('these', {__file__!r})\n"
        "these = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(these)\n"
        "OBSERVATION, ACTION = these.OBSERVATION, these.ACTION\n"
    )
