"""How far simultaneous translations lag behind what they translate, in words."""

from collections.abc import Sequence

from glimpse.envs.translation.lagging import lagging_in_words
from glimpse.envs.translation.pieces import END
from glimpse.envs.translation.translating import Translating
from glimpse.translation.translating import Translation


def lag_of(world: Translating, one: Translation) -> float:
    """Average lagging (Ma et al., 2019) of one translation."""
    source, target = (
        language.words(pieces)
        for language, pieces in zip(world.languages, (one.source_pieces, one.target_pieces), strict=True)
    )
    written = [heard for heard, piece in zip(one.heard, one.target_pieces, strict=True) if piece != END]
    return lagging_in_words(written, source, target)


def mean_lag(world: Translating, found: Sequence[Translation]) -> float:
    """The mean of the sentences' average lagging."""
    return sum(lag_of(world, one) for one in found) / max(1, len(found))
