"""Tests of the evidence reader: what it and its controls open, what each loss trains, and that it learns to find."""

from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F

from glimpse.agents.episode import Episode
from glimpse.agents.policy_gradient import gaussian_log_prob
from glimpse.agents.text.evidence_options import EvidenceReaderOptions
from glimpse.agents.text.evidence_reader import EvidenceReader
from glimpse.agents.text.query_reader import make_evidence_reader
from glimpse.agents.update_losses import losses
from glimpse.config.files import load_experiment
from glimpse.envs.documents.document_env import DocumentEnv
from glimpse.envs.documents.facts import Facts
from glimpse.envs.documents.options import FactsOptions
from glimpse.envs.lane_random import mix
from glimpse.errors import UserError
from glimpse.runs import rollout
from glimpse.runs.rollout import play

SIZES = {
    "embedding_width": 32,
    "sentence_width": 16,
    "feature_width": 64,
    "memory_width": 64,
    "attention_width": 32,
}


def make(agent: dict[str, Any], **task: Any) -> tuple[EvidenceReader, DocumentEnv]:
    """Return a small agent and the environment of one fact in 500 generated words."""
    given = {"name": "facts", "facts": 1, "words": 500, "vectors": "none", "candidates": 8, "opens": 2, "expand": 0}
    given |= {"max_question": 16, "max_words": 16, "preview": 16, "min_count": 1, **task}
    options = FactsOptions.model_validate(given)
    env = Facts(options, Facts.load_data(options, "train"))
    torch.manual_seed(0)
    checked = EvidenceReaderOptions.model_validate({**SIZES, **agent})
    return make_evidence_reader(checked, env.observation_space, env.action_space, **env.agent_inputs()), env


def play_some(agent: EvidenceReader, env: DocumentEnv, seed: int = 0, count: int = 32, **more: Any) -> Episode:
    """Play episodes on examples that are drawn."""
    key = mix(torch.arange(count), seed)
    return play(env, agent, env.draw_example(key), key, record=True, **more)


def train(agent: EvidenceReader, env: DocumentEnv, steps: int, copies: int = 4) -> None:
    """Train for some steps."""
    groups = [{"params": part, "lr": 5e-3 * scale} for part, scale in agent.learning_rates()]
    optimiser = torch.optim.Adam(groups)
    for step in range(steps):
        agent.set_progress(step / steps)
        for loss in losses(agent, play_some(agent, env, step, copies=copies)):
            optimiser.zero_grad()
            loss.total.backward()
            torch.nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
            optimiser.step()


def found(agent: EvidenceReader, env: DocumentEnv) -> tuple[float, float]:
    """Return the share of new questions whose fact is found by sampling, and how many sentences are opened."""
    play_some(agent, env, 1_000_000, 200)
    info = env.lane_info()
    return info["evidence_found"].float().mean().item(), info["opened"].float().mean().item()


def test_it_learns_what_to_open_and_when_to_stop_by_reinforce() -> None:
    """With a reward for evidence alone, the fact is found, and not much else is opened."""
    agent, env = make({"baseline": "leave_one_out", "embedding_lr_scale": 5}, reward="evidence", cost=0.1)
    assert found(agent, env)[0] < 0.5
    train(agent, env, 45)
    share, opened = found(agent, env)
    assert share > 0.85 and opened < 1.8


def test_a_ranker_prior_adds_the_standardised_score() -> None:
    """A larger prior finds more before learning, and a candidate's logit is higher by prior times standard score."""
    plain, env = make({})
    prior, _ = make({"ranker_prior": 3})
    assert found(prior, env)[0] > found(plain, env)[0] + 0.2
    seen = env.reset(torch.arange(4), torch.arange(4))
    with torch.no_grad():
        more = (network(seen, prior) - network(seen, plain))[:, 1:]
    there = seen["legal"][:, 1:].bool()
    for row, real in enumerate(there):
        score = seen["scores"][row][real]
        expected = 3 * (score - score.mean()) / (score.std(correction=0) + 1e-3)
        torch.testing.assert_close(more[row][real], expected, atol=1e-4, rtol=1e-4)


def network(seen: dict[str, torch.Tensor], agent: EvidenceReader) -> torch.Tensor:
    """Return the logits (B, K + 1) of a first step."""
    decision, _ = agent(seen, agent.initial_memory(seen))
    return cast(torch.Tensor, decision.move_logits)


