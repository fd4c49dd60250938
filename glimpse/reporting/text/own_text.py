"""`glimpse evaluate RUN --text`: answer texts of the user's own and show what the agent read and attended to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from glimpse.config.files import load_experiment
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.selecting import Selecting
from glimpse.envs.text.skimming import Skimming
from glimpse.envs.text.tokenisation import split_text
from glimpse.envs.text.whole_text import WholeText
from glimpse.errors import UserError
from glimpse.reporting.text.accounts import Account, read_text, reading_run
from glimpse.reporting.text.partial_reading import selected_texts, skimmed_texts
from glimpse.reporting.text.text_terminal import print_account
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import TrainedRun, open_run


class _Given(NamedTuple):
    """A text of the user's own, or a pair.

    typed: the texts as they were typed.
    whole: the sentences of each text, as lists of tokens.
    kept: those that the run's limits leave.
    """

    typed: tuple[str, ...]
    whole: tuple[list[list[str]], ...]
    kept: tuple[list[list[str]], ...]

    @property
    def spelled(self) -> tuple[tuple[str, ...], ...]:
        """The tokens of each text that the run reads, in order."""
        return tuple(tuple(chain.from_iterable(sentences)) for sentences in self.kept)


def read_command(run: Path, texts: Sequence[str], texts2: Sequence[str], device: str | None) -> None:
    """Let a run read texts of the user's own, or pairs, and print its answers and attention weights, in order.

    Args:
        run: the run's folder.
        texts: the texts.
        texts2: the second text of each, if the run reads pairs; else none.
        device: device that replaces the config's.

    Raises:
        UserError: if there is no run, it does not read texts, a text has no words, or the number of texts is wrong.
        DataError: if the run's environment cannot be made without its data, and they cannot be loaded.
    """
    given, trained = _open(run, texts, texts2, device)
    agent, env = reading_run(trained)
    _check_number(run, texts, texts2, agent.reads_two)
    accounts = []
    for one in given:
        names = ("text", "text2")[: len(one.kept)]
        shown = {name: _numbered(text, env) for name, text in zip(names, one.kept, strict=True)}
        spelled = dict(zip(names, map(list, one.spelled), strict=True))
        try:
            parts, belief, score = read_text(agent, shown, spelled, trained.experiment.evaluate)
        except ValueError as problem:  # Some attention has a maximum length.
            raise UserError(f"{run} cannot read this text: {problem}") from None
        accounts.append(Account(None, parts, belief, score))
    _print(given, accounts, env.classes, env.scores)


def skim_command(run: Path, texts: Sequence[str], texts2: Sequence[str], device: str | None) -> None:
    """Let a run that reads texts in part read texts of the user's own; print its answers and the words that it read.

    For the arguments and errors see `read_command`.
    """
    given, trained = _open(run, texts, texts2, device)
    agent, empty, options = trained.agent, trained.env, trained.experiment.evaluate
    if not isinstance(empty, Skimming | Selecting):
        raise UserError(
            f"{run}: the environment {trained.experiment.task.name!r} cannot show texts of your own: that takes a "
            "subclass of Skimming or of Selecting"
        )
    _check_number(run, texts, texts2, len(empty.meaning().shapes) > 1)
    env = _showing(empty, [one.typed for one in given])
    numbers = list(range(len(given)))
    if isinstance(env, Skimming):
        accounts, classes = skimmed_texts(agent, env, options, numbers), env.classes
    else:
        accounts, classes = selected_texts(agent, env, options, numbers), env.labels
    accounts = [
        replace(
            one, texts=tuple(replace(text, words=words) for text, words in zip(one.texts, its.spelled, strict=True))
        )
        for one, its in zip(accounts, given, strict=True)
    ]
    _print(given, accounts, classes, None)


def _showing(env: Any, texts: Sequence[Sequence[str]]) -> Any:
    """Make an environment like another one, that shows texts of the user's own."""
    return type(env)(env.options, env.data_of_texts(env.options, env.meaning(), texts), device=env.device)


def _open(
    run: Path, texts: Sequence[str], texts2: Sequence[str], device: str | None
) -> tuple[list[_Given], TrainedRun]:
    """Divide the texts into tokens as the run does, and open it."""
    options: Any = load_experiment(RunFolder.open(run).config_path).task
    if texts2 and len(texts2) != len(texts):
        raise UserError(f"give as many --text2 as --text (got {len(texts)} --text and {len(texts2)} --text2)")
    given = []
    for pair in zip_longest(texts, texts2):
        typed = tuple(text for text in pair if text is not None)
        whole = tuple(_split(name, text, options) for name, text in zip(("text", "text2"), typed, strict=False))
        given.append(_Given(typed, whole, tuple(_cut(text, options) for text in whole)))
    return given, open_run(run, None, device, print)


def _check_number(run: Path, texts: Sequence[str], texts2: Sequence[str], reads_two: bool) -> None:
    """Raise UserError unless there are second texts where the run reads pairs, and only there."""
    if reads_two and not texts2:
        raise UserError(f"{run} reads pairs of texts: give the second one with --text2")
    if not reads_two and texts2:
        raise UserError(f"{run} reads one text at a time: leave --text2 out")


def _print(
    given: Sequence[_Given], accounts: Sequence[Account], classes: Sequence[str], scores: tuple[float, float] | None
) -> None:
    """Print the accounts in order, each below its number if there are several."""
    for number, (one, account) in enumerate(zip(given, accounts, strict=True), 1):
        if len(given) > 1:
            print(f"{'' if number == 1 else chr(10)}{number} of {len(given)}")
        for note in _notes(one):
            print(note)
        print_account(account, classes, scores)


def _notes(one: _Given) -> Iterator[str]:
    """Yield a note for each text of which tokens are left out."""
    for name, whole, kept in zip(("text", "text2"), one.whole, one.kept, strict=False):
        before, after = (sum(map(len, some)) for some in (whole, kept))
        if after < before:
            yield f"note: of --{name} the run reads {after} of {before} tokens (task.max_words, task.max_sentences)"


def _split(name: str, text: str, options: TextOptions) -> list[list[str]]:
    """Split a text into sentences of tokens; into one sentence if the run does not read by sentences.

    Raises:
        UserError: if the text has no words.
    """
    sentences = split_text(text, options)
    if not sentences:
        raise UserError(f"--{name} should be a text of one word or more (got {text!r})")
    by_sentences = "sentences" in type(options).model_fields and options.model_dump()["sentences"]
    return sentences if by_sentences else [list(chain.from_iterable(sentences))]


def _cut(sentences: Sequence[list[str]], options: TextOptions) -> list[list[str]]:
    """Truncate a text to the run's limits."""
    return [sentence[: options.max_words] for sentence in sentences[: options.max_sentences]]


def _numbered(sentences: Sequence[list[str]], env: WholeText) -> Tensor:
    """Return token ids, (S, L) with padding 0, or (L,) if the environment does not show sentences."""
    numbers = [torch.tensor(env.vocabulary.encode(sentence)) for sentence in sentences]
    whole = torch.nn.utils.rnn.pad_sequence(numbers, batch_first=True).to(env.device)
    return whole if env.options.sentences else whole[0]
