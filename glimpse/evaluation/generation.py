"""Translation of texts: tokens in, an agent's beam search or simultaneous decoding, and text out."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from glimpse.agents.translation.options import SearchOptions
from glimpse.agents.translation.search import SearchResults, beam_search_all
from glimpse.agents.translation.simultaneous_decoding import decode_simultaneously
from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.agents.translation.symbols import END, UNKNOWN
from glimpse.agents.translation.translator import Translator
from glimpse.envs.live_line import progress_of
from glimpse.envs.translation.translating import Translating
from glimpse.errors import UserError
from glimpse.evaluation.unknown_words import Sources, unknown_words


class Alternative(NamedTuple):
    """One of the translations that a beam search finished.

    target: the translation.
    log_prob: its log-probability.
    score: its log-probability with the length penalty, by which translations are ranked.
    """

    target: str
    log_prob: float
    score: float


class Translation(NamedTuple):
    """A text and its translation.

    text, target: the source text and its translation.
    source_tokens, target_tokens: the tokens of both, with END last.
    log_prob: log-probability of the translation; 0 for simultaneous translations.
    delays: for simultaneous translations, the number of source tokens read when each target token was written.
    left_out: number of source tokens at the end of a long text that were not read.
    alternatives: the best translations, `target` first, where more than one was asked for.
    """

    text: str
    target: str
    source_tokens: list[int]
    target_tokens: list[int]
    log_prob: float
    delays: tuple[int, ...] = ()
    left_out: int = 0
    alternatives: tuple[Alternative, ...] = ()


def translate_texts(
    agent: Translator,
    env: Translating,
    texts: Sequence[str],
    search: SearchOptions,
    batch: int,
    *,
    n_best: int = 1,
    prefix: str = "",
) -> list[Translation]:
    """Translate texts by beam search, in batches of similar length; the result does not depend on the batches.

    Args:
        agent: the translator.
        env: the environment, for its tokens and the longest source.
        texts: the source texts.
        search: options of the beam search.
        batch: texts in a batch.
        n_best: number of translations of each text, at most the beam's width.
        prefix: words with which all translations begin.

    Returns:
        A translation for each text, in order.

    Raises:
        UserError: if the prefix has a word that no translation can have, or is too long.
    """
    texts, tokens, left_out = tokens_of(env, texts)
    begin = _prefix_tokens(agent, env, prefix)
    translations: dict[int, Translation] = {}
    for some, source in _batches(env, tokens, batch):
        found = beam_search_all(
            agent,
            source,
            max(search.beam, n_best),
            search.length_penalty,
            no_repeat=search.no_repeat,
            prefix=None if begin is None else begin.expand(len(some), -1),
        )
        sources = Sources([texts[number] for number in some], source)
        ranked = [
            _spelled(agent, env, sources, found, rank, search.replace_unknown)
            for rank in range(min(n_best, found.target.shape[1]))
        ]
        for row, number in enumerate(some):
            target, alternative = ranked[0][row]
            others = tuple(one[row][1] for one in ranked if one[row][0]) if n_best > 1 else ()
            translations[number] = Translation(
                texts[number],
                alternative.target,
                tokens[number],
                target,
                alternative.log_prob,
                left_out=left_out[number],
                alternatives=others,
            )
    return [translations[number] for number in range(len(texts))]


def _spelled(
    agent: Translator, env: Translating, sources: Sources, found: SearchResults, rank: int, replace_unknown: bool
) -> list[tuple[list[int], Alternative]]:
    """Return the tokens and the text of the translations of one rank; no tokens where there is none of that rank."""
    target, count = found.target[:, rank], len(sources.texts)
    words = unknown_words(agent, env, sources, target) if replace_unknown else [[]] * count
    spelled = []
    for row, replacements, log_prob, score in zip(
        target.tolist(), words, found.log_prob[:, rank].tolist(), found.score[:, rank].tolist(), strict=True
    ):
        tokens = row[: row.index(END) + 1] if END in row else []
        text = env.languages.target.text(tokens, replacements)
        spelled.append((tokens, Alternative(text, log_prob, score)))
    return spelled


def _prefix_tokens(agent: Translator, env: Translating, prefix: str) -> Tensor | None:
    """Return the tokens of a prefix of translations, (1, P); None for an empty one.

    Raises:
        UserError: if it has a word that no translation can have, or is too long.
    """
    if not prefix.strip():
        return None
    text = (prefix.lower() if env.options.lower else prefix).strip()
    (tokens,) = env.languages.target.encode([text])
    tokens = [token for token in tokens if token != END]
    if UNKNOWN in tokens:
        unknown = [
            word
            for word, token in zip(env.languages.target.token_texts(text), tokens, strict=False)
            if token == UNKNOWN
        ]
        raise UserError(f"the prefix has words that are not in the run's vocabulary ({', '.join(map(repr, unknown))})")
    if len(tokens) >= agent.longest - 1:
        raise UserError(
            f"the prefix has {len(tokens)} tokens, and a translation has at most {agent.longest}: shorten it"
        )
    return torch.tensor([tokens], device=env.device)


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
    texts, tokens, left_out = tokens_of(env, texts)
    translations: dict[int, Translation] = {}
    for some, source in _batches(env, tokens, batch):
        made = decode_simultaneously(agent, source)
        sources, replaces = Sources([texts[number] for number in some], source), agent.options.search.replace_unknown
        words = unknown_words(agent, env, sources, made.target, made.delays) if replaces else [[]] * len(some)
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


def tokens_of(env: Translating, texts: Sequence[str]) -> tuple[Sequence[str], list[list[int]], list[int]]:
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
    """Yield batches of sentences of similar length: their numbers, and their tokens (B, L); show how far it is."""
    order = sorted(range(len(tokens)), key=lambda number: len(tokens[number]))
    with progress_of("sentences translated", len(order)) as advance:
        for at in range(0, len(order), batch):
            some = order[at : at + batch]
            source = pad_sequence([torch.tensor(tokens[number]) for number in some], batch_first=True)
            yield some, source.to(env.device)
            advance(len(some))


def _cut(tokens: list[int], longest: int) -> list[int]:
    """Cut tokens to at most `longest`, with END last."""
    return tokens if len(tokens) <= longest else [*tokens[: longest - 1], END]