@pytest.mark.parametrize("of", ["evidence", "ranker"])
def test_imitation_replaces_the_policy_gradient(of: str) -> None:
    """A teacher is followed where the reward says nothing; the ranker's opens as much as it may."""
    agent, env = make({"imitation": {"of": of, "until": 1.0}, "policy_weight": 0}, cost=0.0)
    assert found(agent, env)[0] < 0.5
    train(agent, env, 35, copies=1)
    share, opened = found(agent, env)
    assert share > 0.85 and (opened > 1.9 if of == "ranker" else opened < 1.5)


def test_the_imitation_ends() -> None:
    """After its share of training the loss is that of an agent without a teacher."""
    taught, env = make({"imitation": {"until": 0.5}})
    alone, _ = make({})
    alone.load_state_dict(taught.state_dict())
    episode = play_some(taught, env)
    assert episode.teaching["right"].shape == (3, 32, 9) and not play_some(alone, env).teaching
    totals = {}
    for progress in (0.4, 0.5):
        taught.set_progress(progress)
        totals[progress] = taught.loss(episode).total.item() - alone.loss(episode).total.item()
    assert totals[0.5] == pytest.approx(0, abs=1e-6) and abs(totals[0.4]) > 0.01


def test_the_teacher_opens_missing_evidence_and_answers_when_it_is_complete() -> None:
    """Of a question with one needed fact exactly one candidate is right, and after it only the answer."""
    _, env = make({})
    env.reset(torch.arange(8), torch.arange(8))
    right = env.teaching()["right"]
    needed = env.evidence[:, 0, :1]
    assert torch.equal(right[:, 1:], env.candidates == needed) and right.sum(1).eq(1).all()
    step = {"open": right.long().argmax(1), "answer": torch.zeros(8, dtype=torch.int64)}
    env.step(step)
    assert env.teaching()["right"][:, 0].all() and not env.teaching()["right"][:, 1:].any()


@pytest.mark.parametrize("point", ["choose", "query"])
def test_only_legal_actions_are_taken(point: str) -> None:
    """The policy never samples what the mask forbids, such as a third sentence of two."""
    agent, env = make({}, point=point)
    episode = play_some(agent, env)
    chosen = episode.observation["legal"].gather(-1, episode.action["open"].unsqueeze(-1)).squeeze(-1)
    assert (chosen.bool() | ~episode.step_mask).all() and episode.ended is not None and episode.ended.all()
    assert (episode.action["open"] > 0).any() and not (episode.action["open"][2] > 0)[episode.step_mask[2]].any()


def test_controls_open_what_they_say() -> None:
    """The first candidates in order, none, or any; and soft attention reads the candidates without opening."""
    for opens, count in {"first": 2, "random": 2, "none": 0, "soft": 0}.items():
        agent, env = make({"opens": opens})
        episode = play_some(agent, env)
        assert env.lane_info()["opened"].eq(count).all()
        if opens == "first":
            assert episode.action["open"][:2].eq(1).all()
        if opens == "random":
            assert len(episode.action["open"][0].unique()) > 3
        changed = {**episode.observation, "candidates": episode.observation["candidates"].flip(1)}
        first, other = ({name: part[0] for name, part in seen.items()} for seen in (episode.observation, changed))
        answers = [agent.eval()(seen, agent.initial_memory(seen))[0].answer for seen in (first, other)]
        assert torch.equal(*answers) == (opens != "soft")


@pytest.mark.parametrize("opens", ["first", "random", "none", "soft"])
def test_a_control_is_rewarded_for_answers_alone(opens: str) -> None:
    """What it opens is not learned, so that a reward for evidence, or a teacher, would do nothing."""
    told = "learns from answers alone: use task.reward=answer agent.imitation.until=0"
    for config, more in (("evidence-fever-none", "task.reward=evidence"), ("facts-two", "agent.imitation.until=0.1")):
        with pytest.raises(UserError, match=f"agent.opens: '{opens}' {told}"):
            load_experiment(config, [f"agent.opens={opens}", more])
        load_experiment(config, [f"agent.opens={opens}"])


