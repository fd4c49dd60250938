"""Vectors of sentences, by which a store finds what is nearest to a vector.

`hashing` gives each word a vector of random signs, drawn from the word itself, so that nothing has to be downloaded;
`glove` takes GloVe's vectors, and hashed ones for words that have none. A sentence's vector is the mean of its words',
weighted by inverse document frequency, less the mean of all sentences, of length 1. `model2vec:PATH` and
`sentence-transformers:PATH` encode sentences by a model that the user has. Axes: V words, S sentences, E numbers.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.text.vectors import read_vectors
from glimpse.envs.text.vocabulary import row_of

ENCODERS = {"model2vec": ("model2vec", "StaticModel"), "sentence-transformers": ("sentence_transformers", "")}
"""Packages of encoders by the word before the colon."""
WORD_VECTORS = ("hashing", "glove")
HASHED_WIDTH = 64
Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Function that gives each text a vector of length 1: N texts -> (N, E)."""


def word_vectors(kind: str, words: Sequence[str], search_path: SearchPath) -> NDArray[np.float32]:
    """Return a vector for each word: `hashing`, `glove` or file:PATH -> (V, E) float32.

    Raises:
        DataError: The file of vectors was not found, or is damaged.
    """
    if kind == "hashing":
        return hashed_vectors(words, HASHED_WIDTH)
    table = read_vectors(kind, search_path)
    rows = [row_of(word, table.row) for word in words]
    known = np.array([row is not None for row in rows], bool)
    found: NDArray[np.float32] = hashed_vectors(words, table.vectors.shape[1])
    given = np.asarray(table.vectors[[row for row in rows if row is not None]], np.float32)
    # A word without a vector gets a random one that is as long as the others are.
    found *= np.float32(np.linalg.norm(given, axis=1).mean() if len(given) else 1.0)
    found[known] = given
    return found


def hashed_vectors(words: Sequence[str], width: int) -> NDArray[np.float32]:
    """Return a vector of random signs, of length 1, for each word, which depends on the word alone: (V, width)."""
    bits = [hashlib.shake_128(word.encode()).digest((width + 7) // 8) for word in words]
    flat = np.frombuffer(b"".join(bits), np.uint8).reshape(len(words), -1)
    signs = np.unpackbits(flat, axis=1)[:, :width].astype(np.float32) * 2 - 1
    return np.asarray(signs / np.sqrt(width), np.float32)


def weighted_means(
    vectors: NDArray[np.float32], weights: NDArray[np.float32], words: NDArray[np.int32], offsets: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the sum of each sentence's weighted vectors of words, divided by that of the weights: (S, E) float32."""
    sums = np.zeros((len(offsets) - 1, vectors.shape[1]), np.float32)
    total = np.zeros(len(offsets) - 1, np.float32)
    sentence = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    for begin in range(0, len(words), _AT_ONCE):
        part, of = words[begin : begin + _AT_ONCE], sentence[begin : begin + _AT_ONCE]
        np.add.at(sums, of, vectors[part] * weights[part, None])
        np.add.at(total, of, weights[part])
    return np.asarray(sums / np.maximum(total, 1e-9)[:, None], np.float32)


_AT_ONCE = 1 << 20
"""Words whose vectors are in memory at once."""


def unit(vectors: Tensor) -> Tensor:
    """Return vectors (..., E) of length 1; one of zeros stays as it is."""
    length: Tensor = vectors.norm(dim=-1, keepdim=True)
    return vectors / length.clamp(min=1e-9)


def load_encoder(kind: str) -> Encode:
    """Return the function of a model that the user has: `model2vec:PATH` or `sentence-transformers:PATH`.

    Nothing is downloaded: PATH is a folder of the model.

    Raises:
        DataError: The package is not installed, or there is no model at PATH.
    """
    name, _, given = kind.partition(":")
    path = user_path(given, "task.sentence_vectors")
    if not path.is_dir():
        raise DataError(f"there is no model {path}: task.sentence_vectors={name}:PATH names a folder of a model")
    try:
        model: Any = _model(name, str(path))
    except ImportError as error:
        raise DataError(f"{kind} needs the package {name}, which is not installed: pip install {name}") from error
    except (OSError, ValueError, KeyError) as fault:
        raise DataError(f"{path} is no model of {name} ({type(fault).__name__}: {fault})") from fault

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        found = torch.from_numpy(np.asarray(model.encode(list(texts)), np.float32))
        return np.asarray(unit(found).numpy(), np.float32)

    return encode


def _model(name: str, path: str) -> Any:
    if name == "model2vec":
        from model2vec import StaticModel

        return StaticModel.from_pretrained(path)
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(path, device="cpu", local_files_only=True)
