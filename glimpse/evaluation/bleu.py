"""BLEU and chrF of translations by sacrebleu, and BLEU by the length of the source."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from glimpse.errors import UserError
from glimpse.evaluation.bleu_tokens import choose_bleu_tokenizer, count_words

LENGTHS = (10, 15, 20, 25)
"""Upper bounds, in words of the source, of the groups of `bleu_by_length`; longer sources are the last group."""


class TranslationQuality(NamedTuple):
    """Quality of detokenised translations against references.

    bleu, chrf: corpus scores, in percent.
    signatures: sacrebleu's signatures of both, which make the scores comparable.
    right: percentage of translations that equal their reference exactly.
    tokenizer_reason: why BLEU has its tokeniser, where that is not plain; see `BleuTokenizer`.
    """

    bleu: float
    chrf: float
    signatures: tuple[str, str]
    right: float
    tokenizer_reason: str = ""


class LengthGroup(NamedTuple):
    """BLEU of the sentences of a group of source lengths.

    words: most words of a source in the group; None for the last group, which has no limit.
    sentences: number of sentences in the group.
    bleu: corpus BLEU, in percent.
    """

    words: int | None
    sentences: int
    bleu: float


def measure_quality(
    translations: Sequence[str], references: Sequence[str], lower: bool = False, language: str = ""
) -> TranslationQuality:
    """Compare translations with one reference each.

    Args:
        translations: the translations to measure.
        references: one reference for each translation.
        lower: whether all texts are lower-cased; the signatures then say so.
        language: language of the references, which decides the tokeniser of BLEU; the signature names it.

    Raises:
        UserError: if sacrebleu is not installed.
    """
    metrics = sacrebleu_metrics()
    tokenizer = choose_bleu_tokenizer(language, references)
    bleu, chrf = metrics.BLEU(lowercase=lower, tokenize=tokenizer.name), metrics.CHRF(lowercase=lower)
    given, true = list(translations), [list(references)]
    scores = bleu.corpus_score(given, true).score, chrf.corpus_score(given, true).score
    signatures = f"BLEU|{bleu.get_signature()}", f"chrF2|{chrf.get_signature()}"
    same = sum(one == other for one, other in zip(translations, references, strict=True))
    return TranslationQuality(*scores, signatures, 100 * same / max(1, len(references)), tokenizer.reason)


def bleu_by_length(
    sources: Sequence[str], translations: Sequence[str], references: Sequence[str], language: str = ""
) -> list[LengthGroup]:
    """Compute BLEU for each group of source lengths (Bahdanau et al., 2015, figure 2); empty groups are left out.

    `language` is that of the references, as in `measure_quality`. A letter of a script without spaces counts as a word.
    """
    bleu = sacrebleu_metrics().BLEU(tokenize=choose_bleu_tokenizer(language, references).name)
    words = [count_words(text) for text in sources]
    groups = []
    for low, high in zip((0, *LENGTHS), (*LENGTHS, None), strict=True):
        some = [number for number, count in enumerate(words) if low < count and (high is None or count <= high)]
        if some:
            score = bleu.corpus_score([translations[n] for n in some], [[references[n] for n in some]]).score
            groups.append(LengthGroup(high, len(some), score))
    return groups


def sacrebleu_metrics() -> Any:
    """Import sacrebleu's metrics. Raises UserError if it is not installed."""
    try:
        from sacrebleu import metrics
    except ModuleNotFoundError:
        raise UserError(
            "BLEU and chrF need sacrebleu, which is not installed: pip install 'glimpse-rl[translation]'"
        ) from None
    return metrics
