"""Contents of files that may be compressed."""

import gzip
import hashlib
import lzma
import zlib
from pathlib import Path

from glimpse.envs.data.file_digests import note_file
from glimpse.envs.errors import DataError


def uncompressed(path: Path) -> bytes:
    """Read a file of a data set, uncompress it if it is gzip or xz, and note its digest.

    Raises:
        DataError: The file is empty, damaged or unreadable; the message begins with a verb, for the caller to put the
            path before it.
    """
    content = _uncompressed(path)
    note_file(path, content)
    return content


def _uncompressed(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        # Detected by the first bytes, not by the name: some programs unpack a file and keep its name.
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        elif content.startswith(b"\xfd7zXZ\x00"):
            content = lzma.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"is damaged: it is no whole gzip file ({error})") from error
    except lzma.LZMAError as error:
        raise DataError(f"is damaged: it is no whole xz file ({error})") from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from error
    if not content:
        raise DataError("is empty")
    return content


def checked_content(path: Path, md5: str) -> bytes:
    """Read a file as `uncompressed` does, without noting it; raise DataError too if the content has another MD5."""
    content = _uncompressed(path)
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise DataError(
            f"is damaged or another file: its {len(content):,} bytes (uncompressed) have the MD5 {found}, "
            f"expected {md5}"
        )
    return content
