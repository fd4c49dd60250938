"""Stores of documents in the cache: listing and clearing them."""

import json
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from glimpse.envs.data.decoded_cache import DecodedEntry
from glimpse.envs.documents.document_store import FACTS_FILE
from glimpse.envs.documents.store_build import lock_path, stores_folder
from glimpse.envs.errors import DataError


def list_stores(cache_folder: Path) -> list[DecodedEntry]:
    """Return the stores of the cache, the newest first; the time is that of building."""
    found = []
    for facts in stores_folder(cache_folder).glob(f"*/{FACTS_FILE}"):
        with suppress(OSError):  # Another process removes it.
            size = sum(file.stat().st_size for file in facts.parent.iterdir())
            found.append(DecodedEntry(facts.parent, _what(facts), size, facts.stat().st_mtime))
    return sorted(found, key=lambda entry: -entry.made)


def _what(facts: Path) -> str:
    """Say what a store is of: the name of its documents, their number, and the kind of vectors."""
    try:
        said = json.loads(facts.read_text(encoding="utf-8"))
        count = len(said["files"])
        return f"{said['name']}, store of {count:,} document{'s' if count != 1 else ''}, {said['vectors']}"
    except (ValueError, KeyError, TypeError):
        return "damaged store"


def clear_stores(cache_folder: Path, only: Iterable[Path] | None = None) -> None:
    """Remove stores with their locks, except what another process is building; one that reads keeps what it has opened.

    Args:
        cache_folder: The cache.
        only: Folders of the stores that are removed; None for all, and what is left of builds that were killed.

    Raises:
        DataError: They cannot be removed.
    """
    folder = stores_folder(cache_folder)
    try:
        for store in _all_stores(folder) if only is None else only:
            with suppress(Timeout), FileLock(lock_path(store), timeout=0):
                for path in (store, *folder.glob(f".{store.name}.part*")):
                    if path.exists():
                        shutil.rmtree(path)
                lock_path(store).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be cleared ({error.strerror})") from error


def _all_stores(folder: Path) -> list[Path]:
    """Return the folder of each store that is there, is being built, or was to be."""
    names = {path.name.lstrip(".").partition(".")[0] for path in folder.glob("*")}
    return [folder / name for name in sorted(names)]
