"""Counts of single translations, whose sums give the BLEU of any set of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.evaluation.bleu import sacrebleu_metrics
from glimpse.evaluation.bleu_tokens import choose_bleu_tokenizer

Counts = NDArray[np.int64]
_ORDERS = 4
_SEED = 20140101


def count_matches(
    translations: Sequence[str], references: Sequence[str], lower: bool = False, language: str = ""
) -> Counts:
    """Count the n-grams of translations that are in their references, as `measure_quality` does.

    Args:
        translations: N translations.
        references: one reference for each.
        lower: as in `measure_quality`.
        language: likewise.

    Returns:
        (N, 10): tokens of the translation and of the reference, matching n-grams of 1 to 4 tokens, and all of them.

    Raises:
        UserError: if sacrebleu is not installed.
    """
    tokenizer = choose_bleu_tokenizer(language, references).name
    # Counts do not depend on `effective_order`, without which sacrebleu warns of scores of single sentences.
    bleu = sacrebleu_metrics().BLEU(lowercase=lower, tokenize=tokenizer, effective_order=True)
    rows = []
    for translation, reference in zip(translations, references, strict=True):
        one = bleu.sentence_score(translation, [reference])
        rows.append([one.sys_len, one.ref_len, *one.counts, *one.totals])
    return np.array(rows, np.int64).reshape(-1, 2 + 2 * _ORDERS)


def bleu_of_counts(counts: Counts) -> float:
    """Return the corpus BLEU, in percent, of sums (10,) of the counts of translations."""
    length, reference, *both = counts.tolist()
    found = sacrebleu_metrics().BLEU.compute_bleu(
        correct=both[:_ORDERS], total=both[_ORDERS:], sys_len=length, ref_len=reference, smooth_method="exp"
    )
    return float(found.score)


def bleu_interval(counts: NDArray[Any], samples: int = 1000) -> tuple[float, float]:
    """Return the 95 % interval of corpus BLEU by the bootstrap over sentences (Koehn, 2004).

    Args:
        counts: (N, 10), counts of N translations.
        samples: resamplings.
    """
    random, rows = np.random.default_rng(_SEED), counts.astype(np.int64)
    found = [bleu_of_counts(rows[random.integers(0, len(rows), len(rows))].sum(0)) for _ in range(samples)]
    low, high = np.percentile(found, [2.5, 97.5]).tolist()
    return low, high
