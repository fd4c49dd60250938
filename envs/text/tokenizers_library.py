"""The tokenizers library of Hugging Face, which learns subwords and reads every `tokenizer.json`."""

from typing import TYPE_CHECKING, Any

from glimpse.envs.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def import_tokenizers(needed_by: str) -> Any:
    """Import the library; `needed_by` begins the error.

    Raises:
        DataError: It is not installed.
    """
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise DataError(
            f"{needed_by} needs the tokenizers library, which is not installed: pip install 'glimpse-rl[translation]'"
        ) from None
    return tokenizers


def read_tokenizer(written: str, needed_by: str) -> "Tokenizer":
    """Return the tokenizer that a text in JSON describes.

    Raises:
        ValueError: The text describes none.
        DataError: The library is not installed.
    """
    tokenizers = import_tokenizers(needed_by)
    try:
        tokenizer: Tokenizer = tokenizers.Tokenizer.from_str(written)
    except Exception as problem:  # The library raises no narrower class.
        raise ValueError(f"not a tokenizer: {problem}") from None
    return tokenizer
