"""Cache of decoded pictures and texts, and of stores of documents: listing and clearing it."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from glimpse.envs.data.decoded_cache import DecodedEntry, clear_decoded, decoded_folder, list_decoded
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.documents.kept_stores import clear_stores, list_stores
from glimpse.envs.documents.store_build import stores_folder
from glimpse.envs.errors import DataError
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.terminal_tables import TableConsole


def list_cache() -> None:
    """Print what the cache keeps of decoded data and stores: what, its size, and when it was made."""
    cache, console = SearchPath.of(None).cache, TableConsole()
    entries = [*list_decoded(cache), *list_stores(cache)]
    if entries:
        rows = [(_date(entry.made), _size(entry.bytes), _described(entry)) for entry in entries]
        console.print_table(("made", "size", "what"), rows, title="Decoded data and stores", right=("size",))
    total = sum(entry.bytes for entry in entries)
    console.print_text(f"{_size(total)} in {_places(cache)}; glimpse data cache --clear [NAME] removes them")


def clear_cache(names: Sequence[str] = ()) -> None:
    """Remove decoded data and stores, and print how much that was.

    Args:
        names: data sets, or folders or files of the user's own, or names of stores; none for all.

    Raises:
        DataError: they cannot be removed, or nothing is kept of a name.
    """
    cache = SearchPath.of(None).cache
    entries, stores = list_decoded(cache), list_stores(cache)
    for name in names:
        if not any(_is_of(entry, name) for entry in [*entries, *stores]):
            raise DataError(f"nothing is kept of {name}; see: glimpse data cache")
    entries, stores = (
        [entry for entry in kept if not names or any(_is_of(entry, name) for name in names)]
        for kept in (entries, stores)
    )
    chosen = [*entries, *stores]
    before = sum(entry.bytes for entry in chosen)
    clear_decoded(cache, [entry.path for entry in entries] if names else None)
    clear_stores(cache, [entry.path for entry in stores] if names else None)
    left = sum(entry.bytes for entry in chosen if entry.path.exists())
    written = f"; {_size(left)} are in use by another process that writes them" if left else ""
    print_line(f"{_size(before - left)} removed from {_places(cache)}{written}")


def _places(cache: Path) -> str:
    """Return the folders of the cache whose content is listed."""
    return f"{decoded_folder(cache)} and {stores_folder(cache)}"


def _described(entry: DecodedEntry) -> str:
    """Return what an entry is, with the folder that it was decoded from."""
    return entry.what if entry.source in entry.what else f"{entry.what}, from {entry.source}"


def _is_of(entry: DecodedEntry, name: str) -> bool:
    """Return whether an entry is of a data set, or of a folder or a file of the user's own, also with its kind."""
    bare = name.removeprefix("folder:").removeprefix("file:")
    return bool({name, bare, str(user_path(bare, "the name"))} & {*re.split(r",? ", entry.what), entry.source})


def _size(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _date(seconds: float) -> str:
    """Return the day and minute of a time in seconds since 1970, as the user's clock has it."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
