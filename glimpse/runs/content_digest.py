"""Digest of loaded data, whatever they were read or generated from."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from torch import Tensor


def content_digest(data: object) -> str:
    """Return the SHA-256 of the tensors, arrays, texts and numbers in data: in containers, and in dataclasses.

    Fields of dataclasses that are not compared (`compare=False`) do not count.
    """
    known = hashlib.sha256()
    for part in _parts(data):
        known.update(part)
    return known.hexdigest()


def _parts(data: object) -> Iterator[bytes]:
    """Yield the bytes of data; the type and shape of a part come first, so that two contents never look alike."""
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
            yield from _parts(key)
            yield from _parts(value)
    elif isinstance(data, Sequence):
        yield f"{len(data)} items;".encode()
        for each in data:
            yield from _parts(each)
    elif dataclasses.is_dataclass(data) and not isinstance(data, type):
        yield from _parts(
            {field.name: getattr(data, field.name) for field in dataclasses.fields(data) if field.compare}
        )
    elif data is None or isinstance(data, int | float):
        yield f"{data!r};".encode()
    else:  # Nothing is known of the content of other objects.
        yield f"{type(data).__name__};".encode()
