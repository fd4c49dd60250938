"""Environments: data sets, retina, tasks, and their Gymnasium and Stable-Baselines3 interfaces.

`ENVIRONMENTS` names every environment. Adding one: a file with its batched environment and its options, an entry here
(or, from another package, an entry point of the group `glimpse.environments` that names an `EnvironmentEntry`), a
config. See docs/extending.md.
"""

from dataclasses import dataclass, field
from typing import Any

from glimpse.envs.entry_points import add_entry_points


@dataclass(frozen=True)
class EnvironmentEntry:
    """A registered environment: its classes, default options and family.

    id: name in Gymnasium's registry.
    defaults: default options that differ from those of the options class.
    environment: class of the batched environment, as `module:class`; see `glimpse.envs.core.BatchedEnv`.
    options: class of the options, as `module:class`; see `glimpse.envs.options.TaskOptions`.
    family: chooses the evaluator and the report; see `glimpse.families.FAMILIES`.
    kind: chooses the agents that fit; see `glimpse.agents.AGENTS`.
    """

    id: str
    defaults: dict[str, Any] = field(default_factory=dict)
    environment: str = "glimpse.envs.images.classification:Classification"
    options: str = "glimpse.envs.images.classification_options:ClassificationOptions"
    family: str = "images"
    kind: str = "classification"


_WIDE_RETINA = {"patch": 12, "scales": 3}

