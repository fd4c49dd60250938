"""Cache of decoded pictures and texts: listing and clearing it."""

from datetime import datetime

from glimpse.envs.data.decoded_cache import clear_decoded, decoded_folder, list_decoded
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.terminal_tables import TableConsole


def list_cache() -> None:
    """Print what the cache keeps of decoded data: what, its size, and when it was decoded."""
    cache, console = SearchPath.of(None).cache, TableConsole()
    entries = list_decoded(cache)
    if entries:
        rows = [(_date(entry.made), _size(entry.bytes), entry.what) for entry in entries]
        console.print_table(("decoded", "size", "what"), rows, title="Decoded data", right=("size",))
    total = sum(entry.bytes for entry in entries)
    console.print_text(f"{_size(total)} in {decoded_folder(cache)}; glimpse data cache --clear removes them")


def clear_cache() -> None:
    """Remove all decoded data and print how much that was. Raises DataError if they cannot be removed."""
    cache = SearchPath.of(None).cache
    before = sum(entry.bytes for entry in list_decoded(cache))
    clear_decoded(cache)
    left = sum(entry.bytes for entry in list_decoded(cache))
    written = f"; {_size(left)} are in use by another process that writes them" if left else ""
    print_line(f"{_size(before - left)} removed from {decoded_folder(cache)}{written}")


def _size(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _date(seconds: float) -> str:
    """Return the day and minute of a time in seconds since 1970, as the user's clock has it."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
