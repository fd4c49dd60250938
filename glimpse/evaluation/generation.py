"""Translation of texts: tokens in, an agent's beam search or simultaneous decoding, and text out."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from glimpse.agents.translation.options import SearchOptions
from glimpse.agents.translation.search import beam_search
from glimpse.agents.translation.simultaneous_decoding import decode_simultaneously
from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.agents.translation.symbols import END, UNKNOWN
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating


class Translation(NamedTuple):
    """A text and its translation.

    text, target: the source text and its translation.
    source_tokens, target_tokens: the tokens of both, with END last.
    log_prob: log-probability of the translation; 0 for simultaneous translations.
    delays: for simultaneous translations, the number of source tokens read when each target token was written.
    left_out: number of source tokens at the end of a long text that were not read.
    """

    text: str
    target: str
    source_tokens: list[int]
    target_tokens: list[int]
    log_prob: float
    delays: tuple[int, ...] = ()
    left_out: int = 0


class _Sources(NamedTuple):
    """Source texts of a batch, and their tokens (B, L)."""

    texts: list[str]
    tokens: Tensor


def translate_texts(
    agent: Translator, env: Translating, texts: Sequence[str], search: SearchOptions, batch: int
) -> list[Translation]:
    """Translate texts by beam search, in batches of similar length; the result does not depend on the batches.

    Args:
        agent: the translator.
        env: the environment, for its tokens and the longest source.
        texts: the source texts.
        search: options of the beam search.
        batch: texts in a batch.

    Returns:
        A translation for each text, in order.
    """
    texts, tokens, left_out = _tokens_of(env, texts)
    translations: dict[int, Translation] = {}
    for some, source in _batches(env, tokens, batch):
        best = beam_search(agent, source, search.beam, search.length_penalty)
        sources = _Sources([texts[number] for number in some], source)
        words = _unknown_words(agent, env, sources, best.target) if search.replace_unknown else [[]] * len(some)
        for number, row, log_prob, replacements in zip(
            some, best.target.tolist(), best.log_prob.tolist(), words, strict=True
        ):
            target = row[: row.index(END) + 1] if END in row else row
            text = env.languages.target.text(target, replacements)
            translations[number] = Translation(
                texts[number], text, tokens[number], target, log_prob, left_out=left_out[number]
            )
    return [translations[number] for number in range(len(texts))]


def translate_simultaneously(
    agent: SimultaneousTranslator, env: Translating, texts: Sequence[str], batch: int
) -> list[Translation]:
    """Translate texts while they are read, in batches of similar length; the result does not depend on the batches.

    Args:
        agent: the simultaneous translator.
        env: the environment, for its tokens and the longest source.
        texts: the source texts.
        batch: texts in a batch.

    Returns:
        A translation with delays for each text, in order.
    """
    texts, tokens, left_out = _tokens_of(env, texts)
    translations: dict[int, Translation] = {}
    for some, source in _batches(env, tokens, batch):
        made = decode_simultaneously(agent, source)
        sources, replaces = _Sources([texts[number] for number in some], source), agent.options.search.replace_unknown
        words = _unknown_words(agent, env, sources, made.target, made.delays) if replaces else [[]] * len(some)
        for number, row, delays, replacements in zip(
            some, made.target.tolist(), made.delays.tolist(), words, strict=True
        ):
            target = row[: row.index(END) + 1] if END in row else row
            text = env.languages.target.text(target, replacements)
            own_delays = tuple(delays[: len(target)])
            translations[number] = Translation(
                texts[number], text, tokens[number], target, 0.0, own_delays, left_out[number]
            )
    return [translations[number] for number in range(len(texts))]


def _tokens_of(env: Translating, texts: Sequence[str]) -> tuple[Sequence[str], list[list[int]], list[int]]:
    """Tokenize texts.

    Returns:
        The texts, in lower case where the environment's are; their tokens, cut to the longest source; and how many
        tokens of each were cut off.
    """
    if env.options.lower:
        texts = [text.lower() for text in texts]
    tokens, longest = env.languages.source.encode(texts), env.longest
    return texts, [_cut(one, longest) for one in tokens], [max(0, len(one) - longest) for one in tokens]


def _batches(env: Translating, tokens: list[list[int]], batch: int) -> Iterator[tuple[list[int], Tensor]]:
    """Yield batches of sentences of similar length: their numbers, and their tokens (B, L)."""
    order = sorted(range(len(tokens)), key=lambda number: len(tokens[number]))
    for at in range(0, len(order), batch):
        some = order[at : at + batch]
        source = pad_sequence([torch.tensor(tokens[number]) for number in some], batch_first=True)
        yield some, source.to(env.device)


def _cut(tokens: list[int], longest: int) -> list[int]:
    """Cut tokens to at most `longest`, with END last."""
    return tokens if len(tokens) <= longest else [*tokens[: longest - 1], END]


def _unknown_words(
    agent: Translator, env: Translating, sources: _Sources, target: Tensor, delays: Tensor | None = None
) -> list[list[str]]:
    """Find the source word that replaces each unknown token: the one with the most attention (Luong et al., 2015).

    END is not a word, and a source token that had not been read yet is not considered.

    Args:
        agent: the translator, whose last attention weights are used; without attention nothing is replaced.
        env: the environment, for its tokens.
        sources: the source texts.
        target: (B, M), the translations' tokens.
        delays: (B, M), the number of source tokens read at each target token; None if all were read.

    Returns:
        A list of words for each translation, one for each of its unknown tokens; an empty word where no word has any
        attention.
    """
    nothing: list[list[str]] = [[] for _ in sources.texts]
    if not (target == UNKNOWN).any():
        return nothing
    weights = list(agent.align(sources.tokens, target).values())
    if not weights:
        return nothing

    # Take the last layer's weights, (B, M, L), as the mean over heads, and mask what cannot be a replacement.
    last = weights[-1].float()
    last = last.mean(1) if last.dim() == 4 else last
    last = last.masked_fill((sources.tokens == END).unsqueeze(1), 0)
    if delays is not None:
        position = torch.arange(last.shape[2], device=last.device)
        last = last.masked_fill(position >= delays[:, : last.shape[1], None], 0)

    # Look up the word at the position of the largest weight.
    weight, most = last.max(-1)  # (B, M) both
    positions = most.where(weight > 0, -1).tolist()
    return [
        [words[at] if at >= 0 else "" for at, token in zip(row, tokens, strict=False) if token == UNKNOWN]
        for words, row, tokens in zip(
            map(env.languages.source.token_texts, sources.texts), positions, target.tolist(), strict=True
        )
    ]
