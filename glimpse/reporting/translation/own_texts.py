"""`glimpse translate RUN`: translate texts from the command line, or line by line from standard input."""

import sys
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from glimpse.agents.translation.options import SearchOptions
from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.agents.translation.translator import Translator
from glimpse.envs.printed_lines import print_error_line
from glimpse.envs.translation.translating import Translating
from glimpse.errors import UserError
from glimpse.evaluation.generation import Translation, translate_simultaneously, translate_texts
from glimpse.evaluation.scored_translation import score_translation
from glimpse.reporting.drawing.svg import below, svg_file
from glimpse.reporting.translation.alignment import Alignment, align, alignment_drawing
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.run_source import find_run
from glimpse.runs.trained_run import open_run


def translate_command(
    run: Path,
    texts: Sequence[str],
    *,
    beam: int | None,
    length_penalty: float | None,
    batch: int,
    show: bool,
    heads: bool,
    output: Path | None,
    device: str | None,
    average: int | None,
    n_best: int = 1,
    prefix: str = "",
    no_repeat: int | None = None,
    given: str | None = None,
) -> None:
    """Print the translation of each text, or of each line of standard input as soon as it is read.

    Args:
        run: the run's folder.
        texts: texts to translate; empty for standard input.
        beam: beam width that replaces the config's.
        length_penalty: length penalty that replaces the config's.
        batch: number of texts that are translated at a time.
        show: whether to print the alignment below each translation.
        heads: whether to print the alignment of each head, instead of the mean over the last layer.
        output: an .svg or .png file for the alignments.
        device: device that replaces the config's.
        average: number of newest checkpoints whose mean is used, instead of the best checkpoint.
        n_best: number of translations of each text; with more than one, a line has the text's number, the rank, the
            score with the length penalty, the log-probability and the translation, divided by tabs.
        prefix: words with which all translations begin.
        no_repeat: n, so that no n tokens in a row come twice, instead of the config's.
        given: a translation whose log-probability is printed, token by token, instead of translating the one text.

    Raises:
        UserError: if there is no run, it does not translate, or a file cannot be read or written.
        DataError: if a library is missing.
    """
    if output is not None and output.suffix not in (".svg", ".png"):
        raise UserError(f"--output should end in .svg or .png (got {str(output)!r})")
    trained = open_run(find_run(run), None, device, print_error_line, average)
    agent: Translator = trained.agent
    env: Translating = trained.env
    wanted = {"beam": beam, "length_penalty": length_penalty, "no_repeat": no_repeat}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if isinstance(agent, SimultaneousTranslator) and (wanted or n_best > 1 or prefix or given is not None):
        raise UserError(
            f"{run} translates simultaneously, so it has no --beam, --length-penalty, --n-best, --prefix, --no-repeat "
            "and --given"
        )
    search = agent.options.search.model_copy(update=wanted)
    if given is not None:
        _print_scored(agent, env, texts, given)
        return
    searching = _Searching(search, n_best, prefix)
    drawn: list[tuple[str, Alignment]] = []
    numbers = count(1)
    for some in _batches(texts, batch):
        for one, number in zip(_translations(agent, env, some, searching), numbers, strict=False):
            if one.left_out:
                print_error_line(
                    f"text {number}: its last {one.left_out:,} tokens were left out, {env.longest - 1} were read"
                )
            if n_best == 1:
                print(one.target, flush=True)
            for rank, other in enumerate(one.alternatives, 1):
                print(number, rank, f"{other.score:.4f}", f"{other.log_prob:.4f}", other.target, sep="\t", flush=True)
            if (show or output) and one.text:
                alignment = align(agent, env, one)
                drawn += [(one.target, alignment)] if output else []
                if show:
                    from glimpse.reporting.translation.alignment_terminal import print_alignment

                    print_alignment(alignment, heads)
    if output:
        _draw(drawn, output)


def _batches(texts: Sequence[str], batch: int) -> Iterator[list[str]]:
    """Yield the texts, or the lines of standard input as they come, in batches."""
    lines = (text.strip() for text in texts) if texts else _lines()
    while some := list(islice(lines, batch)):
        yield some


def _lines() -> Iterator[str]:
    """Yield the lines of standard input.

    Raises:
        UserError: if there is no standard input, or it is not UTF-8.
    """
    if sys.stdin is None:
        raise UserError("there is nothing to translate: give a TEXT, or texts on standard input")
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise UserError(f"standard input, line {number}, is not UTF-8: byte {error.start + 1} of it") from None


class _Searching(NamedTuple):
    """Search for translations as the command asks for it."""

    options: SearchOptions
    n_best: int
    prefix: str


def _print_scored(agent: Translator, env: Translating, texts: Sequence[str], given: str) -> None:
    """Print the log-probability of a translation and of each of its tokens."""
    if len(texts) != 1:
        raise UserError(f"--given is the translation of one TEXT (got {len(texts)} texts)")
    scored = score_translation(agent, env, texts[0].strip(), given.strip())
    print(f"log-probability {scored.log_prob:.4f}")
    for token, log_prob in zip(scored.tokens, scored.each, strict=True):
        print(f"{log_prob:10.4f}  {token}")


def _translations(
    agent: Translator, env: Translating, texts: Sequence[str], search: _Searching
) -> Iterator[Translation]:
    """Yield the translation of each text; that of an empty text is empty."""
    some = [text for text in texts if text.strip()]
    if isinstance(agent, SimultaneousTranslator):
        found = iter(translate_simultaneously(agent, env, some, len(texts)))
    else:
        found = iter(
            translate_texts(agent, env, some, search.options, len(texts), n_best=search.n_best, prefix=search.prefix)
        )
    for text in texts:
        yield next(found) if text.strip() else Translation("", "", [], [], 0.0)


def _draw(drawn: Sequence[tuple[str, Alignment]], output: Path) -> None:
    """Draw alignments one below the other into a file."""
    if output.suffix == ".svg":
        data = svg_file(below(alignment_drawing(one, target) for target, one in drawn), _drawn_words(drawn))
    else:
        from glimpse.reporting.drawing.scanpaths import png
        from glimpse.reporting.translation.alignment_image import alignment_image

        data = png(alignment_image(drawn, heads=True))
    with reporting_write_errors(output):
        replace_file(output, data)
    print_error_line(str(output))


def _drawn_words(drawn: Sequence[tuple[str, Alignment]]) -> str:
    """Return what is seen in a drawing of alignments."""
    targets = "; ".join(target for target, _ in drawn[:3])
    return f"Attention of each token of a translation (row) to its source (column): {targets}"
