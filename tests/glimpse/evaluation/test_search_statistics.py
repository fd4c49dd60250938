"""Tests of what evaluations say of searches in documents."""

import torch

from glimpse.agents.text.evidence_options import EvidenceReaderOptions
from glimpse.agents.text.query_reader import make_evidence_reader
from glimpse.evaluation.scores import Scores
from glimpse.evaluation.search_statistics import describe_found, found_by_example, mean_found, what_was_found
from glimpse.evaluation.split_score import Score
from glimpse.evaluation.text_evaluator import ReadingStatistics
from glimpse.runs.rollout import play
from tests.glimpse.evaluation.test_evidence_controls import made


def test_means_are_those_of_the_episodes() -> None:
    """A control that opens the first two of gold evidence finds all; what it reads is counted for each question."""
    env = made(ranker="gold", opens=2, candidates=4, reward="evidence", cost=0.1)
    options = EvidenceReaderOptions.model_validate({"opens": "first", "sentence_width": 4, "embedding_width": 4})
    agent = make_evidence_reader(options, env.observation_space, env.action_space)
    questions = torch.arange(14)
    episode = play(env, agent, questions, questions, copies=2)
    found = mean_found([what_was_found(episode, env)])
    assert found["evidence_found"] == found["evidence_share"] == 1 and found["opened"] == 2
    assert abs(found["mean_reward"] - 0.8) < 1e-6
    words = env.lane_info()["words_read"]
    each = found_by_example(episode, env)
    assert torch.equal(each["words_read"], words[::2].float()) and "mean_reward" not in each


def test_soft_attention_reads_all_candidates() -> None:
    """It opens none, but what it reads is counted: here four sentences of a question, as far as they are shown."""
    env = made(candidates=4, preview=6)
    options = EvidenceReaderOptions.model_validate({"opens": "soft", "sentence_width": 4, "embedding_width": 4})
    agent, questions = make_evidence_reader(options, env.observation_space, env.action_space), torch.arange(3)
    statistics = ReadingStatistics(agent, env)
    episode = play(env, agent, questions, questions)
    statistics.add(episode, questions)
    found = statistics.summary(True)["search"]
    assert found["opened"] == 4 and not env.lane_info()["opened"].any()
    assert found["words_read"] == (episode.observation["candidates"] > 0).sum() / 3 > 4


def test_what_is_found_is_averaged_over_questions_with_evidence() -> None:
    """Unmarked questions are no failures; how many are marked is told, and nothing is told of none."""
    on = torch.tensor([1.0, 0.0, 1.0, 1.0])
    half = {
        "mean_reward": on,
        "evidence_found": torch.tensor([1.0, 0.0, 0.0, 0.0]),
        "evidence_share": torch.tensor([1.0, 0.0, 0.5, 0.0]),
        "opened": torch.tensor([1.0, 2.0, 3.0, 4.0]),
        "words_read": on,
        "evidence_marked": torch.tensor([1.0, 0.0, 1.0, 0.0]),
    }
    found = mean_found([half])
    assert (found["evidence_found"], found["evidence_share"], found["evidence_marked"]) == (0.5, 0.75, 0.5)
    assert found["opened"] == 2.5 and found["mean_reward"] == 0.75
    none = mean_found([{**half, "evidence_marked": torch.zeros(4)}])
    assert none["evidence_marked"] == 0 and not {"evidence_found", "evidence_share"} & none.keys()
    score = Score(0.0, 0.0, 0.0, 4, [])
    texts = [describe_found(Scores(score, score, score, 1, 1.0, search=means))[0] for means in (found, none)]
    assert texts == [
        "evidence complete for 50.0 % of the 50.0 % of questions that have any",
        "evidence known for no question",
    ]


def test_nothing_is_found_where_nothing_is_searched() -> None:
    """Other environments tell nothing."""
    env = made()
    questions = torch.arange(2)
    options = EvidenceReaderOptions.model_validate({"opens": "none", "sentence_width": 4, "embedding_width": 4})
    agent = make_evidence_reader(options, env.observation_space, env.action_space)
    episode = play(env, agent, questions, questions)
    assert what_was_found(episode, object()) == {} and mean_found([]) == {}  # type: ignore[arg-type]
