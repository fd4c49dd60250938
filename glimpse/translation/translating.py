"""From texts to translations: a run's agent among the pieces of its world."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from glimpse.agents.translation.interpreter import Interpreter
from glimpse.agents.translation.interpreting import interpret
from glimpse.agents.translation.options import SearchOptions
from glimpse.agents.translation.search import translate
from glimpse.agents.translation.symbols import END, UNKNOWN
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating


class Translation(NamedTuple):
    """A text and what it became: text, target, the pieces of both, END last, and the log-probability.

    heard: of a simultaneous translation, how many pieces of the source had been heard when each piece was written.
    """

    text: str
    target: str
    source_pieces: list[int]
    target_pieces: list[int]
    log_prob: float
    heard: tuple[int, ...] = ()


def translate_texts(
    agent: Translator, world: Translating, texts: Sequence[str], search: SearchOptions, batch: int
) -> list[Translation]:
    """Translate texts, those of like lengths side by side; what comes out does not depend on which."""
    texts, pieces = _pieces_of(world, texts)
    found: dict[int, Translation] = {}
    for some, source in _batches(world, pieces, batch):
        best = translate(agent, source, search.beam, search.length_penalty)
        spelled = [world.languages.source.written_as(texts[number]) for number in some]
        instead = _unknown(agent, source, best.target, spelled) if search.replace_unknown else [[]] * len(some)
        for number, target, log_prob, words in zip(
            some, best.target.tolist(), best.log_prob.tolist(), instead, strict=True
        ):
            kept = target[: target.index(END) + 1] if END in target else target
            text = world.languages.target.text(kept, words)
            found[number] = Translation(texts[number], text, pieces[number], kept, log_prob)
    return [found[number] for number in range(len(texts))]


def interpret_texts(agent: Interpreter, world: Translating, texts: Sequence[str], batch: int) -> list[Translation]:
    """Translate texts while they are heard; what comes out does not depend on which are side by side."""
    texts, pieces = _pieces_of(world, texts)
    found: dict[int, Translation] = {}
    for some, source in _batches(world, pieces, batch):
        made = interpret(agent, source)
        for number, row, delays in zip(some, made.target.tolist(), made.heard.tolist(), strict=True):
            kept = row[: row.index(END) + 1] if END in row else row
            text = world.languages.target.text(kept)
            found[number] = Translation(texts[number], text, pieces[number], kept, 0.0, tuple(delays[: len(kept)]))
    return [found[number] for number in range(len(texts))]


def _pieces_of(world: Translating, texts: Sequence[str]) -> tuple[Sequence[str], list[list[int]]]:
    """The texts as the world has them, and their pieces."""
    if world.options.lower:
        texts = [text.lower() for text in texts]
    return texts, [_cut(one, world.longest) for one in world.languages.source.encode(texts)]


def _batches(world: Translating, pieces: list[list[int]], batch: int) -> Iterator[tuple[list[int], Tensor]]:
    """Numbers of sentences of like lengths, and their pieces (B, L)."""
    order = sorted(range(len(pieces)), key=lambda number: len(pieces[number]))
    for at in range(0, len(order), batch):
        some = order[at : at + batch]
        source = pad_sequence([torch.tensor(pieces[number]) for number in some], batch_first=True)
        yield some, source.to(world.device)


def _cut(pieces: list[int], longest: int) -> list[int]:
    return pieces if len(pieces) <= longest else [*pieces[: longest - 1], END]


def _unknown(agent: Translator, source: Tensor, target: Tensor, spelled: Sequence[Sequence[str]]) -> list[list[str]]:
    """What stands in place of each unknown piece: the word that was attended to most (Luong et al., 2015)."""
    if not (target == UNKNOWN).any():
        return [[] for _ in target]
    weights = list(agent.align(source, target).values())
    if not weights:
        return [[] for _ in target]
    last = weights[-1].float()
    read = (last.mean(1) if last.dim() == 4 else last).argmax(-1)  # (B, M)
    return [
        [words[at] for at, piece in zip(places, pieces, strict=False) if piece == UNKNOWN and at < len(words)]
        for words, places, pieces in zip(spelled, read.tolist(), target.tolist(), strict=True)
    ]
