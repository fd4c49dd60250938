"""Tests of exported agents for texts: onnxruntime and torch agree on whole texts of any length."""

from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from glimpse.agents.encoders.exported_states import exported_states
from glimpse.agents.encoders.options import EncoderOptions
from glimpse.config.files import load_experiment
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.runs.build import make_agent, make_empty_env

# What the exporter does at its first use, it does in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("export")

RUNS = {
    "lstm": ["trec-lstm", "agent.encoder.width=6", "agent.encoder.layers=2", "agent.encoder.pooling=last"],
    "gru": ["trec-gru", "agent.encoder.width=6"],
    "gru, aligned": ["sick-e-lstm", "agent.encoder.kind=gru", "agent.encoder.width=6", "agent.pair=aligned"],
    "cnn": ["sick-r-lstm", "agent.encoder={kind: cnn, filters: 5}"],  # Of the encoders, pairs are cheapest with this.
    "transformer": ["trec-sparse", "agent.encoder.layers=2", "agent.encoder.pooling=context_vector"],
    "transformer, relative": ["trec-relative", "agent.encoder.layers=1", "agent.encoder.attention.normaliser=entmax15"],
    "disan": ["trec-disan", "agent.encoder.width=6"],
    "distance": ["trec-distance", "agent.encoder.width=10"],
    "hierarchical": ["imdb-han", "agent.encoder.words.width=5", "agent.encoder.sentences.width=4"],
    "resan": ["trec-resan", "agent.encoder.width=6", "agent.sampler.hidden=6"],
    "rationale": ["planted"],
    "rationale, hardkuma": ["planted-hardkuma"],
    "top-k-reader": ["sst2-top-30", "agent.encoder.width=6"],
}
"""Runs by the reader's encoder or the agent, as words of a command line."""


def untrained(words: list[str]) -> Any:
    """Return a run of an agent with random weights and a vocabulary of 29 words; nothing is trained or read."""
    experiment = load_experiment(words[0], words[1:])
    task: Any = experiment.task
    pair, document = words[0].startswith("sick"), task.sentences
    meaning = TextMeaning(
        classes=() if pair else ("no", "yes", "perhaps"),
        scores=(1.0, 5.0) if pair else None,
        words=("", *(f"word{number}" for number in range(29))),
        vector_width=None,
        without_vector=(),
        shapes=((4, 6),) if document else ((12,),) * (2 if pair else 1),
    )
    env = make_empty_env(experiment, meaning, torch.device("cpu"))
    agent = make_agent(experiment, env).eval().requires_grad_(False)
    agent.set_progress(1.0)
    for weight in agent.parameters():
        weight += torch.randn_like(weight) * 0.2
    return SimpleNamespace(experiment=experiment, agent=agent, env=env)


def test_each_encoder_is_here() -> None:
    """No encoder of the registry is left out."""
    kinds = {kind for part in get_args(get_args(EncoderOptions)[0]) for kind in [part.model_fields["kind"].default]}
    assert kinds - {"lstm"} <= {name.split(",")[0] for name in RUNS} and "lstm" in RUNS


@pytest.mark.parametrize("name", RUNS)
def test_whole_texts_agree(name: str, export: Any) -> None:
    """Answers, and what was chosen or how it was weighed, are torch's within 1e-4, however texts are padded."""
    run = untrained(RUNS[name])
    graph, session = export(run)
    random = torch.Generator().manual_seed(7)
    axes = len(graph.inputs[0].shape)
    shapes = [(5, 4, 11) if axes == 3 else (5, 11 - 2 * nth) for nth in range(len(graph.inputs))]
    texts = {}
    for port, shape in zip(graph.inputs, shapes, strict=True):
        text = torch.randint(1, 30, shape, generator=random)
        length = torch.tensor([shape[-1] - 1, 5, 1, 3, 7]).view(5, *[1] * (axes - 1))  # The last column is padding.
        texts[port.name] = text.masked_fill(torch.arange(shape[-1]) >= length, 0)
    decision, _ = run.agent(texts, None)
    answer = run.agent.answer(decision.answer)
    wanted = answer["score"] if "score" in answer else decision.answer.softmax(-1)
    found = dict(zip([port.name for port in graph.outputs], session.run(None, _arrays(texts)), strict=True))
    np.testing.assert_allclose(found[graph.outputs[0].name], wanted, atol=1e-4)
    assert wanted.std(0).max() > 1e-3  # Texts are told apart, so that a wrong answer would be seen.
    for kind in set(found) & {"kept", "head", "dependent"}:
        np.testing.assert_allclose(found[kind], decision.activations[kind].float(), atol=1e-4)
        assert 0 < found[kind].mean() < (texts["text"] > 0).float().mean()
    if "weights" in found:
        salience = run.agent.salience(texts)
        np.testing.assert_allclose(found["weights"], salience["text"], atol=1e-4)
        assert found["weights"].sum((1, 2) if axes == 3 else 1) == pytest.approx(1, abs=1e-3)


def test_unknown_networks_are_refused() -> None:
    """A recurrent network without an operator of ONNX is named."""
    with pytest.raises(NotImplementedError, match="ONNX has no operator for RNN"):
        exported_states(torch.nn.RNN(2, 3), torch.zeros(1, 1, 2), torch.ones(1))


def _arrays(texts: dict[str, torch.Tensor]) -> dict[str, Any]:
    return {name: text.numpy() for name, text in texts.items()}
