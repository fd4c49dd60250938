"""Subwords that are learned from the training texts: byte pair encoding (Sennrich et al., 2016) within words.

The tokens of words are divided further, so that no subword crosses a space, a clitic or a punctuation mark, and texts
become alike in every Unicode form before. A frequent word stays whole, and has the vector that it has as a word. A
subword that continues a word begins with a middle dot, as in `watch ·able`; in scripts without spaces between words
none does.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise

from glimpse.envs.errors import DataError
from glimpse.envs.text.characters import MARKS, is_unspaced
from glimpse.envs.text.tokenizers_library import import_tokenizers, read_tokenizer

CONTINUES = "\u00b7"
"""First character of subwords that continue a word."""
_OTHERS = "\u0e33\u0eb3\uff9e\uff9f\u200c\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_JOINING = "\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d\u1039\u17d2\u200d"
_WITHIN = re.compile(f"[{_JOINING}]|[\U0001f1e6-\U0001f1ff]{{2}}|.[{MARKS}{_OTHERS}]", re.DOTALL)
"""Two characters that belong together, or a character that joins the next one to itself."""
_UNKNOWN = "<unk>"
_NEEDED_BY = "task.tokens: subwords"


def learn_byte_pairs(words: Iterable[str], size: int) -> str:
    """Learn at most `size` subwords, or all letters where these are more, from the words of training.

    Args:
        words: The words of each text, divided by spaces.
        size: Largest number of subwords.

    Returns:
        What was learned, as the JSON of the tokenizers library.

    Raises:
        DataError: The library is not installed.
    """
    import_tokenizers(_NEEDED_BY)
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    # Without a token for unknown letters, the library would drop them and merge what stands beside them.
    tokenizer = Tokenizer(models.BPE(unk_token=_UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=size + 1, min_frequency=2, special_tokens=[_UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(words, trainer)
    return str(tokenizer.to_str())


@lru_cache(maxsize=4)
def dividing_into_subwords(written: str) -> Callable[[str], list[str]]:
    """Return a function that divides a word into the subwords that `learn_byte_pairs` has learned.

    Letters that did not occur in training are subwords of their own.

    Raises:
        DataError: The library is not installed, or does not read what was learned.
    """
    try:
        tokenizer = read_tokenizer(written, _NEEDED_BY)
    except ValueError as problem:
        raise DataError(f"the run's subwords cannot be read ({problem}): update the tokenizers library.") from None

    def divide(word: str) -> list[str]:
        # What stands within a letter and its marks, or within an emoji, is no cut.
        cuts = [begin for begin, _ in tokenizer.encode(word).offsets if begin and not _WITHIN.match(word, begin - 1)]
        first, *others = [word[begin:end] for begin, end in pairwise((0, *cuts, len(word)))]
        return [first, *(part if is_unspaced(part) else f"{CONTINUES}{part}" for part in others)]

    return divide
