"""Lag of simultaneous translations behind their sources, in words."""

from collections.abc import Sequence
from functools import partial

import torch

from glimpse.envs.translation.lagging import Lagging, average_lagging, lagging_behind_reference, lagging_in_words
from glimpse.envs.translation.subwords import END
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.generation import Translation


def translation_lag(env: Translating, one: Translation, lagging: Lagging = average_lagging) -> float:
    """Compute the lag of one translation, in words.

    Args:
        env: the environment, whose languages say which word a token belongs to.
        one: the translation, with its delays.
        lagging: the measure of lag.
    """
    source, target = (
        language.words(tokens)
        for language, tokens in zip(env.languages, (one.source_tokens, one.target_tokens), strict=True)
    )
    delays = [delay for delay, token in zip(one.delays, one.target_tokens, strict=True) if token != END]
    return lagging_in_words(delays, source, target, lagging)


def mean_lag(env: Translating, translations: Sequence[Translation], lagging: Lagging = average_lagging) -> float:
    """Compute the mean lag of translations, in words; see `translation_lag`."""
    return sum(translation_lag(env, one, lagging) for one in translations) / max(1, len(translations))


def mean_reference_lag(env: Translating, translations: Sequence[Translation], references: Sequence[str]) -> float:
    """Compute the mean average lagging of translations as SimulEval does, in words.

    The pace is that of the reference, not of the translation; empty translations are left out.

    Args:
        env: as in `translation_lag`.
        translations: the translations, with their delays.
        references: the reference of each.
    """
    language = env.languages.target
    lags = []
    for one, tokens in zip(translations, language.encode(references), strict=True):
        if any(token != END for token in one.target_tokens):
            words = torch.tensor([max(language.words(tokens), default=0)])
            lags.append(translation_lag(env, one, partial(lagging_behind_reference, reference=words)))
    return sum(lags) / max(1, len(lags))
