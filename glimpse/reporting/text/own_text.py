"""`glimpse evaluate RUN --text`: what a run answers to a text of the user's own, and what it attended to."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from glimpse.config.files import load_experiment
from glimpse.envs.text.reading_options import ReadingOptions
from glimpse.envs.text.text_data import split_text
from glimpse.envs.text.whole_text import Reading
from glimpse.errors import UserError
from glimpse.reporting.text.accounts import Account, read, reader_of
from glimpse.reporting.text.text_terminal import print_account
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run


def read_command(run: Path, text: str, text2: str | None, device: str | None) -> None:
    """Have a run read a text of the user's own, or two, and print its answer and what it attended to.

    Args:
        run: the run's folder.
        text: what is to be read.
        text2: the second text, where the run reads pairs.
        device: in place of the config's.

    Raises:
        UserError: if there is no run or none that reads texts, a text has no words, or there are too few or many.
        DataError: if the data, which decide the words, cannot be had.
    """
    options = load_experiment(RunFolder.open(run).config_path).task
    if not isinstance(options, ReadingOptions):
        raise UserError(f"{run}: --text is for runs that read texts; this one's task is {options.name!r}")
    given = {"text": text} | ({} if text2 is None else {"text2": text2})
    whole = {name: _split(name, words, options) for name, words in given.items()}
    # The validation split is there for its vocabulary alone.
    trained = open_run(run, "validation", device, print)
    agent, world = reader_of(trained)
    if agent.reads_two and text2 is None:
        raise UserError(f"{run} reads pairs of texts: give the second one with --text2")
    if not agent.reads_two and text2 is not None:
        raise UserError(f"{run} reads one text at a time: leave --text2 out")
    kept = {name: _cut(name, sentences, options) for name, sentences in whole.items()}
    shown = {name: _numbered(sentences, world) for name, sentences in kept.items()}
    spelled = {name: list(chain.from_iterable(sentences)) for name, sentences in kept.items()}
    try:
        texts, belief, score = read(agent, shown, spelled, trained.experiment.evaluate)
    except ValueError as problem:  # Attention by location, for one, ends at some length.
        raise UserError(f"{run} cannot read this text: {problem}") from None
    print_account(Account(None, texts, belief, score), world.classes, world.scores)


def _split(name: str, text: str, options: ReadingOptions) -> list[list[str]]:
    """The sentences of a text as tokens; one sentence of all of them where texts are not read by sentences.

    Raises:
        UserError: if there are none.
    """
    sentences = split_text(text, options)
    if not sentences:
        raise UserError(f"--{name} should be a text of one word or more (got {text!r})")
    return sentences if options.sentences else [list(chain.from_iterable(sentences))]


def _cut(name: str, sentences: Sequence[list[str]], options: ReadingOptions) -> list[list[str]]:
    """As much as is read of a text, as of those of the data; a line says so where something is left out."""
    kept = [sentence[: options.max_words] for sentence in sentences[: options.max_sentences]]
    before, after = (sum(map(len, some)) for some in (sentences, kept))
    if after < before:
        print(f"note: of --{name} the run reads {after} of {before} tokens (task.max_words, task.max_sentences)")
    return kept


def _numbered(sentences: Sequence[list[str]], world: Reading) -> Tensor:
    """Tokens as numbers, (S, L) with 0 behind each sentence, or (L,) where the world shows no sentences."""
    numbers = [torch.tensor(world.vocabulary.encode(sentence)) for sentence in sentences]
    whole = torch.nn.utils.rnn.pad_sequence(numbers, batch_first=True).to(world.device)
    return whole if world.options.sentences else whole[0]
