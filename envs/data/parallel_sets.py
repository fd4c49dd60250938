"""Table of the parallel data sets that are known by name; see `registry.py`."""

from glimpse.envs.data.data_set import ParallelSet
from glimpse.envs.data.sources import FileSet

PARALLEL_SET_TABLE: dict[str, ParallelSet] = {
    # Captions of pictures in English and German (Elliott et al., 2016).
    "multi30k": ParallelSet(
        licence="research use (text of Flickr30k)",
        cautions="Captions of Flickr photographs, translated sentence by sentence: short, present tense, and with "
        "stereotypes of gender, age and origin.",
        files=FileSet(
            # Captions of pictures in English and German (Elliott et al., 2016).
            "multi30k",
            {
                "train.en": "053a34ece7c904dbc8c7361799afbe4c",
                "train.de": "d3b4bc1671cfb805267f97f16884beba",
                "val.en": "2234730e7925354b766681b029b347ec",
                "val.de": "9f139b15d9d11936dea7af2904e57d8c",
                "test_2016_flickr.en": "2022a6c31e2418047a0511333d55ed42",
                "test_2016_flickr.de": "cde61d7401b116652ee84099c7858ca3",
                "test_2017_flickr.en": "956eb7b4f31dd4b8f39b4e74756ebd11",
                "test_2017_flickr.de": "798e7b25ccbaab6767b20f9b4cec6901",
                "test_2017_mscoco.en": "9136efc03561305aedd74be5c0eedb2e",
                "test_2017_mscoco.de": "ab02abcdf97edbf8ea33e34863a46a81",
            },
            otherwise="use `task.data=copy`, which needs no file, or your own `task.data=file:PREFIX`",
        ),
        languages=("en", "de"),
        tests=("test_2016_flickr", "test_2017_flickr", "test_2017_mscoco"),
        size=(29_000, 1_014, 1_000),
    )
}
