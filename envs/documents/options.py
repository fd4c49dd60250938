"""Options of the environments that search documents; only pydantic is imported, so that they are checked at once."""

_VECTORS = "hashing, glove, file:PATH, model2vec:PATH or sentence-transformers:PATH"


def check_vectors(kind: str) -> str:
    """Return a kind of vectors of sentences; raises ValueError for an unknown one."""
    name, colon, path = kind.partition(":")
    if kind in ("hashing", "glove") or (name in ("file", "model2vec", "sentence-transformers") and path):
        return kind
    raise ValueError(f"should be {_VECTORS} (got {kind!r})")
