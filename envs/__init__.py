"""Worlds: data sets, retina, tasks, and their Gymnasium and Stable-Baselines3 faces.

`WORLDS` names every world. Adding one: a file with its batched core, a line here, a config.
"""

from dataclasses import dataclass, field
from typing import Any

from gymnasium.envs.registration import register, registry


@dataclass(frozen=True)
class World:
    """A named world: its Gymnasium id, what differs from its core's defaults, and where core and options live.

    kind: of task; an agent says which kinds it fits (`glimpse.agents.AGENTS`).
    """

    id: str
    defaults: dict[str, Any] = field(default_factory=dict)
    core: str = "glimpse.envs.images.classification:Classification"
    options: str = "glimpse.envs.options:ClassificationOptions"
    kind: str = "classification"


_WIDE_RETINA = {"patch": 12, "scales": 3}

WORLDS: dict[str, World] = {
    "mnist": World("glimpse/MNIST-v0", {"data": "mnist"}),
    "fashion-mnist": World("glimpse/FashionMNIST-v0", {"data": "fashion-mnist"}),
    "digits": World("glimpse/Digits-v0", {"data": "digits", "retina": {"patch": 3}}),
    "translated-mnist": World(
        "glimpse/TranslatedMNIST-v0",
        {"canvas": {"kind": "translated", "size": 60}, "retina": _WIDE_RETINA},
    ),
    "cluttered-mnist": World(
        "glimpse/ClutteredMNIST-v0",
        {"canvas": {"kind": "cluttered", "size": 60, "pieces": 4}, "retina": _WIDE_RETINA},
    ),
    "cluttered-mnist-100": World(
        "glimpse/ClutteredMNIST100-v0",
        {
            "canvas": {"kind": "cluttered", "size": 100, "pieces": 8},
            "retina": {"patch": 12, "scales": 4},
            "glimpses": 8,
        },
    ),
    "images": World("glimpse/Images-v0"),
    "catch": World(
        "glimpse/Catch-v0",
        {"retina": {"patch": 6, "scales": 3}},
        core="glimpse.envs.images.catch:Catch",
        options="glimpse.envs.options:CatchOptions",
        kind="catch",
    ),
    "digit-pair": World(
        "glimpse/DigitPair-v0",
        {"data": "mnist", "retina": _WIDE_RETINA},
        core="glimpse.envs.images.digit_pair:DigitPair",
        options="glimpse.envs.options:DigitPairOptions",
        kind="pairs",
    ),
    "text": World(
        "glimpse/Text-v0",
        {"data": "sst2"},
        core="glimpse.envs.text.whole_text:Reading",
        options="glimpse.envs.text.reading_options:ReadingOptions",
        kind="text",
    ),
}

_SKIM = "glimpse.envs.text.skimming:Skimming"
_SKIM_OPTIONS = "glimpse.envs.text.skim_options:SkimOptions"
WORLDS |= {
    "sentence-select": World(
        "glimpse/SentenceSelect-v0",
        {"data": "trec", "vectors": "none"},
        "glimpse.envs.text.selecting:Selecting",
        "glimpse.envs.text.select_options:SelectOptions",
        "select",
    ),
    "skim": World("glimpse/Skim-v0", {"data": "sst2"}, _SKIM, _SKIM_OPTIONS, "skim"),
    "number-prediction": World(
        "glimpse/NumberPrediction-v0",
        {"data": "numbers", "vectors": "none", "window": 1, "longest_jump": 9, "jumps": 2},
        _SKIM,
        _SKIM_OPTIONS,
        "skim",
    ),
    "translate": World(
        "glimpse/Translate-v0",
        {"data": "multi30k"},
        "glimpse.envs.translation.translating:Translating",
        "glimpse.envs.translation.options:TranslationOptions",
        "translation",
    ),
    "interpret": World(
        "glimpse/Interpret-v0",
        {"data": "multi30k"},
        "glimpse.envs.translation.simultaneous:Interpreting",
        "glimpse.envs.translation.interpret_options:InterpretOptions",
        "interpretation",
    ),
    "sentence-pick": World(
        "glimpse/SentencePick-v0",
        {"data": "imdb", "sentences": True, "window": 1, "max_words": 40, "max_sentences": 40},
        _SKIM,
        _SKIM_OPTIONS,
        "skim",
    ),
}


def register_worlds() -> None:
    """Register every world with Gymnasium. Entry points are strings, so nothing heavy is imported; idempotent."""
    for name, world in WORLDS.items():
        if world.id not in registry:
            register(
                id=world.id,
                entry_point="glimpse.envs.faces.gymnasium_face:WorldEnv",
                vector_entry_point="glimpse.envs.faces.gymnasium_face:WorldVectorEnv",
                kwargs={"name": name},
            )
