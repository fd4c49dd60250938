"""Graphs of agents that read whole texts: from the numbers of words to class probabilities or a score.

Axes: B texts, L words (or S sentences of L words), N classes.
"""

from typing import Any

import torch
from torch import Tensor, nn

from glimpse.agents.answer_kinds import belief_of
from glimpse.agents.text.reader import Reader, pad_like, word_weights
from glimpse.agents.text.resan import Resan, select_all
from glimpse.envs.text.whole_text import WholeText
from glimpse.errors import UserError
from glimpse.inference.onnx_graph import OnnxGraph, Port
from glimpse.runs.trained_run import TrainedRun

_CHOSEN = {
    "kept": "how far each word was read, from 0 to 1",
    "head": "which words read others, 0 or 1",
    "dependent": "which words were read by others, 0 or 1",
}
"""What an agent may choose of the words, by the names of its activations."""
_WEIGHTS = ("tokens", "hops", "words", "sentences")
"""Names of the weights of single words among an encoder's weights."""
_TEXT = "int64 numbers of its words in meaning.words of the .json file; 0 behind its end, 1 for unknown words"
_SIZES = ((3, 9, 8), (1, 1, 1), (2, 3, 5), (4, 17, 2))
"""Sizes of the samples: texts with the words of both, or documents with sentences and words."""


class WholeTextReading(nn.Module):
    """Greedy reading of B texts, or pairs of texts."""

    def __init__(self, agent: Reader, names: tuple[str, ...]) -> None:
        """Wrap an agent that reads texts of these names."""
        super().__init__()
        self.agent, self.names = agent, names
        # The stage of training is decided here: it is a number that a graph would have to branch on.
        self.selects_all = isinstance(agent, Resan) and agent.selects_all

    def forward(self, *texts: Tensor) -> tuple[Tensor, ...]:
        """Read texts (B, L) or (B, S, L) int64.

        Returns:
            Probabilities (B, N) or a score (B,); then for each text what was chosen of its words, or their weights if
            the agent has any, of the text's shape.
        """
        observation = dict(zip(self.names, texts, strict=True))
        memory: Any = None
        if isinstance(self.agent, Resan):
            memory = select_all(observation) if self.selects_all else self.agent.likeliest_selection(observation)
        decision, _ = self.agent(observation, memory)
        answer = self.agent.answer(decision.answer)
        found = [answer["score"] if "score" in answer else belief_of(answer, decision.answer)]
        for name, text in observation.items():
            found += _of_words(decision.activations, name, text).values()
        return tuple(found)


def _of_words(activations: dict[str, Tensor], name: str, text: Tensor) -> dict[str, Tensor]:
    """Return the numbers of a text's words, each of the text's shape, by their names."""
    suffix = name.removeprefix("text")
    own = {kind: activations[kind + suffix] for kind in _CHOSEN if kind + suffix in activations}
    if not own:
        of_text = {kind: activations[kind + suffix] for kind in _WEIGHTS if kind + suffix in activations}
        weights = word_weights(of_text)
        own = {} if weights is None else {"weights": weights}
    return {f"{kind}{suffix}": pad_like(numbers.float(), text) for kind, numbers in own.items()}


def text_graph(trained: TrainedRun) -> OnnxGraph:
    """Return the graph of a run's agent that reads whole texts.

    Raises:
        UserError: if it cannot be exported.
    """
    agent, env = trained.agent, trained.env
    if not isinstance(agent, Reader) or not isinstance(env, WholeText):
        raise UserError(
            f"{trained.experiment.agent.name} cannot be exported: of the agents for texts those can that read them "
            "whole (reader, top-k-reader, resan, rationale)"
        )
    names = tuple(env.observation_space.spaces)
    axes = (
        ("batch", "sentences", "words") if len(env.observation_space["text"].shape or ()) == 2 else ("batch", "words")
    )
    inputs = tuple(
        Port(name, (axes[0], *(f"{axis}{name.removeprefix('text')}" for axis in axes[1:])), _TEXT) for name in names
    )
    module = WholeTextReading(agent, names)
    words = len(env.vocabulary.words)
    samples = tuple(_texts(number, sizes, len(axes) == 3, len(names), words) for number, sizes in enumerate(_SIZES))
    first = dict(zip(names, samples[0], strict=True))
    activations = agent(first, None)[0].activations
    outputs = [
        Port(
            "probabilities",
            ("batch", len(env.classes)),
            "probability of each label" if env.many else "class probabilities",
        )
        if env.scores is None
        else Port("score", ("batch",), f"score, from {env.scores[0]:g} to {env.scores[1]:g}")
    ]
    for port, text in zip(inputs, first.values(), strict=True):
        for name in _of_words(activations, port.name, text):
            about = _CHOSEN.get(name.rstrip("2"), "how much each word counts; 0 at padding")
            outputs.append(Port(name, port.shape, about))
    return OnnxGraph(module, inputs, tuple(outputs), samples)


def _texts(number: int, sizes: tuple[int, int, int], document: bool, count: int, words: int) -> tuple[Tensor, ...]:
    """Return one or two random texts of these sizes; all but the first of a batch are padded."""
    random = torch.Generator().manual_seed(number)
    shapes: list[tuple[int, ...]] = [sizes] if document else [(sizes[0], width) for width in sizes[1:]]
    found = []
    for shape in shapes[:count]:
        text = torch.randint(1, max(2, words), shape, generator=random)
        length = torch.randint(1, shape[-1] + 1, (*shape[:-1], 1), generator=random)
        length[0] = shape[-1]
        found.append(text.masked_fill(torch.arange(shape[-1]) >= length, 0))
    return tuple(found)
