"""Agents: recurrent attention, readers, translators, policy gradients and controls.

`AGENTS` names every agent. Adding one: a file with its module and its options, an entry here (or, from another package,
an entry point of the group `glimpse.agents` that names an `AgentEntry`), a config. See docs/extending.md.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from glimpse.agents.entry_points import add_entry_points


@dataclass(frozen=True)
class AgentEntry:
    """Entry of the registry: where an agent's code is, and which environments it fits.

    factory: `module:callable` that makes the agent from its options, the two spaces and what the environment gives it.
    options: `module:class` of its options; see `glimpse.agents.options.AgentOptions`.
    summary: what the agent is, in a line.
    kinds: kinds of environments that it fits; see `EnvironmentEntry.kind`.
    task: options that its task must have.
    labels: kinds of labels that it can answer, by the task's option `labels`.
    zooms: whether it can choose a zoom, where the task has the option `zoom`.
    points: whether it can point at a location besides its looks, where the task asks for that.
    shorter: whether it also learns from episodes of fewer steps than it acts for, as stages of a curriculum may have.
    learner: what trains it: `gradient`, this package's loop, or `sb3`, Stable-Baselines3.
    """

    factory: str
    options: str
    summary: str
    kinds: tuple[str, ...] = ("classification",)
    task: dict[str, Any] = field(default_factory=dict)
    learner: Literal["gradient", "sb3"] = "gradient"
    labels: tuple[str, ...] = ("classes",)
    zooms: bool = False
    points: bool = False
    shorter: bool = False


_ALL = ("classes", "scores", "many")
_LOOKING = ("classification", "search")
_AT_ONCE = {"view": "whole", "glimpses": 1}

AGENTS: dict[str, AgentEntry] = {
    "ram": AgentEntry(
        "glimpse.agents.vision.ram:make_ram",
        "glimpse.agents.vision.options:RamOptions",
        "RAM, recurrent attention model: learns where to look by policy gradient (Mnih et al., 2014)",
        _LOOKING,
        labels=_ALL,
    ),
    "path": AgentEntry(
        "glimpse.agents.vision.controls:make_path",
        "glimpse.agents.vision.options:PathOptions",
        "Control: one learned path for all images",
        _LOOKING,
        labels=_ALL,
    ),
    "random": AgentEntry(
        "glimpse.agents.vision.controls:make_random",
        "glimpse.agents.vision.options:RandomOptions",
        "Control: uniformly random locations",
        _LOOKING,
        labels=_ALL,
    ),
    "centre": AgentEntry(
        "glimpse.agents.vision.controls:make_centre",
        "glimpse.agents.vision.options:CentreOptions",
        "Control: always the centre",
        _LOOKING,
        labels=_ALL,
    ),
    "raster": AgentEntry(
        "glimpse.agents.vision.controls:make_raster",
        "glimpse.agents.vision.options:RasterOptions",
        "Control: a fixed scan, row by row",
        _LOOKING,
        labels=_ALL,
    ),
    "anytime": AgentEntry(
        "glimpse.agents.vision.anytime:make_anytime",
        "glimpse.agents.vision.anytime_options:AnytimeOptions",
        "Looks at a location and a scale of its choice, can answer after any look, and knows what another is worth",
        (*_LOOKING, "find"),
        labels=_ALL,
        zooms=True,
        points=True,
        shorter=True,
    ),
    "sb3-ppo": AgentEntry(
        "glimpse.agents.vision.stable_baselines3_agent:Sb3Agent",
        "glimpse.agents.vision.stable_baselines3_options:PpoOptions",
        "Stable-Baselines3's PPO, on a grid of locations, without a memory",
        (*_LOOKING, "catch", "find"),
        learner="sb3",
        zooms=True,
    ),
    "sb3-a2c": AgentEntry(
        "glimpse.agents.vision.stable_baselines3_agent:Sb3Agent",
        "glimpse.agents.vision.stable_baselines3_options:A2cOptions",
        "Stable-Baselines3's A2C, on a grid of locations, without a memory",
        (*_LOOKING, "catch", "find"),
        learner="sb3",
        zooms=True,
    ),
    "sb3-recurrent-ppo": AgentEntry(
        "glimpse.agents.vision.stable_baselines3_agent:Sb3Agent",
        "glimpse.agents.vision.stable_baselines3_options:RecurrentPpoOptions",
        "sb3-contrib's RecurrentPPO, on a grid of locations, with an LSTM",
        (*_LOOKING, "catch", "find"),
        learner="sb3",
        zooms=True,
    ),
    "player": AgentEntry(
        "glimpse.agents.vision.player:make_player",
        "glimpse.agents.vision.options:PlayerOptions",
        "Recurrent attention that looks and moves, by REINFORCE or PPO; its controls by option `locator`",
        kinds=("catch",),
    ),
    "dram": AgentEntry(
        "glimpse.agents.vision.dram:make_dram",
        "glimpse.agents.vision.options:DramOptions",
        "DRAM, deep recurrent attention: reads two targets in order, guided by a coarse picture (Ba et al., 2015)",
        kinds=("pairs",),
    ),
    "grid": AgentEntry(
        "glimpse.agents.vision.grid_attention:make_grid",
        "glimpse.agents.vision.options:GridOptions",
        "Whole image: attention over a grid of patches, soft or hard (Xu et al., 2015)",
        task={"view": "whole"},
        labels=_ALL,
    ),
    "draw": AgentEntry(
        "glimpse.agents.vision.draw:make_draw",
        "glimpse.agents.vision.options:DrawOptions",
        "Whole image: differentiable foveal reading by DRAW's Gaussian filters (Gregor et al., 2015)",
        task={"view": "whole"},
        labels=_ALL,
    ),
    "reader": AgentEntry(
        "glimpse.agents.text.reader:Reader",
        "glimpse.agents.text.options:ReaderOptions",
        "Classifies a text, or a pair: word vectors, an encoder by `encoder.kind`, and a head",
        kinds=("text",),
        labels=_ALL,
    ),
    "top-k-reader": AgentEntry(
        "glimpse.agents.text.top_k_reader:TopKReader",
        "glimpse.agents.text.options:TopKReaderOptions",
        "Reader that answers from the tokens with the most soft attention only",
        kinds=("text",),
        labels=_ALL,
    ),
    "resan": AgentEntry(
        "glimpse.agents.text.resan:Resan",
        "glimpse.agents.text.options:ResanOptions",
        "ReSAN: soft attention among tokens that are selected by policy gradient (Shen et al., 2018)",
        kinds=("text",),
        labels=_ALL,
    ),
    "rationale": AgentEntry(
        "glimpse.agents.text.rationale:Rationale",
        "glimpse.agents.text.options:RationaleOptions",
        "Selects tokens of a text and answers from these only; by REINFORCE and others (Lei et al., 2016)",
        kinds=("text",),
        labels=_ALL,
    ),
    "skimmer": AgentEntry(
        "glimpse.agents.text.skimmer:Skimmer",
        "glimpse.agents.text.options:SkimmerOptions",
        "Skims a text: reads a few tokens, jumps, stops and answers, by policy gradient (Yu et al., 2017)",
        kinds=("skim",),
    ),
    "evidence-reader": AgentEntry(
        "glimpse.agents.text.query_reader:make_evidence_reader",
        "glimpse.agents.text.evidence_options:EvidenceReaderOptions",
        "Searches documents: opens sentences, one at a time, and answers, by policy gradient; controls by `opens`",
        kinds=("evidence",),
    ),
    "token-selector": AgentEntry(
        "glimpse.agents.text.token_selector:TokenSelector",
        "glimpse.agents.text.options:TokenSelectorOptions",
        "Selects heads and dependents among tokens, by policy gradient, for an environment that rewards the selection",
        kinds=("select",),
    ),
    "bahdanau": AgentEntry(
        "glimpse.agents.translation.bahdanau:Bahdanau",
        "glimpse.agents.translation.options:BahdanauOptions",
        "Translates by RNNsearch: GRUs with additive attention (Bahdanau et al., 2015)",
        kinds=("translation",),
    ),
    "luong": AgentEntry(
        "glimpse.agents.translation.luong:Seq2Seq",
        "glimpse.agents.translation.options:LuongOptions",
        "Translates by LSTMs with global or local attention (Luong et al., 2015)",
        kinds=("translation",),
    ),
    "seq2seq": AgentEntry(
        "glimpse.agents.translation.luong:Seq2Seq",
        "glimpse.agents.translation.options:Seq2SeqOptions",
        "Translates by LSTMs without attention (Sutskever et al., 2014)",
        kinds=("translation",),
    ),
    "transformer": AgentEntry(
        "glimpse.agents.translation.transformer_translator:TranslatingTransformer",
        "glimpse.agents.translation.options:TranslatingTransformerOptions",
        "Translates by a Transformer, with absolute or relative positions or sparse attention (Vaswani et al., 2017)",
        kinds=("translation",),
    ),
    "simultaneous-translator": AgentEntry(
        "glimpse.agents.translation.simultaneous_translator:SimultaneousTranslator",
        "glimpse.agents.translation.options:SimultaneousTranslatorOptions",
        "Simultaneous translation: a Transformer, and a policy of READ and WRITE, by policy gradient",
        kinds=("simultaneous translation",),
    ),
    "mlp": AgentEntry(
        "glimpse.agents.vision.whole_image:make_mlp",
        "glimpse.agents.vision.options:MlpOptions",
        "Whole image: the fully connected baseline of Mnih et al. (2014)",
        task=_AT_ONCE,
        labels=_ALL,
    ),
    "conv": AgentEntry(
        "glimpse.agents.vision.whole_image:make_conv",
        "glimpse.agents.vision.options:ConvOptions",
        "Whole image: the convolutional baseline of Mnih et al. (2014)",
        task=_AT_ONCE,
        labels=_ALL,
    ),
    "cnn": AgentEntry(
        "glimpse.agents.vision.whole_image:make_cnn",
        "glimpse.agents.vision.options:CnnOptions",
        "Whole image: a small modern convolutional network",
        task=_AT_ONCE,
        labels=_ALL,
    ),
}
add_entry_points(AGENTS, "glimpse.agents", AgentEntry)