ENVIRONMENTS: dict[str, EnvironmentEntry] = {
    "mnist": EnvironmentEntry("glimpse/MNIST-v0", {"data": "mnist"}),
    "fashion-mnist": EnvironmentEntry("glimpse/FashionMNIST-v0", {"data": "fashion-mnist"}),
    "digits": EnvironmentEntry("glimpse/Digits-v0", {"data": "digits", "retina": {"patch": 3}}),
    "translated-mnist": EnvironmentEntry(
        "glimpse/TranslatedMNIST-v0",
        {"data": "mnist", "canvas": {"kind": "translated", "size": 60}, "retina": _WIDE_RETINA},
    ),
    "cluttered-mnist": EnvironmentEntry(
        "glimpse/ClutteredMNIST-v0",
        {"data": "mnist", "canvas": {"kind": "cluttered", "size": 60, "distractors": 4}, "retina": _WIDE_RETINA},
    ),
    "cluttered-mnist-100": EnvironmentEntry(
        "glimpse/ClutteredMNIST100-v0",
        {
            "data": "mnist",
            "canvas": {"kind": "cluttered", "size": 100, "distractors": 8},
            "retina": {"patch": 12, "scales": 4},
            "glimpses": 8,
        },
    ),
    "images": EnvironmentEntry("glimpse/Images-v0"),
    "catch": EnvironmentEntry(
        "glimpse/Catch-v0",
        {"retina": {"patch": 6, "scales": 3}},
        "glimpse.envs.images.catch:Catch",
        "glimpse.envs.images.catch_options:CatchOptions",
        "control",
        "catch",
    ),
    "digit-pair": EnvironmentEntry(
        "glimpse/DigitPair-v0",
        {"data": "mnist", "retina": _WIDE_RETINA},
        "glimpse.envs.images.digit_pair:DigitPair",
        "glimpse.envs.images.options:DigitPairOptions",
        "images",
        "pairs",
    ),
    "megapixel-mnist": EnvironmentEntry(
        "glimpse/MegapixelMNIST-v0",
        {"data": "mnist", "retina": {"patch": 50}, "glance": 180, "glimpses": 10},
        "glimpse.envs.images.megapixel_mnist:MegapixelMnist",
        "glimpse.envs.images.search_options:MegapixelOptions",
        "images",
        "search",
    ),
    "photo-search": EnvironmentEntry(
        "glimpse/PhotoSearch-v0",
        {"data": "mnist", "retina": {"patch": 32}, "glance": 128, "glimpses": 8},
        "glimpse.envs.images.photo_search:PhotoSearch",
        "glimpse.envs.images.search_options:PhotoSearchOptions",
        "images",
        "search",
    ),
    "find": EnvironmentEntry(
        "glimpse/Find-v0",
        {"data": "bccd", "object": "WBC", "retina": {"patch": 32}, "glance": 64},
        "glimpse.envs.images.find:Find",
        "glimpse.envs.images.search_options:FindOptions",
        "control",
        "find",
    ),
    "text": EnvironmentEntry(
        "glimpse/Text-v0",
        {"data": "sst2"},
        "glimpse.envs.text.whole_text:WholeText",
        "glimpse.envs.text.options:WholeTextOptions",
        "text",
        "text",
    ),
    "sentence-select": EnvironmentEntry(
        "glimpse/SentenceSelect-v0",
        {"data": "trec", "vectors": "none"},
        "glimpse.envs.text.selecting:Selecting",
        "glimpse.envs.text.options:SelectOptions",
        "reading",
        "select",
    ),
    "skim": EnvironmentEntry(
        "glimpse/Skim-v0",
        {"data": "sst2"},
        "glimpse.envs.text.skimming:Skimming",
        "glimpse.envs.text.options:SkimOptions",
        "reading",
        "skim",
    ),
    "number-prediction": EnvironmentEntry(
        "glimpse/NumberPrediction-v0",
        {"data": "numbers", "vectors": "none", "window": 1, "longest_jump": 9, "jumps": 2},
        "glimpse.envs.text.skimming:Skimming",
        "glimpse.envs.text.options:SkimOptions",
        "reading",
        "skim",
    ),
    "translate": EnvironmentEntry(
        "glimpse/Translate-v0",
        {"data": "multi30k"},
        "glimpse.envs.translation.translating:Translating",
        "glimpse.envs.translation.options:TranslationOptions",
        "translation",
        "translation",
    ),
    "simultaneous-translation": EnvironmentEntry(
        "glimpse/SimultaneousTranslation-v0",
        {"data": "multi30k"},
        "glimpse.envs.translation.simultaneous:SimultaneousTranslation",
        "glimpse.envs.translation.options:SimultaneousTranslationOptions",
        "simultaneous translation",
        "simultaneous translation",
    ),
    "evidence": EnvironmentEntry(
        "glimpse/Evidence-v0",
        {"data": "eraser-fever"},
        "glimpse.envs.documents.evidence:Evidence",
        "glimpse.envs.documents.options:EvidenceOptions",
        "documents",
        "evidence",
    ),
    "facts": EnvironmentEntry(
        "glimpse/Facts-v0",
        {"vectors": "none", "expand": 1.0, "max_question": 16, "max_words": 48},
        "glimpse.envs.documents.facts:Facts",
        "glimpse.envs.documents.options:FactsOptions",
        "documents",
        "evidence",
    ),
    "sentence-pick": EnvironmentEntry(
        "glimpse/SentencePick-v0",
        {"data": "imdb", "sentences": True, "window": 1, "max_words": 40, "max_sentences": 40},
        "glimpse.envs.text.skimming:Skimming",
        "glimpse.envs.text.options:SkimOptions",
        "reading",
        "skim",
    ),
}
add_entry_points(ENVIRONMENTS, "glimpse.environments", EnvironmentEntry)


def register_environments() -> None:
    """Register every environment with Gymnasium; a second call does nothing.

    Entry points are strings, so only Gymnasium is imported.
    """
    from gymnasium.envs.registration import register, registry

    for name, entry in ENVIRONMENTS.items():
        if entry.id not in registry:
            register(
                id=entry.id,
                entry_point="glimpse.envs.faces.gymnasium_face:GlimpseEnv",
                vector_entry_point="glimpse.envs.faces.gymnasium_face:GlimpseVectorEnv",
                kwargs={"name": name},
            )
