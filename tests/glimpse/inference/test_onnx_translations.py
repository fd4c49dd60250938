"""Tests of an exported translator: onnxruntime writes the translations that torch writes, token by token."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.agents.translation.search import greedy_search
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.inference.onnx_export import graph_facts, graph_of, to_onnx
from glimpse.runs.build import make_agent, make_split_env

# What the exporter does at its first use, it does in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("export")

SMALL = ["task.strings=60", "task.symbols=4", "task.longest=4", "agent.width=16", "agent.feed_forward=8"]


def untrained(config: str, *words: str) -> Any:
    """Return a run with random weights, on sentences that are generated."""
    experiment = load_experiment(config, [*SMALL[:3], *words])
    env = make_split_env(experiment, "validation", torch.device("cpu"))
    agent = make_agent(experiment, env).eval().requires_grad_(False)
    for weight in agent.parameters():
        weight += torch.randn_like(weight) * 0.3
    return SimpleNamespace(experiment=experiment, agent=agent, env=env)


def test_translations_agree(export: Any) -> None:
    """Greedy translations are equal, and so are all log-probabilities and weights of the source on the way."""
    onnxruntime = pytest.importorskip("onnxruntime")
    run = untrained("reverse-transformer", *SMALL[3:], "agent.layers=1", "agent.attention={kind: relative, clip: 2}")
    graph, step = export(run)
    encoder = graph.companions["encoder"]
    model = to_onnx(encoder, graph_facts(run, encoder))
    encode = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    source = run.env.reset(torch.arange(4), torch.arange(4))["source"]
    (encoded,) = encode.run(None, {"source": source.numpy()})
    memory = np.zeros((4, *encoded.shape[1:4], 0, encoded.shape[5]), np.float32)
    token, written = np.full(4, graph.facts["begin"]), []
    agent, lengths = run.agent, (source != 0).sum(1)
    prepared = agent.decoder.prepare(agent.encode(source))
    state = agent.decoder.initial_memory(agent.encode(source))
    for index in range(int((2 * lengths + 10).clamp(max=agent.longest).min()) - 1):
        fed = {"source": source.numpy(), "encoded": encoded, "token": token, "memory": memory}
        log_prob, attention_to, memory = step.run(None, fed)
        wanted, made = agent.step(torch.from_numpy(token), state, prepared, index)
        np.testing.assert_allclose(log_prob, wanted, atol=1e-4)
        np.testing.assert_allclose(attention_to[:, : made.weights.shape[1]], made.weights, atol=1e-4)
        assert wanted[:, 3:].std(0).max() > 1e-3  # Sentences are told apart.
        token, state = log_prob.argmax(1), made.state
        written.append(token)
    # A translation that has ended is followed by what nobody reads.
    ended = np.cumsum(np.stack(written, 1) == graph.facts["end"], 1) - (np.stack(written, 1) == graph.facts["end"])
    found = np.where(ended > 0, 0, np.stack(written, 1))
    torch_wrote = greedy_search(agent, source)[:, : found.shape[1]].numpy()
    assert (found == torch_wrote).all()


def test_other_translators_are_refused() -> None:
    """A recurrent translator says in a line that it cannot be exported."""
    with pytest.raises(UserError, match="^bahdanau cannot be exported: of the translators the transformer can[^\n]*$"):
        graph_of(untrained("copy-bahdanau"))
