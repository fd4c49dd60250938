"""`glimpse evaluate RUN --text`: answer texts of the user's own and show what the agent read and attended to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from glimpse.config.files import load_experiment
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.selecting import Selecting
from glimpse.envs.text.skimming import Skimming
from glimpse.envs.text.token_spans import Span
from glimpse.envs.text.tokenisation import spans_of_tokens, split_text
from glimpse.envs.text.whole_text import WholeText
from glimpse.errors import UserError
from glimpse.reporting.text.accounts import Account, read_text, reading_run
from glimpse.reporting.text.partial_reading import selected_texts, skimmed_texts
from glimpse.reporting.text.text_terminal import print_account
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.run_source import find_run
from glimpse.runs.trained_run import TrainedRun, open_run


class _Given(NamedTuple):
    """A text of the user's own, or a pair.

    typed: the texts as they were typed.
    whole: the sentences of each text, as lists of tokens.
    kept: those that the run's limits leave.
    spans: where each of these stands in the text as it was typed.
    """

    typed: tuple[str, ...]
    whole: tuple[list[list[str]], ...]
    kept: tuple[list[list[str]], ...]
    spans: tuple[list[Span], ...]

    @property
    def spelled(self) -> tuple[tuple[str, ...], ...]:
        """The tokens of each text that the run reads, in order."""
        return tuple(tuple(chain.from_iterable(sentences)) for sentences in self.kept)


class OwnTexts(NamedTuple):
    """Texts of the user's own as an agent read them.

    given: the texts.
    accounts: the agent's answers, and what it read.
    classes, scores: names of the classes, and the lowest and highest score where scores are predicted.
    """

    given: list[_Given]
    accounts: list[Account]
    classes: tuple[str, ...]
    scores: tuple[float, float] | None


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
    typed = _typed(run, texts, texts2)
    _print(read_whole(open_run(find_run(run), None, device, print), typed))


def skim_command(run: Path, texts: Sequence[str], texts2: Sequence[str], device: str | None) -> None:
    """Let a run that reads texts in part read texts of the user's own; print its answers and the words that it read.

    For the arguments and errors see `read_command`.
    """
    typed = _typed(run, texts, texts2)
    _print(read_in_part(open_run(find_run(run), None, device, print), typed))


def read_whole(trained: TrainedRun, texts: Sequence[tuple[str, ...]]) -> OwnTexts:
    """Let an agent read whole texts, or pairs, of the user's own; for the errors see `read_command`."""
    run, (agent, env) = trained.folder.path, reading_run(trained)
    given = [_divide(typed, trained.experiment.task, env.vocabulary.tokenizer) for typed in texts]
    accounts = []
    for one in given:
        _check_number(run, one, agent.reads_two)
        names = ("text", "text2")[: len(one.kept)]
        shown = {name: _numbered(text, env) for name, text in zip(names, one.kept, strict=True)}
        spelled = dict(zip(names, map(list, one.spelled), strict=True))
        try:
            parts, belief, score = read_text(agent, shown, spelled, trained.experiment.evaluate)
        except ValueError as problem:  # Some attention has a maximum length.
            raise UserError(f"{run} cannot read this text: {problem}") from None
        accounts.append(Account(None, parts, belief, score, many=env.many))
    return OwnTexts(given, accounts, env.classes, env.scores)


def read_in_part(trained: TrainedRun, texts: Sequence[tuple[str, ...]]) -> OwnTexts:
    """Let an agent that reads in part read texts, or pairs, of the user's own; for the errors see `read_command`."""
    agent, empty, options, run = trained.agent, trained.env, trained.experiment.evaluate, trained.folder.path
    if not isinstance(empty, Skimming | Selecting):
        raise UserError(
            f"{run}: the environment {trained.experiment.task.name!r} cannot show texts of your own: that takes a "
            "subclass of Skimming or of Selecting"
        )
    given = [_divide(typed, trained.experiment.task, empty.vocabulary.tokenizer) for typed in texts]
    for one in given:
        _check_number(run, one, len(empty.meaning().shapes) > 1)
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
    return OwnTexts(given, accounts, tuple(classes), None)


def _showing(env: Any, texts: Sequence[Sequence[str]]) -> Any:
    """Make an environment like another one, that shows texts of the user's own."""
    return type(env)(env.options, env.data_of_texts(env.options, env.meaning(), texts), device=env.device)


def _typed(run: Path, texts: Sequence[str], texts2: Sequence[str]) -> list[tuple[str, ...]]:
    """Return each text, or pair, as it was typed; mistakes are found before the run is loaded."""
    options: Any = load_experiment(RunFolder.open(find_run(run)).config_path).task
    if texts2 and len(texts2) != len(texts):
        raise UserError(f"give as many --text2 as --text (got {len(texts)} --text and {len(texts2)} --text2)")
    typed = [tuple(text for text in pair if text is not None) for pair in zip_longest(texts, texts2)]
    for one in typed:
        _divide(one, options.model_copy(update={"tokens": "words"}), None)
    return typed


def _divide(typed: tuple[str, ...], options: Any, tokenizer: str | None) -> _Given:
    """Divide a text, or a pair, into tokens as the run does."""
    whole = tuple(_split(name, text, options, tokenizer) for name, text in zip(("text", "text2"), typed, strict=False))
    kept = tuple(_cut(text, options) for text in whole)
    spans = (spans_of_tokens(text, options, tokenizer) for text in typed)
    return _Given(typed, whole, kept, tuple(map(_kept_spans, spans, whole, kept)))


def _kept_spans(spans: Sequence[Span], whole: Sequence[list[str]], kept: Sequence[list[str]]) -> list[Span]:
    """Return the spans of the tokens that are left, from those of all tokens of a text."""
    starts = accumulate(map(len, whole), initial=0)
    return [
        span for start, sentence in zip(starts, kept, strict=False) for span in spans[start : start + len(sentence)]
    ]


def _check_number(run: Path, given: _Given, reads_two: bool) -> None:
    """Raise UserError unless there are second texts where the run reads pairs, and only there."""
    if reads_two and len(given.typed) < 2:
        raise UserError(f"{run} reads pairs of texts: give the second one with --text2")
    if not reads_two and len(given.typed) > 1:
        raise UserError(f"{run} reads one text at a time: leave --text2 out")


def _print(read: OwnTexts) -> None:
    """Print the accounts in order, each below its number if there are several."""
    for number, (one, account) in enumerate(zip(read.given, read.accounts, strict=True), 1):
        if len(read.given) > 1:
            print(f"{'' if number == 1 else chr(10)}{number} of {len(read.given)}")
        for note in _notes(one):
            print(note)
        print_account(account, read.classes, read.scores)


def _notes(one: _Given) -> Iterator[str]:
    """Yield a note for each text of which tokens are left out."""
    for name, whole, kept in zip(("text", "text2"), one.whole, one.kept, strict=False):
        before, after = (sum(map(len, some)) for some in (whole, kept))
        if after < before:
            yield f"note: of --{name} the run reads {after} of {before} tokens (task.max_words, task.max_sentences)"


def _split(name: str, text: str, options: TextOptions, tokenizer: str | None) -> list[list[str]]:
    """Split a text into sentences of tokens; into one sentence if the run does not read by sentences.

    Raises:
        UserError: if the text has no words.
    """
    sentences = split_text(text, options, tokenizer)
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
