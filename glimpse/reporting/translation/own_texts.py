"""`glimpse translate RUN`: texts of the user's own, from the command line or line by line from standard input."""

import sys
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import cast

from glimpse.agents.translation.options import SearchOptions, TranslatorOptions
from glimpse.agents.translation.simultaneous_translator import Interpreter
from glimpse.agents.translation.translator import Translator
from glimpse.config.files import load_experiment
from glimpse.envs.translation.translating import Translating
from glimpse.errors import UserError
from glimpse.evaluation.generation import Translation, interpret_texts, translate_texts
from glimpse.reporting.drawing.svg import below, svg_file
from glimpse.reporting.translation.alignment import Alignment, align, alignment_drawing
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.run_folder import RunFolder
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
) -> None:
    """Print the translation of each text; without texts, of each line of standard input, as soon as it is there.

    Args:
        run: the run's folder.
        texts: what is to be translated.
        beam: translations kept at each piece, in place of the config's.
        length_penalty: in place of the config's.
        batch: lines that are read before they are translated, side by side.
        show: whether to print what was attended to below each translation.
        heads: whether to print that of each head, and not the mean of the last layer's.
        output: an .svg or .png file for what was attended to.
        device: in place of the config's.
        average: the newest checkpoints whose mean translates, in place of the best one.

    Raises:
        UserError: if there is no run or none that translates, or a file cannot be read or written.
        DataError: if a library is missing.
    """
    options = load_experiment(RunFolder.open(run).config_path)
    if not isinstance(options.agent, TranslatorOptions):
        raise UserError(f"{run} does not translate: its task is {options.task.name!r}")
    if output is not None and output.suffix not in (".svg", ".png"):
        raise UserError(f"--output should end in .svg or .png (got {str(output)!r})")
    trained = open_run(run, None, device, _tell, average)
    agent, world = cast(Translator, trained.agent), cast(Translating, cast(object, trained.world))
    if isinstance(agent, Interpreter) and (beam, length_penalty) != (None, None):
        raise UserError(f"{run} writes while it hears, so it has no --beam and no --length-penalty")
    given = {"beam": beam, "length_penalty": length_penalty}
    search = agent.options.search.model_copy(update={name: value for name, value in given.items() if value is not None})
    drawn: list[tuple[str, Alignment]] = []
    numbers = count(1)
    for some in _groups(texts, batch):
        for one, number in zip(_translated(agent, world, some, search), numbers, strict=False):
            if one.left_out:
                _tell(f"text {number}: its last {one.left_out:,} pieces were left out, {world.longest - 1} were read")
            print(one.target, flush=True)
            if (show or output) and one.text:
                alignment = align(agent, world, one)
                drawn += [(one.target, alignment)] if output else []
                if show:
                    from glimpse.reporting.translation.alignment_terminal import print_alignment

                    print_alignment(alignment, heads)
    if output:
        _draw(drawn, output)


def _groups(texts: Sequence[str], batch: int) -> Iterator[list[str]]:
    """The texts; or the lines of standard input, as they come."""
    lines = (text.strip() for text in texts) if texts else _lines()
    while some := list(islice(lines, batch)):
        yield some


def _lines() -> Iterator[str]:
    if sys.stdin is None:
        raise UserError("there is nothing to translate: give a TEXT, or texts on standard input")
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise UserError(f"standard input, line {number}, is not UTF-8: byte {error.start + 1} of it") from None


def _translated(
    agent: Translator, world: Translating, texts: Sequence[str], search: SearchOptions
) -> Iterator[Translation]:
    """An empty line stays an empty line."""
    some = [text for text in texts if text.strip()]
    if isinstance(agent, Interpreter):
        found = iter(interpret_texts(agent, world, some, len(texts)))
    else:
        found = iter(translate_texts(agent, world, some, search, len(texts)))
    for text in texts:
        yield next(found) if text.strip() else Translation("", "", [], [], 0.0)


def _draw(drawn: Sequence[tuple[str, Alignment]], output: Path) -> None:
    """Alignments below each other, in a file."""
    if output.suffix == ".svg":
        data = svg_file(below(alignment_drawing(one, target) for target, one in drawn), "alignments")
    else:
        from glimpse.reporting.drawing.scanpaths import png
        from glimpse.reporting.translation.alignment_image import alignment_image

        data = png(alignment_image(drawn, heads=True))
    with reporting_write_errors(output):
        replace_file(output, data)
    _tell(str(output))


def _tell(line: str) -> None:
    """Beside what is translated, so that it is not taken for a part of it."""
    print(line, file=sys.stderr)
