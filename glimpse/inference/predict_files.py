"""`glimpse predict`: answers pictures, texts and tables of a user's own, and writes the answers as they come.

An input that cannot be answered is named on standard error, and the rest goes on.
"""

import math
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from glimpse.envs.data.user_paths import user_path
from glimpse.envs.documents.document_files import other_endings
from glimpse.envs.documents.searched_folder import searched_store
from glimpse.envs.errors import DataError
from glimpse.envs.live_line import is_live, progress_of
from glimpse.envs.printed_lines import print_error_line
from glimpse.errors import UserError
from glimpse.inference.given_inputs import GivenInput, is_table, pictures_given, texts_given
from glimpse.inference.loaded_agent import LoadedAgent, load
from glimpse.inference.prediction_writers import Writer, json_writer, line_writer, table_writer
from glimpse.inference.predictions import Prediction
from glimpse.runs.durable import reporting_write_errors

Format = Literal["lines", "json", "csv"]
_ENDINGS: dict[str, Format] = {".json": "json", ".jsonl": "json", ".csv": "csv", ".tsv": "csv"}


def predict_files(
    run: str,
    words: Sequence[str],
    *,
    form: Format | None,
    output: Path | None,
    columns: Sequence[str],
    batch: int | None,
    device: str | None,
    options: dict[str, Any],
) -> int:
    """Answer a user's inputs; return the exit code: 0, or 1 if some could not be answered.

    Args:
        run: folder of the run.
        words: the inputs; see `given_inputs`.
        form: format of the answers; by default that of `output`, of a table that is given alone, or lines.
        output: file of the answers, which appears when all are written; standard output by default.
        columns: columns of a table that hold the input, and the second text of pairs; by default those of the run.
        batch: inputs that are answered at once; by default 100, and 1 for standard input.
        device: device that replaces the config's.
        options: those of `PredictOptions`.

    Raises:
        UserError: if the run cannot be read, an option is wrong, a table lacks a column, or nothing is given.
        DataError: if no document of the folder that is searched can be read.
    """
    agent = load(run, device)
    agent.check_options(**options)
    if agent.takes == "questions":
        _open_documents(agent, options["documents"])
    ending = _ENDINGS.get("" if output is None else output.suffix.lower())
    if form and ending and form != ending:
        raise UserError(f"--{form} does not fit --output {output}, whose name says {ending}: leave one of them out")
    form = form or ending or _form_of(words)
    given = iter(_inputs(agent, words, columns))
    size = batch or (1 if "-" in words else 100)
    answered = failed = 0
    told: set[str] = set()
    apart = output is not None or not sys.stdout.isatty()  # Else the answers show how far it is.
    shown = progress_of("inputs answered", after=0.0 if apart else math.inf)
    with _opened(output, words) as file, shown as advance:
        writer = _writer(form, file, output, words)
        while several := list(islice(given, size)):
            for one, found, fault in _answers(agent, several, {**options, "batch": size}):
                if found is None:
                    print_error_line(fault if fault.startswith(one.where) else f"{one.where}: {fault}")
                    failed += 1
                else:
                    for note in found.notes():
                        if note not in told:
                            print(note, file=sys.stderr)
                            told.add(note)
                    writer(one, found)
                    answered += 1
            file.flush()
            advance(len(several))
        if not answered and not failed:
            raise UserError("there is no input: give pictures, texts, a table, or lines on standard input for `-`")
    if output is not None and is_live():
        print_error_line(f"{answered:,} answered")
    if failed:
        print_error_line(f"{failed:,} of {answered + failed:,} inputs could not be answered")
    return 1 if failed else 0


