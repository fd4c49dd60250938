"""Tests of what the options of agents say about them."""

from pkgutil import resolve_name
from types import SimpleNamespace

import pytest

from glimpse.agents import AGENTS, ability_questions
from glimpse.agents.ability_questions import pooling_kind, trains_every_answer, trains_last_answer_only
from glimpse.agents.text.options import ReaderOptions
from glimpse.config.files import load_experiment


@pytest.mark.parametrize(
    ("config", "kind"),
    [("sst2-gru", "max"), ("sst2-mean", "mean"), ("sst2-structured", "structured"), ("sst2-disan", None)],
)
def test_the_pooling_is_named(config: str, kind: str | None) -> None:
    """The pooling of an encoder that has such an option is known by its kind."""
    assert pooling_kind(load_experiment(config, []).agent) == kind


def test_agents_without_words_have_no_pooling() -> None:
    """An agent that looks at images, and what is no agent's options, have none."""
    assert pooling_kind(load_experiment("digits-ram", []).agent) is None and pooling_kind(object()) is None


@pytest.mark.parametrize(
    ("config", "last"), [(["digits-ram"], True), (["digits-ram", "agent.classification=every_step"], False)]
)
def test_whether_only_the_last_answer_is_trained(config: list[str], last: bool) -> None:
    """`classification` decides it for agents that answer after each glimpse; others have no answers before the last."""
    assert trains_last_answer_only(load_experiment(config[0], config[1:]).agent) is last
    assert not trains_last_answer_only(load_experiment("sst2-gru", []).agent)


@pytest.mark.parametrize("agent", AGENTS)
def test_whether_every_answer_is_trained(agent: str) -> None:
    """Agents say so by `classification`; of those without the option one always does, and others never do."""
    options = resolve_name(AGENTS[agent].options)
    has_option = "classification" in options.model_fields
    for classification in ("final", "every_step"):
        given = options.model_construct(**({"classification": classification} if has_option else {}))
        every = classification == "every_step" if has_option else agent == "anytime"
        assert trains_every_answer(given) is every


def test_some_agents_train_every_answer_and_others_cannot() -> None:
    """The option exists where an agent answers after each glimpse."""
    having = {name for name, row in AGENTS.items() if "classification" in resolve_name(row.options).model_fields}
    assert {"ram", "random"} <= having and not {"sb3-ppo", "dram", "player", "reader"} & having


@pytest.mark.parametrize(
    ("config", "overrides", "featured"),
    [
        ("sst2-transformer", [], False),
        ("sst2-transformer", ["agent.encoder.attention=token2token"], True),
        ("sst2-disan", [], False),
        ("sst2-gru", [], False),
    ],
)
def test_whether_pairs_of_tokens_have_features(config: str, overrides: list[str], featured: bool) -> None:
    """Of encoders that return pairs of tokens, only a Transformer with token2token has a weight for each feature."""
    options = load_experiment(config, overrides).agent
    assert isinstance(options, ReaderOptions) and options.pairs_have_features is featured


@pytest.mark.parametrize("ability", ability_questions._MEMBERS)
def test_the_quick_question_for_an_ability_is_isinstance(ability: type) -> None:
    """An object has an ability if it has all members of the protocol, and not if one of them is missing."""
    names = ability_questions._MEMBERS[ability]
    able = SimpleNamespace(**dict.fromkeys(names, 1))
    assert names and isinstance(able, ability) and ability_questions._is_able(able, ability)
    for name in names:
        unable = SimpleNamespace(**{other: 1 for other in names if other != name})
        assert not isinstance(unable, ability) and not ability_questions._is_able(unable, ability)
