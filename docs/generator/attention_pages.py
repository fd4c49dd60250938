"""Parts of the pages on attention that are made from the registry: config lines, pictures of weights, options."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch

from docs.generator.attention_pictures import mask_picture, read_mask, weights_picture
from docs.generator.markdown_text import code, plain, table
from docs.generator.option_tables import options_page
from docs.generator.page_links import MASKS, NORMALISERS, link_of_part
from docs.generator.written_pages import complete_page
from glimpse.agents.attention import ATTENTION, AttentionEntry
from glimpse.agents.attention.normalisers import make_normaliser
from glimpse.reporting.text.drawn_masks import SHIPPED

ROLES = {
    "query": "a score of a given query and each token: in poolings of encoders, and in decoders of translators",
    "self": "self-attention between the tokens of a text",
    "incremental": "self-attention of a Transformer that translates, token after token",
    "pooling": "pooling of a text's tokens to one vector",
    "hops": "pooling of a text's tokens to several vectors",
}
CONFIG_LINES = {
    "query": ("multi30k-luong-general", "agent.attention={}"),
    "self": ("trec-transformer", "agent.encoder.attention={}"),
    "incremental": ("multi30k-transformer", "agent.attention={}"),
    "pooling": ("trec-lstm", "agent.encoder.pooling={}"),
    "hops": ("trec-lstm", "agent.encoder.pooling={}"),
}
"""A config for each role, and the key that swaps the mechanism."""
SECTIONS: dict[str, str] = {"sparse": "{kind: sparse, pattern: {kind: window, width: 2}}"}
"""Sections of mechanisms with options that must be given; a bare name stands for any other."""


def complete_attention_pages(folder: Path) -> None:
    """Complete the page of each mechanism of the registry, and those of normalisers and masks, with pictures."""
    rows = []
    for name, entry in ATTENTION.items():
        (folder / f"{name}.svg").write_bytes(weights_picture(name, options_of(name, entry)))
        complete_page(folder, name, plain(entry.summary), mechanism_facts(name, entry))
        rows.append([f"[{code(name)}]({name}.md)", plain(entry.summary), ", ".join(map(code, entry.roles))])
    (folder / "mechanisms.txt").write_text(table(["kind", "what it is", "roles"], rows), encoding="utf-8")
    complete_page(folder, "masks", "", _masks(folder))
    complete_page(folder, "normalisers", "", _normalisers())


def options_of(name: str, entry: AttentionEntry) -> Any:
    """Return a mechanism's options: the defaults, with what must be given."""
    model = resolve_name(entry.options)
    given = {"pattern": {"kind": "window", "width": 2}} if name == "sparse" else {}
    return model.model_validate({"kind": name, **given})


def command(name: str, role: str) -> list[str]:
    """Return the words of a command that trains with a mechanism in a role."""
    config, key = CONFIG_LINES[role]
    return ["glimpse", "train", config, key.format(SECTIONS.get(name, name))]


def mechanism_facts(name: str, entry: AttentionEntry) -> str:
    """Return the sections on a mechanism's weights, config and options."""
    lines = [
        "## Weights\n",
        f"![Weights of {name} attention between the tokens of a sentence]({name}.svg)\n",
        "Weights of the mechanism before training (seed 0): a row reads the columns; the darker, the larger the "
        "weight. Equal words have equal vectors but for their positions.\n",
        "## Config\n",
    ]
    for role in entry.roles:
        words = " ".join(f'"{word}"' if "{" in word else word for word in command(name, role))
        lines.append(f"As {ROLES[role]}:\n\n```sh\n{words}\n```\n")
    lines += ["## Options\n", options_page(resolve_name(entry.options), {"kind": name}, link_of_part)]
    return "\n".join(lines)


def _masks(folder: Path) -> str:
    """Return a section for each kind of mask, with a picture of an example."""
    lines: list[str] = []
    examples = {mask.kind: (written, mask) for written, mask in ((each, read_mask(each)) for each in SHIPPED)}
    for model in MASKS.values():
        kind = model.model_fields["kind"].default
        example, mask = examples[kind]
        (folder / f"mask-{kind}.svg").write_bytes(mask_picture(mask))
        lines += [f"## {code(kind)}\n", plain(model.__doc__ or "") + "\n"]
        lines += [f"![The mask {example} over eight tokens](mask-{kind}.svg)\n", f"```yaml\n{example}\n```\n"]
        lines.append(options_page(model, {}, link_of_part))
    return "\n".join(lines)


def _normalisers() -> str:
    """Return a section for each normaliser, with the weights that it gives to five scores."""
    scores = torch.tensor([2.0, 1.5, 1.0, 0.0, -1.0])
    lines = []
    for model in NORMALISERS.values():
        options = model() if model.model_fields["kind"].default != "topk" else model(k=2)
        kind = options.kind
        weights = make_normaliser(options)(scores[None, None], None)[0, 0].tolist()
        lines += [f"## {code(kind)}\n", plain(model.__doc__ or "") + "\n"]
        cells = [f"{weight:.3f}" for weight in weights]
        lines.append(table([f"score {score:g}" for score in scores.tolist()], [cells]))
        if kind == "topk":
            lines.append("(here with `k: 2`)\n")
        lines.append(options_page(model, {}, link_of_part))
    return "\n".join(lines)
