"""Every kind of the registry reaches all encoders and decoders of its roles, and so does a third party's."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from glimpse.agents.attention import ATTENTION, AttentionEntry
from glimpse.agents.attention.unions import (
    AttentionOptions,
    DecoderAttentionOptions,
    ScoreOptions,
    SelfAttentionOptions,
    options_of_roles,
)
from glimpse.agents.encoders.options import OneVectorPoolingOptions, PoolingOptions, StatePoolingOptions
from glimpse.agents.translation.options import LuongAttentionOptions
from tests import forked


def kinds(union: Any) -> set[str]:
    """Return the kinds that a section may be."""
    defined = TypeAdapter[Any](union).json_schema()["discriminator"]["mapping"]
    return set(defined)


def of_role(*roles: str) -> set[str]:
    """Return the kinds of the registry that have one of the roles."""
    return {kind for kind, entry in ATTENTION.items() if not set(roles).isdisjoint(entry.roles)}


@pytest.mark.parametrize(
    ("union", "roles", "others"),
    [
        (ScoreOptions, ["query"], set()),
        (SelfAttentionOptions, ["self"], set()),
        (DecoderAttentionOptions, ["incremental"], set()),
        (AttentionOptions, ["query", "self", "incremental", "pooling", "hops"], set()),
        (LuongAttentionOptions, ["query"], {"hard"}),
        (PoolingOptions, ["pooling", "hops"], {"max", "mean", "attention"}),
        (StatePoolingOptions, ["pooling", "hops"], {"max", "mean", "last", "attention"}),
        (OneVectorPoolingOptions, ["pooling"], {"max", "mean", "attention"}),
    ],
    ids=["score", "self", "decoder", "all", "luong", "pooling", "state pooling", "one vector"],
)
def test_a_section_can_be_each_kind_of_its_role(union: Any, roles: list[str], others: set[str]) -> None:
    """Each union has the kinds of its roles, and the poolings that are no attention."""
    assert kinds(union) == of_role(*roles) | others


@pytest.mark.parametrize("kind", ATTENTION)
def test_an_entry_names_what_exists(kind: str) -> None:
    """Each entry has options of its kind, a factory, known roles and a summary."""
    entry = ATTENTION[kind]
    assert kind in get_args(resolve_name(entry.options).model_fields["kind"].annotation)
    assert callable(resolve_name(entry.factory))
    assert entry.roles and set(entry.roles) <= {"query", "self", "incremental", "pooling", "hops"}
    assert entry.summary


def test_options_of_another_kind_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options whose `kind` does not name the entry could not be chosen in a config."""
    dot = ATTENTION["dot"]
    monkeypatch.setitem(ATTENTION, "cosine", AttentionEntry(dot.options, dot.factory, ("query",), "Cosine"))
    with pytest.raises(TypeError, match="attention 'cosine': the field `kind` of .*DotOptions should be a Literal"):
        options_of_roles("query")


COSINE = '''
from typing import Literal

import torch.nn.functional as F
from glimpse.agents.attention.options import MechanismOptions
from torch import nn


class CosineOptions(MechanismOptions):
    """The cosine of the angle between the mapped query and the key, times a scale."""

    kind: Literal["cosine"] = "cosine"
    scale: float = 4.0


class CosineScore(nn.Module):
    """Scores (B, n_q, n_k)."""

    def __init__(self, width, key_width, scale):
        super().__init__()
        self.map, self.scale = nn.Linear(width, key_width), scale

    def forward(self, query, key):
        return self.scale * F.normalize(self.map(query), dim=-1) @ F.normalize(key, dim=-1).transpose(1, 2)


def make_cosine(options, width, key_width, layer):
    from glimpse.agents.attention.global_attention import GlobalAttention

    return GlobalAttention(CosineScore(width, key_width, options.scale), options.normaliser)
'''

USE = """
from glimpse.agents.attention import ATTENTION, AttentionEntry

ATTENTION["cosine"] = AttentionEntry("cosine:CosineOptions", "cosine:make_cosine", ("query", "self"), "Cosine")

import torch
from gymnasium import spaces
from pydantic import TypeAdapter

from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.encoders.options import EncoderOptions, HierarchicalEncoderOptions
from glimpse.agents.episode import Batch
from glimpse.agents.translation.bahdanau import Bahdanau
from glimpse.agents.translation.luong import Seq2Seq
from glimpse.agents.translation.options import BahdanauOptions, LuongOptions


def scores_of(module):
    return sum(type(part).__name__ == "CosineScore" for part in module.modules())


pooling = {"kind": "attention", "score": {"kind": "cosine", "scale": 2.0}}
real = torch.ones(2, 5, dtype=torch.bool)
written = [
    {"kind": "gru", "width": 4, "pooling": pooling},
    {"kind": "lstm", "width": 4, "pooling": pooling},
    {"kind": "transformer", "width": 8, "pooling": pooling},
    {"kind": "transformer", "width": 8, "attention": "cosine"},
]
for section in written:
    encoder = make_encoder(TypeAdapter(EncoderOptions).validate_python(section), 6)
    assert scores_of(encoder), section
    assert encoder(torch.randn(2, 5, 6), real).vector.isfinite().all()
levels = {"words": {"pooling": pooling}, "sentences": {"pooling": pooling}}
hierarchical = make_encoder(HierarchicalEncoderOptions.model_validate(levels), 6)
assert scores_of(hierarchical) == 2
assert hierarchical(torch.randn(2, 3, 4, 6), torch.ones(2, 3, 4, dtype=torch.bool)).vector.isfinite().all()
"""

TRANSLATE = """
tokens = torch.randint(4, 12, (2, 6))
observed = spaces.Dict({"source": spaces.Box(0, 11, (6,), int)})
asked = spaces.Dict({"target": spaces.MultiDiscrete([12] * 6)})
bahdanau = BahdanauOptions(width=8, embedding_width=8, output_width=8, attention={"kind": "cosine"})
luong = LuongOptions(width=8, attention="cosine")
for factory, options in ((Bahdanau, bahdanau), (Seq2Seq, luong)):
    agent = factory(options, observed, asked)
    assert scores_of(agent) == 1
    loss = agent.loss(Batch({"source": tokens}, tokens)).total
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in agent.decoder.attention.parameters())
"""


def test_a_third_partys_score_reaches_every_encoder_and_decoder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A cosine score can be used by poolings, the Transformer's self-attention, Bahdanau and Luong."""
    (tmp_path / "cosine.py").write_text(COSINE)
    (tmp_path / "use.py").write_text(USE + TRANSLATE)
    assert forked.run_script(tmp_path / "use.py") == 0, capfd.readouterr().err
