"""How far simultaneous translations lag behind what they translate, in words."""

from collections.abc import Sequence

from glimpse.envs.translation.lagging import Lagging, average_lagging, lagging_in_words
from glimpse.envs.translation.subwords import END
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.generation import Translation


def lag_of(world: Translating, one: Translation, lagging: Lagging = average_lagging) -> float:
    """The lag of one translation."""
    source, target = (
        language.words(pieces)
        for language, pieces in zip(world.languages, (one.source_pieces, one.target_pieces), strict=True)
    )
    written = [heard for heard, piece in zip(one.heard, one.target_pieces, strict=True) if piece != END]
    return lagging_in_words(written, source, target, lagging)


def mean_lag(world: Translating, found: Sequence[Translation], lagging: Lagging = average_lagging) -> float:
    """The mean of the sentences' lags."""
    return sum(lag_of(world, one, lagging) for one in found) / max(1, len(found))
