"""Accounts of texts: answers and attention weights are those of the batch, without padding."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.evaluation.scores import evaluation_keys, measure_scores
from glimpse.reporting.text.accounts import Account, Text, account, reading_run
from glimpse.reporting.text.text_survey import survey_texts
from glimpse.runs.trained_run import TrainedRun, open_run

MakeRun = Callable[..., Path]


def opened(path: Path) -> TrainedRun:
    """Open a run on its validation split."""
    return open_run(path, "validation", "cpu", pytest.fail)


def read_example(path: Path, example: int, need_pairs: bool = False) -> Account:
    """Return the account of one example of the run's validation split."""
    trained = opened(path)
    agent, env = reading_run(trained)
    return account(agent, env, trained.experiment.evaluate, example, need_pairs)


def test_the_two_colours_of_a_document_by_hand() -> None:
    """Colours are sqrt(p_s) p_w, here of two sentences of two words (Yang et al., 2016, section 3.3)."""
    weights, sentences = np.array([0.5, 0.5, 0.9, 0.1], np.float32), np.array([0.25, 0.75], np.float32)
    text = Text(("a", "b", "c", "d"), np.zeros(4, bool), (2, 2), weights, sentences)
    assert text.colour is not None
    assert text.colour.tolist() == pytest.approx([0.25, 0.25, 0.779423, 0.086603], abs=1e-6)
    assert text.bounds == [(0, 2), (2, 4)]


@pytest.mark.parametrize(
    "encoder",
    [
        {"kind": "lstm", "width": 3},
        {"kind": "gru", "width": 3, "pooling": {"kind": "structured", "hops": 2, "hidden": 3}},
        {"kind": "disan", "width": 4},
        {"kind": "transformer", "width": 4, "attention": {"kind": "multi_head", "heads": 2}},
    ],
)
def test_a_text_alone_is_read_as_in_a_batch(make_run: MakeRun, encoder: dict[str, Any]) -> None:
    """Answer and weights equal those of a batch of all texts, without padding."""
    path = make_run(encoder)
    trained = opened(path)
    agent, env = reading_run(trained)
    numbers = torch.arange(env.examples)
    observation = env.reset(numbers, numbers)
    decision, _ = agent(observation, None)
    lengths = (observation["text"] != 0).sum(1).tolist()
    assert len(set(lengths)) > 1
    for number, length in enumerate(lengths):
        one = read_example(path, number)
        (text,) = one.texts
        assert len(text.words) == length and text.weights is not None and text.weights.shape == (length,)
        belief = decision.answer[number].softmax(-1)
        assert one.belief == pytest.approx(belief.numpy(), abs=1e-5) and one.true == env.label[number]
        name = "hops" if text.hops is not None else "tokens"
        whole = decision.activations[name][number, ..., :length].detach().numpy()
        np.testing.assert_allclose(text.weights if text.hops is None else text.hops, whole, atol=1e-5)
        np.testing.assert_allclose(text.weights.sum(), 1, atol=1e-5)


def test_a_document_has_weights_of_words_and_sentences(make_run: MakeRun) -> None:
    """Weights of words sum to 1 in each sentence, those of sentences to 1, and all words are kept."""
    path = make_run({"kind": "hierarchical"}, sentences=True)
    trained = opened(path)
    _, env = reading_run(trained)
    several = 0
    for number in range(env.examples):
        (text,) = read_example(path, number).texts
        assert text.words == tuple(env.words(number)["text"])
        assert text.sentences is not None and text.weights is not None and sum(text.lengths) == len(text.words)
        assert text.sentences.sum() == pytest.approx(1, abs=1e-5)
        assert [text.weights[begin:end].sum() for begin, end in text.bounds] == pytest.approx([1] * len(text.lengths))
        several += len(text.lengths) > 1
    assert several


@pytest.mark.parametrize(
    ("encoder", "names", "heads"),
    [
        ({"kind": "disan", "width": 4}, ["forward", "backward"], 1),
        ({"kind": "distance", "width": 4, "heads": 2}, ["forward", "backward"], 2),
        ({"kind": "transformer", "width": 4, "attention": {"kind": "multi_head", "heads": 2}}, ["layer1", "layer2"], 2),
        ({"kind": "transformer", "width": 4, "layers": 1, "attention": "token2token"}, ["layer1"], 1),
        ({"kind": "transformer", "width": 4, "layers": 1, "attention": "additive"}, ["layer1"], 1),
    ],
)
def test_pairs_of_tokens_have_a_matrix_for_each_head(
    make_run: MakeRun, encoder: dict[str, Any], names: list[str], heads: int
) -> None:
    """Rows sum to 1, or to 0 for a token that may attend to nothing."""
    path = make_run(encoder, max_words=4)
    _, env = reading_run(opened(path))
    number = next(at for at in range(env.examples) if int(env.lengths[at]) == 4)
    (text,) = read_example(path, number, need_pairs=True).texts
    assert list(text.pairs) == names
    for name, matrices in text.pairs.items():
        assert matrices.shape == (heads, 4, 4)
        sums = matrices.sum(-1)
        assert np.all((np.abs(sums - 1) < 1e-4) | (np.abs(sums) < 1e-4))
        if name == "forward":
            assert not np.triu(matrices).any()
        if name == "backward":
            assert not np.tril(matrices).any()
    assert read_example(path, number).texts[0].pairs == {}


def test_pairs_of_texts_and_scores(make_run: MakeRun) -> None:
    """An example has two texts, a score, and its error."""
    path = make_run(kind="scores")
    one = read_example(path, 0)
    assert len(one.texts) == 2 and one.score is not None and isinstance(one.true, float)
    assert one.miss == pytest.approx(abs(one.score - one.true)) and one.belief.size == 0


@pytest.mark.parametrize("kind", ["one", "scores"])
def test_a_survey_agrees_with_the_evaluation(make_run: MakeRun, kind: str) -> None:
    """The error is the same, though texts are sorted by length, and each row belongs to its example."""
    trained = opened(make_run(kind=kind))
    agent, env = reading_run(trained)
    options = trained.experiment.evaluate
    found = survey_texts(agent, env, list(range(env.examples)), options)
    scores = measure_scores(agent, trained.env, options)
    numbers = torch.arange(env.examples)
    env.reset(numbers, evaluation_keys(env, options))
    assert found.true.tolist() == pytest.approx(env.label.tolist())
    if kind == "one":
        assert 100 * found.wrong.mean() == pytest.approx(scores.greedy.error)
    else:
        assert (found.miss**2).mean() == pytest.approx(scores.greedy.figures["squared_error"])
    for number in range(env.examples):
        one = read_example(trained.folder.path, number)
        assert found.given[number] == pytest.approx(one.answered if one.score is None else one.score)
        assert found.length[number] == sum(len(text.words) for text in one.texts)
