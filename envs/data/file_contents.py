"""Contents of files that may be compressed."""

import difflib
import gzip
import hashlib
import lzma
import os
import zlib
from pathlib import Path

from glimpse.envs.data.file_digests import note_file
from glimpse.envs.errors import DataError


def uncompressed(path: Path, name: str | None = None) -> bytes:
    """Read a file of a data set, uncompress it if it is gzip or xz, and note its digest by its own name or another.

    Raises:
        DataError: The file is empty, damaged or unreadable; the message begins with a verb, for the caller to put the
            path before it.
    """
    content = _uncompressed(path)
    note_file(path, content, name)
    return content


def user_text(path: Path, encoding: str, option: str = "") -> str:
    """Read a text file of a user's, compressed or not, without a byte order mark.

    Args:
        path: The file.
        encoding: Its character encoding.
        option: What the message about another encoding adds, after "Save it as UTF-8".

    Raises:
        DataError: The file is empty, damaged, unreadable or no text; or it has another encoding.
    """
    return decoded(path, user_content(path), encoding, option)


def user_content(path: Path, name: str | None = None) -> bytes:
    """Read a file of a user's as `uncompressed` does; the path is in the errors."""
    try:
        return uncompressed(path, name)
    except DataError as fault:
        raise DataError(f"{path} {fault}.{_remedy(path)}") from fault


def _remedy(path: Path) -> str:
    """Say what to do about a path of the user's that leads nowhere, with the most similar name beside it."""
    if os.path.lexists(path):
        return ""
    if not path.parent.is_dir():
        return f" There is no folder {path.parent}: give the path of a file that is there."
    try:
        names = sorted(os.listdir(path.parent))
    except OSError:  # It may not be listed.
        names = []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f" Did you mean {path.with_name(near[0])}?" if near else " Give the path of a file that is there."


def decoded(path: Path, content: bytes, encoding: str, option: str = "") -> str:
    """Decode the content of a file, as `user_text` does."""
    if content.startswith(b"PK\x03\x04"):
        raise DataError(f"{path} is a zip archive, as Excel's files are. Unpack it, or save the table as CSV.")
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise DataError(
            f"{path} holds NUL bytes, the first in line {line}, as UTF-16 and files without text do. Save it as UTF-8."
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path} is UTF-16, as its first two bytes say. Save it as UTF-8.")
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} is not {encoding.upper()}, as expected: byte {error.start} (line {line}) is "
            f"0x{content[error.start]:02x}. Save it as UTF-8{option}."
        ) from error


def _uncompressed(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise DataError("is no regular file, but a pipe, a socket or a device")
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
