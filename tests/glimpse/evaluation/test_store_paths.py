"""Tests of paths through a store: what was offered, opened and answered, step by step."""

import pytest
import torch

from glimpse.envs.documents.facts import EXAMPLES, Facts
from glimpse.envs.documents.options import FactsOptions
from glimpse.evaluation.scores import evaluation_keys
from glimpse.evaluation.store_paths import store_paths
from glimpse.reporting.text.path_html import path_figure
from glimpse.runs.rollout import play
from tests.glimpse.evaluation.test_evidence_controls import made
from tests.glimpse.evaluation.test_search_curve import OPTIONS, answers_later, reader


@pytest.mark.parametrize("point", ["choose", "query"])
def test_paths_are_greedy_episodes(point: str) -> None:
    """What a path opens, and what it answers, is what a greedy episode does; probabilities and cosines are in order."""
    env = made(opens=3, candidates=5, point=point)
    agent = reader(env)
    answers_later(agent, -0.6)
    examples = torch.arange(14)
    episode = play(env, agent, examples, evaluation_keys(env, OPTIONS), greedy=True)
    opened = [
        [env.sentence(lane, number) for number in row if number >= 0] for lane, row in enumerate(env.opened.tolist())
    ]
    found, belief = env.lane_info()["evidence_found"].tolist(), episode.belief[-1]
    paths = store_paths(agent, env, OPTIONS, range(14), offered=4)
    assert [[one.sentence for one in path.opened] for path in paths] == opened and any(map(len, opened))
    assert [path.complete for path in paths] == found
    for lane, path in enumerate(paths):
        assert torch.allclose(torch.from_numpy(path.belief), belief[lane], atol=1e-6)
        assert (
            path.label == int(episode.label[lane])
            and path.weights == {"choose": "probability", "query": "cosine"}[point]
            and path.marked
        )
        assert path.right == (path.answered == path.label and path.complete)
        assert len(path.steps) == len(path.opened) + 1 and len(path.steps[0].offered) == 4
        for step in path.steps:
            weights = [one.weight for one in step.offered]
            assert weights == sorted(weights, reverse=True) and 0 <= step.answers <= 1
            if point == "choose" and step.offered:
                assert sum(weights) + step.answers <= 1 + 1e-5 and step.left_out in (0, 1)
        last = path.steps[-1]
        assert not any(one.opened for one in last.offered)
        if len(path.opened) == 3:  # No more may be opened, so that none is offered.
            assert last.offered == () and last.left_out == 0 and last.answers == 1
    assert any(len(path.opened) == 3 for path in paths)
    marked = {one.sentence.text for path in paths for step in path.steps for one in step.offered if one.marked}
    assert 0 < len(marked) < 16


def test_soft_attention_has_a_path_of_weights() -> None:
    """It opens nothing; its candidates stand with their weights, the heaviest first, and all weights add up to 1."""
    env = made(candidates=5)
    paths = store_paths(reader(env, opens="soft"), env, OPTIONS, range(14), offered=5)
    for path in paths:
        weights = [one.weight for one in path.attended]
        assert path.weights == "attention" and not path.opened and len(path.steps) == 1
        assert weights == sorted(weights, reverse=True) and sum(weights) == pytest.approx(1, abs=1e-5)
        assert min(weights) > 0 and len({one.sentence for one in path.attended}) == 5
    assert "weight of soft attention" in str(path_figure(paths[0], env.classes))
    assert all(not path.attended for path in store_paths(reader(env), env, OPTIONS, range(2)))


def test_facts_have_their_words_and_no_file() -> None:
    """Sentences beside the store are as long as their facts; those of the store as they are written."""
    options = FactsOptions.model_validate(
        {"name": "facts", "words": 500, "vectors": "none", "candidates": 6, "opens": 2}
    )
    env = Facts(options, Facts.load_data(options, "validation"))
    agent = reader(env)  # type: ignore[arg-type]
    paths = store_paths(agent, env, OPTIONS, [0, EXAMPLES["validation"] - 1], offered=6)
    sentences = env.candidates
    lengths = env.sentence_lengths(sentences)
    for lane, number, length in zip(
        torch.arange(2).repeat_interleave(6).tolist(),
        sentences.flatten().tolist(),
        lengths.flatten().tolist(),
        strict=True,
    ):
        if number >= 0:
            assert len(env.sentence(lane, number).text.split()) == length
        else:
            assert length == 0
    beside = [one for path in paths for step in path.steps for one in step.offered if not one.sentence.file]
    assert any(one.marked for one in beside) and all(one.sentence.line == 0 for one in beside)
