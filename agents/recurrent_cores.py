"""Registry of recurrent cores, by name; it needs no torch, so that options can take their names from it.

Adding one: its classes and an entry here; or, from another package, an entry point of the group
`glimpse.recurrent_cores` that names a `RecurrentCoreEntry`. All agents and encoders with recurrent cores can then have
it.

A core has up to two forms. The step core reads one feature at a time, as an agent that acts step by step needs it. The
sequence network reads a whole text at once, as an encoder needs it.
"""

from dataclasses import dataclass

from glimpse.agents.entry_points import add_entry_points


@dataclass(frozen=True)
class RecurrentCoreEntry:
    """A named recurrent core.

    step: its step core, as `module:class`: a `glimpse.agents.recurrent_core.RecurrentCore`, made from the widths of
        features and memory.
    sequence: its sequence network, as `module:class`, made and called as `torch.nn.LSTM` is; None where it has none.
    summary: what it is, in a line.
    """

    step: str
    sequence: str | None
    summary: str


RECURRENT_CORES: dict[str, RecurrentCoreEntry] = {
    "rnn": RecurrentCoreEntry("glimpse.agents.step_cores:ReluCore", None, "ReLU RNN (Mnih et al., 2014)"),
    "lstm": RecurrentCoreEntry("glimpse.agents.step_cores:LstmCore", "torch.nn:LSTM", "Long short-term memory"),
    "gru": RecurrentCoreEntry("glimpse.agents.step_cores:GruCore", "torch.nn:GRU", "Gated recurrent unit"),
    "transformer": RecurrentCoreEntry(
        "glimpse.agents.transformer_core:TransformerCore", None, "Causal Transformer over the last 24 steps"
    ),
}
add_entry_points(RECURRENT_CORES, "glimpse.recurrent_cores", RecurrentCoreEntry)
