"""Sentences of a split as a report shows them: source, output, reference, alignment, and unknown words."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.agents.translation.symbols import UNKNOWN
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.generation import Translation, translate_simultaneously, translate_texts
from glimpse.evaluation.replay import evenly
from glimpse.reporting.drawing.svg import Drawing, below, svg_file
from glimpse.reporting.translation.alignment import Alignment, align, alignment_drawing
from glimpse.runs.durable import replace_file, reporting_write_errors

_MOST_NAMED = 4
"""Most target tokens of an alignment that are described in words."""


class ShownTranslation(NamedTuple):
    """A sentence: its source, the reference, the run's output, the alignment, and what the vocabulary lacks.

    unknown: words of the source that are not in the vocabulary.
    unknown_written: number of tokens of the output that stand for an unknown word.
    left_out: number of tokens at the end of a long source that were not read.
    """

    source: str
    reference: str
    target: str
    alignment: Alignment
    unknown: list[str]
    unknown_written: int
    left_out: int


def shown_sentences(agent: Translator, env: Translating, sentences: int) -> list[ShownTranslation]:
    """Translate sentences spread evenly over the environment's split with the run's search options."""
    numbers = evenly(env.examples, sentences)
    texts, references = ([side[number] for number in numbers] for side in env.texts)
    if isinstance(agent, SimultaneousTranslator):
        found = translate_simultaneously(agent, env, texts, len(texts))
    else:
        found = translate_texts(agent, env, texts, agent.options.search, len(texts))
    return [
        ShownTranslation(
            one.text,
            reference,
            one.target,
            align(agent, env, one),
            _unknown_words(env, one),
            one.target_tokens.count(UNKNOWN),
            one.left_out,
        )
        for one, reference in zip(found, references, strict=True)
    ]


def _unknown_words(env: Translating, one: Translation) -> list[str]:
    """Return the words of a source that are not in the vocabulary."""
    if UNKNOWN not in one.source_tokens:
        return []
    words = env.languages.source.token_texts(one.text)
    return [word for word, token in zip(words, one.source_tokens, strict=False) if token == UNKNOWN]


def unknown_share(env: Translating) -> float:
    """Return the share of tokens of the split's sources that are not in the vocabulary."""
    texts = [text.lower() for text in env.texts.source] if env.options.lower else env.texts.source
    tokens = env.languages.source.encode(texts)
    return sum(one.count(UNKNOWN) for one in tokens) / max(1, sum(map(len, tokens)))


def searched_by(agent: Translator) -> str:
    """Return how the shown sentences are translated, in words."""
    if isinstance(agent, SimultaneousTranslator):
        return "simultaneous, greedy"
    beam = agent.options.search.beam
    return f"beam {beam}" if beam > 1 else "greedy"


def alignment_words(one: ShownTranslation) -> str:
    """Return what is seen in an alignment: the source token with the largest weight of the first target tokens."""
    mean, (source, target, _) = one.alignment.mean, one.alignment
    if mean is None or not mean.size:
        return "No attention."
    if "delays" in one.alignment.maps:
        read = [f"{token} after {int((row > 0).sum())}" for token, row in zip(target, mean, strict=True)]
        shown = ", ".join(read[:_MOST_NAMED])
        return f"Source tokens read (columns) before each target token was written (rows): {shown}."
    pairs = [f"{token} to {source[int(row.argmax())]}" for token, row in zip(target, mean, strict=True)]
    return f"Attention of each target token (row) to the source (columns), strongest: {', '.join(pairs[:_MOST_NAMED])}."


def alignments_drawing(shown: Sequence[ShownTranslation]) -> Drawing:
    """Draw the mean map of each sentence, one below the other."""
    return below((alignment_drawing(one.alignment, one.target, heads=False) for one in shown), 24)


def alignments_file(shown: Sequence[ShownTranslation]) -> bytes:
    """Return the alignments of sentences as an SVG file."""
    return svg_file(alignments_drawing(shown), f"{len(shown)} alignments. {alignment_words(shown[0])}")


def alignments_picture(agent: Translator, env: Translating, sentences: int, path: Path) -> None:
    """Write an SVG of the alignments of sentences of the environment's split, the same ones each time.

    Raises:
        UserError: if the file cannot be written.
    """
    with reporting_write_errors(path):
        replace_file(path, alignments_file(shown_sentences(agent, env, sentences)))
