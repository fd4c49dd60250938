"""`glimpse evaluate RUN --text`: answer a text of the user's own and show the attention weights."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glimpse.config.files import load_experiment
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.tokenisation import split_text
from glimpse.envs.text.whole_text import WholeText
from glimpse.errors import UserError
from glimpse.reporting.text.accounts import Account, read_text, reading_run
from glimpse.reporting.text.text_terminal import print_account
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run


def read_command(run: Path, text: str, text2: str | None, device: str | None) -> None:
    """Let a run read a text of the user's own, or a pair, and print its answer and attention weights.

    Args:
        run: the run's folder.
        text: the text.
        text2: the second text, if the run reads pairs.
        device: device that replaces the config's.

    Raises:
        UserError: if there is no run, it does not read texts, a text has no words, or the number of texts is wrong.
        DataError: if the run's environment cannot be made without its data, and they cannot be loaded.
    """
    options: Any = load_experiment(RunFolder.open(run).config_path).task
    given = {"text": text} | ({} if text2 is None else {"text2": text2})
    whole = {name: _split(name, words, options) for name, words in given.items()}
    trained = open_run(run, None, device, print)
    agent, env = reading_run(trained)
    if agent.reads_two and text2 is None:
        raise UserError(f"{run} reads pairs of texts: give the second one with --text2")
    if not agent.reads_two and text2 is not None:
        raise UserError(f"{run} reads one text at a time: leave --text2 out")
    kept = {name: _cut(name, sentences, options) for name, sentences in whole.items()}
    shown = {name: _numbered(sentences, env) for name, sentences in kept.items()}
    spelled = {name: list(chain.from_iterable(sentences)) for name, sentences in kept.items()}
    try:
        texts, belief, score = read_text(agent, shown, spelled, trained.experiment.evaluate)
    except ValueError as problem:  # Some attention has a maximum length.
        raise UserError(f"{run} cannot read this text: {problem}") from None
    print_account(Account(None, texts, belief, score), env.classes, env.scores)


def _split(name: str, text: str, options: WholeTextOptions) -> list[list[str]]:
    """Split a text into sentences of tokens; into one sentence if the run does not read by sentences.

    Raises:
        UserError: if the text has no words.
    """
    sentences = split_text(text, options)
    if not sentences:
        raise UserError(f"--{name} should be a text of one word or more (got {text!r})")
    return sentences if options.sentences else [list(chain.from_iterable(sentences))]


def _cut(name: str, sentences: Sequence[list[str]], options: WholeTextOptions) -> list[list[str]]:
    """Truncate a text to the run's limits, and print a note if tokens are left out."""
    kept = [sentence[: options.max_words] for sentence in sentences[: options.max_sentences]]
    before, after = (sum(map(len, some)) for some in (sentences, kept))
    if after < before:
        print(f"note: of --{name} the run reads {after} of {before} tokens (task.max_words, task.max_sentences)")
    return kept


def _numbered(sentences: Sequence[list[str]], env: WholeText) -> Tensor:
    """Return token ids, (S, L) with padding 0, or (L,) if the environment does not show sentences."""
    numbers = [torch.tensor(env.vocabulary.encode(sentence)) for sentence in sentences]
    whole = torch.nn.utils.rnn.pad_sequence(numbers, batch_first=True).to(env.device)
    return whole if env.options.sentences else whole[0]
