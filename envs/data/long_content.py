"""Protocol of data in files that take long to read as a whole."""

from collections.abc import Iterator
from typing import Protocol, TypeGuard, runtime_checkable


@runtime_checkable
class LongContent(Protocol):
    """Protocol of data in a file, which take long to read as a whole."""

    @property
    def identity(self) -> str:
        """What tells the data from others, without reading them."""

    def content(self) -> Iterator[bytes]:
        """Yield the bytes that count."""

    def recall_digest(self, name: str) -> str | None:
        """Return a digest that was kept beside the data; None if there is none."""

    def keep_digest(self, name: str, digest: str) -> None:
        """Keep a digest beside the data."""


def is_long_content(data: object) -> TypeGuard[LongContent]:
    """Return whether data take long to read as a whole."""
    return isinstance(data, LongContent)
