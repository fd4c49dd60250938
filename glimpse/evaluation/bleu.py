"""BLEU and chrF by sacrebleu, and BLEU by the length of the source."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from glimpse.errors import UserError

LENGTHS = (10, 15, 20, 25)
"""Words of a source up to which translations are measured together; the longer ones are the last group."""


class Quality(NamedTuple):
    """Of translations beside references, detokenised.

    bleu, chrf: of all, in percent. signatures: which versions of both, for others to compare with.
    right: translations that are exactly the reference, in percent.
    """

    bleu: float
    chrf: float
    signatures: tuple[str, str]
    right: float


class OfLength(NamedTuple):
    """BLEU of the `sentences` whose sources have up to `words` words; None where there is no limit."""

    words: int | None
    sentences: int
    bleu: float


def measure_quality(translations: Sequence[str], references: Sequence[str], lower: bool = False) -> Quality:
    """Compare translations with one reference each.

    Args:
        translations: what is measured.
        references: one for each.
        lower: whether capitals were given up, which the signatures then say.

    Raises:
        UserError: if sacrebleu is not installed.
    """
    metrics = _sacrebleu()
    bleu, chrf = metrics.BLEU(lowercase=lower), metrics.CHRF(lowercase=lower)
    given, true = list(translations), [list(references)]
    scores = bleu.corpus_score(given, true).score, chrf.corpus_score(given, true).score
    signatures = f"BLEU|{bleu.get_signature()}", f"chrF2|{chrf.get_signature()}"
    same = sum(one == other for one, other in zip(translations, references, strict=True))
    return Quality(*scores, signatures, 100 * same / max(1, len(references)))


def by_length(sources: Sequence[str], translations: Sequence[str], references: Sequence[str]) -> list[OfLength]:
    """BLEU of sources of like lengths (Bahdanau et al., 2015, figure 2); groups without a sentence are left out."""
    bleu = _sacrebleu().BLEU()
    found = []
    for low, high in zip((0, *LENGTHS), (*LENGTHS, None), strict=True):
        some = [n for n, text in enumerate(sources) if low < len(text.split()) and len(text.split()) <= (high or 10**9)]
        if some:
            score = bleu.corpus_score([translations[n] for n in some], [[references[n] for n in some]]).score
            found.append(OfLength(high, len(some), score))
    return found


def _sacrebleu() -> Any:
    try:
        from sacrebleu import metrics
    except ModuleNotFoundError:
        raise UserError(
            "translations are measured by sacrebleu, which is not installed: pip install 'glimpse-rl[translation]'"
        ) from None
    return metrics