@pytest.mark.parametrize("opens", ["first", "none", "soft"])
def test_a_control_learns_from_what_its_rollout_does_not_read(opens: str) -> None:
    """In training a control only opens, and the loss reads; its answers then are those of the evaluation."""
    agent, env = make({"opens": opens})
    episode = play_some(agent, env)
    assert not episode.answer.any()
    taught = agent.loss(episode).terms["cross_entropy"]
    answered = play_some(agent.eval(), env)
    assert torch.equal(answered.action["open"], episode.action["open"]) and answered.answer.any()
    error = F.cross_entropy(answered.answer[len(answered.reward) - 1], answered.label)
    assert taught.item() == pytest.approx(error.item(), abs=1e-5)


def test_episodes_that_are_over_are_left_out_of_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that go on are played as they are beside all others, and so is their loss."""
    agent, env = make({}, candidates=2, opens=6, reward="evidence", cost=0.1)
    some = play_some(agent, env)
    monkeypatch.setattr(rollout, "_MANY", 1e9)
    every = play_some(agent, env)
    # Nothing is answered where an episode is over, unless so few are that all lanes are played.
    assert not some.answer[~some.step_mask].any(-1).all() and every.answer[~every.step_mask].any(-1).all()
    lanes = some.step_mask.sum(1)
    assert lanes[0] == 32 and lanes[-1] < 16 and torch.equal(some.step_mask, every.step_mask)
    assert torch.equal(some.action["open"][some.step_mask], every.action["open"][some.step_mask])
    torch.testing.assert_close(some.answer[some.step_mask], every.answer[some.step_mask])
    torch.testing.assert_close(next(losses(agent, some)).total, next(losses(agent, every)).total)


def test_queries_are_sampled_around_their_mean() -> None:
    """Greedy queries are the mean, of length 1; samples differ from it by sigma, and their density is known."""
    agent, env = make({"sigma": 0.25}, point="query")
    greedy = play_some(agent, env, greedy=True)
    mean = greedy.activations["query"]
    assert torch.equal(greedy.action["query"], mean)
    length = mean[greedy.step_mask].norm(dim=-1)
    assert torch.allclose(length, torch.ones_like(length))
    sampled = play_some(agent, env)
    distance = sampled.action["query"] - sampled.activations["query"]
    assert distance[sampled.step_mask].std().item() == pytest.approx(0.25, rel=0.05)
    assert not torch.equal(distance[0], distance[1])
    policy = agent.replay_policy(sampled.activations["hidden"], sampled)
    chosen = policy.logits.gather(-1, sampled.action["open"].unsqueeze(-1)).squeeze(-1)
    density = torch.distributions.Normal(sampled.activations["query"], 0.25).log_prob(sampled.action["query"]).sum(-1)
    expected = chosen + torch.where(sampled.action["open"] > 0, density, 0.0)
    taken = sampled.step_mask
    assert torch.allclose(policy.log_prob[taken], expected[taken], atol=1e-3)


def test_a_density_in_three_dimensions() -> None:
    """The Gaussian's constants follow its width."""
    mean, point = torch.zeros(3), torch.tensor([0.1, -0.2, 0.3])
    expected = torch.distributions.Normal(mean, 0.5).log_prob(point).sum()
    assert torch.allclose(gaussian_log_prob(point, mean, 0.5), expected)


def test_ppo_makes_several_updates_that_begin_as_reinforce() -> None:
    """The ratio of the first update is 1, so that its loss is minus the mean advantage."""
    agent, env = make({"update": "ppo", "epochs": 3, "baseline": "none"}, reward="evidence")
    episode = play_some(agent, env)
    found = list(agent.updates(episode))
    returns = episode.reward.flip(0).cumsum(0).flip(0)
    mean = (returns * episode.step_mask).sum() / episode.step_mask.sum()
    assert len(found) == 3 and found[0].terms["policy_loss"].item() == pytest.approx(-mean.item(), abs=1e-5)


def test_options_that_do_not_fit_are_refused() -> None:
    """Controls over candidates need candidates; a probability needs a reward for the answer."""
    task = cast(Any, FactsOptions.model_validate({"name": "facts", "point": "query"}))
    with pytest.raises(ValueError, match="task.point"):
        EvidenceReaderOptions.model_validate({"opens": "first"}).check_task(task)
    rewarded = cast(Any, FactsOptions.model_validate({"name": "facts", "reward": "both"}))
    probability = EvidenceReaderOptions.model_validate({"policy_reward": "probability"})
    with pytest.raises(ValueError, match="task.reward"):
        probability.check_task(rewarded)
    probability.check_task(FactsOptions.model_validate({"name": "facts"}))
