"""Digest of loaded data, whatever they were read or generated from."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from torch import Tensor

from glimpse.envs.data.long_content import LongContent, is_long_content


def content_digest(data: object) -> str:
    """Return the SHA-256 of the tensors, arrays, texts and numbers in data: in containers, and in dataclasses.

    Fields of dataclasses that are not compared (`compare=False`) do not count. Of data that take long to read, the
    digest is kept beside them.
    """
    long: list[LongContent] = []
    brief = _digest(_parts(data, long))
    if not long:
        return brief
    known = long[0].recall_digest(brief)
    if known is None:
        known = _digest(_parts(data, None))
        long[0].keep_digest(brief, known)
    return known


def _digest(parts: Iterable[bytes]) -> str:
    known = hashlib.sha256()
    for part in parts:
        known.update(part)
    return known.hexdigest()


def _parts(data: object, long: list[LongContent] | None) -> Iterator[bytes]:
    """Yield the bytes of data; the type and shape of a part come first, so that two contents never look alike.

    Args:
        data: the data.
        long: takes what takes long to read, of which the identity is yielded then; None reads that too.
    """
    if isinstance(data, Tensor):
        data = data.detach().cpu().numpy()
    if isinstance(data, np.ndarray):
        yield f"{data.dtype.str}{data.shape};".encode()
        yield np.ascontiguousarray(data).tobytes()
    elif isinstance(data, str | bytes):
        written = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
        yield f"{len(written)} bytes;".encode() + written
    elif isinstance(data, Mapping):
        yield f"{len(data)} pairs;".encode()
        for key, value in data.items():
            yield from _parts(key, long)
            yield from _parts(value, long)
    elif isinstance(data, Sequence):
        yield f"{len(data)} items;".encode()
        for each in data:
            yield from _parts(each, long)
    elif is_long_content(data):
        if long is None:
            yield from data.content()
        else:
            long.append(data)
            yield data.identity.encode()
    elif dataclasses.is_dataclass(data) and not isinstance(data, type):
        yield from _parts(
            {field.name: getattr(data, field.name) for field in dataclasses.fields(data) if field.compare}, long
        )
    elif data is None or isinstance(data, int | float):
        yield f"{data!r};".encode()
    else:  # Nothing is known of the content of other objects.
        yield f"{type(data).__name__};".encode()