def _open_documents(agent: LoadedAgent, folder: str) -> None:
    """Build the store of a folder that is searched, and tell what is wrong with it once, not for each question.

    Raises:
        DataError: if no document in it can be read.
    """
    store = searched_store(cast(Any, agent.experiment.task), folder, agent.experiment.data.root)
    left_out = len(store.facts.skipped) + other_endings(user_path(folder, "--documents")).total()
    if left_out:
        files = f"{left_out:,} files of {folder} were" if left_out > 1 else f"1 file of {folder} was"
        print_error_line(f"note: {files} left out; `glimpse data store {shlex.quote(folder)}` shows which")


def _answers(
    agent: LoadedAgent, given: Sequence[GivenInput], options: dict[str, Any]
) -> Iterator[tuple[GivenInput, Prediction | None, str]]:
    """Yield each input with its prediction, or with None and what is wrong with it."""
    whole = [one for one in given if not one.fault]
    try:
        found = iter(agent.predict([one.value for one in whole], **options))
    except (UserError, DataError):  # One of them is at fault: each is answered by itself.
        yield from ((one, *_answer(agent, one, options)) for one in given)
        return
    yield from ((one, None if one.fault else next(found), one.fault) for one in given)


def _answer(agent: LoadedAgent, given: GivenInput, options: dict[str, Any]) -> tuple[Prediction | None, str]:
    """Return a prediction, or None and why there is none."""
    if given.fault:
        return None, given.fault
    try:
        (found,) = agent.predict([given.value], **options)
    except (UserError, DataError) as problem:
        return None, str(problem)
    return found, ""


def _inputs(agent: LoadedAgent, words: Sequence[str], columns: Sequence[str]) -> Iterator[GivenInput]:
    """Yield the inputs as the run takes them."""
    task: Any = agent.experiment.task
    if agent.takes == "texts" and agent.reads_pairs and not all(is_table(word) for word in words):
        raise UserError("the run reads pairs of texts: give a table of them, with --column and --column2")
    if agent.takes == "pictures":
        return pictures_given(words, columns[0] if columns else str(getattr(task, "picture", "file")), sys.stdin)
    if agent.takes == "questions":
        if len(columns) > 1:
            raise UserError("a question is one text: leave --column2 out")
        return texts_given(words, [*columns, "question"][:1], sys.stdin)
    known = (getattr(task, "text", None), getattr(task, "text2", None))
    own = [str(column) for column in known if column is not None] if agent.reads_pairs else [str(known[0] or "text")]
    return texts_given(words, [*columns, *own[len(columns) :]], sys.stdin)


def _form_of(words: Sequence[str]) -> Format:
    """Return the format of a table that is the only input."""
    if len(words) == 1 and is_table(words[0]):
        return "json" if ".jsonl" in Path(words[0]).name.lower() else "csv"
    return "lines"


def _writer(form: Format, file: TextIO, output: Path | None, words: Sequence[str]) -> Writer:
    """Return the writer of a format; a table is divided by tabs if the output's or the only input's name says so."""
    name = (str(output) if output else words[0] if len(words) == 1 else "").lower()
    mark = "\t" if name.removesuffix(".gz").removesuffix(".xz").endswith(".tsv") else ","
    return {"json": json_writer, "csv": lambda to: table_writer(to, mark), "lines": line_writer}[form](file)


@contextmanager
def _opened(output: Path | None, words: Sequence[str]) -> Iterator[TextIO]:
    """Open the output; a file takes its name once all is written, and nothing is left if that fails."""
    if output is None:
        yield sys.stdout
        return
    if any(Path(word).expanduser().absolute() == output.absolute() for word in words):
        raise UserError(f"{output} is one of the inputs: choose another --output")
    if output.suffix.lower() not in (*_ENDINGS, ".txt", ""):
        raise UserError(f"--output should end with {', '.join(_ENDINGS)} or .txt, got {output.name}")
    if output.is_dir():
        raise UserError(f"--output {output} is a folder: name a file in it")
    with reporting_write_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".tmp-", dir=output.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        with reporting_write_errors(output):
            os.chmod(name, 0o644)
            os.replace(name, output)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)
