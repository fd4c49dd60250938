"""From texts to translations: a run's agent among the pieces of its world."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from glimpse.agents.translation.options import SearchOptions
from glimpse.agents.translation.search import translate
from glimpse.agents.translation.simultaneous_decoding import interpret
from glimpse.agents.translation.simultaneous_translator import Interpreter
from glimpse.agents.translation.symbols import END, UNKNOWN
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating


class Translation(NamedTuple):
    """A text and what it became: text, target, the pieces of both, END last, and the log-probability.

    heard: of a simultaneous translation, how many pieces of the source had been heard when each piece was written.
    left_out: pieces of the text that were not read, since it has too many.
    """

    text: str
    target: str
    source_pieces: list[int]
    target_pieces: list[int]
    log_prob: float
    heard: tuple[int, ...] = ()
    left_out: int = 0


def translate_texts(
    agent: Translator, world: Translating, texts: Sequence[str], search: SearchOptions, batch: int
) -> list[Translation]:
    """Translate texts, those of like lengths side by side; what comes out does not depend on which."""
    texts, pieces, left_out = _pieces_of(world, texts)
    found: dict[int, Translation] = {}
    for some, source in _batches(world, pieces, batch):
        best = translate(agent, source, search.beam, search.length_penalty)
        read = _Read([texts[number] for number in some], source)
        instead = _unknown(agent, world, read, best.target) if search.replace_unknown else [[]] * len(some)
        for number, target, log_prob, words in zip(
            some, best.target.tolist(), best.log_prob.tolist(), instead, strict=True
        ):
            kept = target[: target.index(END) + 1] if END in target else target
            text = world.languages.target.text(kept, words)
            found[number] = Translation(texts[number], text, pieces[number], kept, log_prob, left_out=left_out[number])
    return [found[number] for number in range(len(texts))]


def interpret_texts(agent: Interpreter, world: Translating, texts: Sequence[str], batch: int) -> list[Translation]:
    """Translate texts while they are heard; what comes out does not depend on which are side by side."""
    texts, pieces, left_out = _pieces_of(world, texts)
    found: dict[int, Translation] = {}
    for some, source in _batches(world, pieces, batch):
        made = interpret(agent, source)
        read, replaces = _Read([texts[number] for number in some], source), agent.options.search.replace_unknown
        instead = _unknown(agent, world, read, made.target, made.heard) if replaces else [[]] * len(some)
        for number, row, delays, words in zip(some, made.target.tolist(), made.heard.tolist(), instead, strict=True):
            kept = row[: row.index(END) + 1] if END in row else row
            text = world.languages.target.text(kept, words)
            heard = tuple(delays[: len(kept)])
            found[number] = Translation(texts[number], text, pieces[number], kept, 0.0, heard, left_out[number])
    return [found[number] for number in range(len(texts))]


def _pieces_of(world: Translating, texts: Sequence[str]) -> tuple[Sequence[str], list[list[int]], list[int]]:
    """The texts as the world has them, their pieces as far as they are read, and how many are left out of each."""
    if world.options.lower:
        texts = [text.lower() for text in texts]
    pieces, longest = world.languages.source.encode(texts), world.longest
    return texts, [_cut(one, longest) for one in pieces], [max(0, len(one) - longest) for one in pieces]


def _batches(world: Translating, pieces: list[list[int]], batch: int) -> Iterator[tuple[list[int], Tensor]]:
    """Numbers of sentences of like lengths, and their pieces (B, L)."""
    order = sorted(range(len(pieces)), key=lambda number: len(pieces[number]))
    for at in range(0, len(order), batch):
        some = order[at : at + batch]
        source = pad_sequence([torch.tensor(pieces[number]) for number in some], batch_first=True)
        yield some, source.to(world.device)


def _cut(pieces: list[int], longest: int) -> list[int]:
    return pieces if len(pieces) <= longest else [*pieces[: longest - 1], END]


class _Read(NamedTuple):
    """Texts that are translated side by side, and their pieces (B, L)."""

    texts: list[str]
    pieces: Tensor


def _unknown(
    agent: Translator, world: Translating, read: _Read, target: Tensor, heard: Tensor | None = None
) -> list[list[str]]:
    """What stands in place of each unknown piece: the word that was attended to most (Luong et al., 2015).

    A sentence's end is no word, nor is what had not been `heard` (B, M) by then; where nothing else was attended to it
    is an empty text.
    """
    nothing: list[list[str]] = [[] for _ in read.texts]
    if not (target == UNKNOWN).any():
        return nothing
    weights = list(agent.align(read.pieces, target).values())
    if not weights:
        return nothing
    last = weights[-1].float()
    last = last.mean(1) if last.dim() == 4 else last
    last = last.masked_fill((read.pieces == END).unsqueeze(1), 0)
    if heard is not None:
        place = torch.arange(last.shape[2], device=last.device)
        last = last.masked_fill(place >= heard[:, : last.shape[1], None], 0)
    share, most = last.max(-1)  # (B, M) both
    places = most.where(share > 0, -1).tolist()
    return [
        [words[at] if at >= 0 else "" for at, piece in zip(row, pieces, strict=False) if piece == UNKNOWN]
        for words, row, pieces in zip(
            map(world.languages.source.written_as, read.texts), places, target.tolist(), strict=True
        )
    ]
