"""Minds: recurrent attention, policy gradients and controls.

`AGENTS` names every agent. Adding one: a file with its module, its options in `options.py`, a line here, a config.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class NamedAgent:
    """Where an agent's factory lives, what its options are, one line on what it is, and the kinds of world it fits.

    task: options that the task must have for it.
    """

    factory: str
    options: str
    summary: str
    kinds: tuple[str, ...] = ("classification",)
    task: dict[str, Any] = field(default_factory=dict)


_AT_ONCE = {"view": "whole", "glimpses": 1}

AGENTS: dict[str, NamedAgent] = {
    "ram": NamedAgent(
        "glimpse.agents.vision.ram:make_ram",
        "glimpse.agents.options:RamOptions",
        "Recurrent attention model: learns where to look by policy gradient (Mnih et al., 2014)",
    ),
    "path": NamedAgent(
        "glimpse.agents.vision.controls:make_path",
        "glimpse.agents.options:PathOptions",
        "Control: one learned path for all images",
    ),
    "random": NamedAgent(
        "glimpse.agents.vision.controls:make_random",
        "glimpse.agents.options:RandomOptions",
        "Control: uniformly random places",
    ),
    "centre": NamedAgent(
        "glimpse.agents.vision.controls:make_centre",
        "glimpse.agents.options:CentreOptions",
        "Control: always the centre",
    ),
    "raster": NamedAgent(
        "glimpse.agents.vision.controls:make_raster",
        "glimpse.agents.options:RasterOptions",
        "Control: a fixed scan, row by row",
    ),
    "sb3-ppo": NamedAgent(
        "glimpse.agents.vision.stable_baselines3_agent:Sb3Agent",
        "glimpse.agents.sb3_options:PpoOptions",
        "Stable-Baselines3's PPO, on a board of places; it has no memory",
        ("classification", "catch"),
    ),
    "sb3-a2c": NamedAgent(
        "glimpse.agents.vision.stable_baselines3_agent:Sb3Agent",
        "glimpse.agents.sb3_options:A2cOptions",
        "Stable-Baselines3's A2C, on a board of places; it has no memory",
        ("classification", "catch"),
    ),
    "sb3-recurrent-ppo": NamedAgent(
        "glimpse.agents.vision.stable_baselines3_agent:Sb3Agent",
        "glimpse.agents.sb3_options:RecurrentPpoOptions",
        "sb3-contrib's RecurrentPPO, on a board of places; its memory is an LSTM",
        ("classification", "catch"),
    ),
    "player": NamedAgent(
        "glimpse.agents.vision.player:make_player",
        "glimpse.agents.options:PlayerOptions",
        "Recurrent attention that looks and moves, by REINFORCE or PPO; its controls by `eyes`",
        kinds=("catch",),
    ),
    "dram": NamedAgent(
        "glimpse.agents.vision.dram:make_dram",
        "glimpse.agents.dram_options:DramOptions",
        "Deep recurrent attention: reads several targets in order, led by a coarse picture (Ba et al., 2015)",
        kinds=("pairs",),
    ),
    "grid": NamedAgent(
        "glimpse.agents.vision.grid_attention:make_grid",
        "glimpse.agents.soft_options:GridOptions",
        "Whole image: attention over a grid of patches, soft or hard (Xu et al., 2015)",
        task={"view": "whole"},
    ),
    "draw": NamedAgent(
        "glimpse.agents.vision.draw:make_draw",
        "glimpse.agents.soft_options:DrawOptions",
        "Whole image: a differentiable foveal read, DRAW's Gaussian filters (Gregor et al., 2015)",
        task={"view": "whole"},
    ),
    "reader": NamedAgent(
        "glimpse.agents.text.reader:Reader",
        "glimpse.agents.text_options:ReaderOptions",
        "Reads a whole text, or two: word vectors, an encoder by `encoder.kind`, and a head",
        kinds=("text",),
    ),
    "top-reader": NamedAgent(
        "glimpse.agents.text.top_k_reader:TopReader",
        "glimpse.agents.text_options:TopReaderOptions",
        "A reader that answers from the words which weigh most with its soft attention, and from these alone",
        kinds=("text",),
    ),
    "resan": NamedAgent(
        "glimpse.agents.text.resan:Resan",
        "glimpse.agents.text_options:ResanOptions",
        "Reads a whole text, or two, by soft attention among tokens chosen by policy gradient (Shen et al., 2018)",
        kinds=("text",),
    ),
    "rationale": NamedAgent(
        "glimpse.agents.text.rationale:Rationale",
        "glimpse.agents.text_options:RationaleOptions",
        "Keeps some words of a text and answers from these alone; by REINFORCE and others (Lei et al., 2016)",
        kinds=("text",),
    ),
    "skimmer": NamedAgent(
        "glimpse.agents.text.skimmer:Skimmer",
        "glimpse.agents.skim_options:SkimmerOptions",
        "Reads a text piece by piece: jumps, stops and answers, by policy gradient (Yu et al., 2017)",
        kinds=("skim",),
    ),
    "word-chooser": NamedAgent(
        "glimpse.agents.text.token_selector:WordChooser",
        "glimpse.agents.text_options:WordChooserOptions",
        "Chooses words that read and words that are read, by policy gradient, for a world that judges the choice",
        kinds=("select",),
    ),
    "bahdanau": NamedAgent(
        "glimpse.agents.translation.bahdanau:Bahdanau",
        "glimpse.agents.translation.options:BahdanauOptions",
        "Translates by RNNsearch: gated units and additive attention (Bahdanau et al., 2015)",
        kinds=("translation",),
    ),
    "luong": NamedAgent(
        "glimpse.agents.translation.luong:Seq2Seq",
        "glimpse.agents.translation.options:LuongOptions",
        "Translates by LSTMs with global or local attention (Luong et al., 2015)",
        kinds=("translation",),
    ),
    "seq2seq": NamedAgent(
        "glimpse.agents.translation.luong:Seq2Seq",
        "glimpse.agents.translation.options:Seq2SeqOptions",
        "Translates by LSTMs without attention (Sutskever et al., 2014)",
        kinds=("translation",),
    ),
    "transformer": NamedAgent(
        "glimpse.agents.translation.transformer_translator:TranslatingTransformer",
        "glimpse.agents.translation.options:TranslatingTransformerOptions",
        "Translates by a Transformer, that of absolute or relative positions or sparse patterns (Vaswani et al., 2017)",
        kinds=("translation",),
    ),
    "interpreter": NamedAgent(
        "glimpse.agents.translation.simultaneous_translator:Interpreter",
        "glimpse.agents.translation.options:InterpreterOptions",
        "Translates while it listens: a Transformer, and a policy that hears on or writes, by policy gradient",
        kinds=("interpretation",),
    ),
    "mlp": NamedAgent(
        "glimpse.agents.vision.whole_image:make_mlp",
        "glimpse.agents.whole_image_options:MlpOptions",
        "Whole image: the fully connected baseline of Mnih et al. (2014)",
        task=_AT_ONCE,
    ),
    "conv": NamedAgent(
        "glimpse.agents.vision.whole_image:make_conv",
        "glimpse.agents.whole_image_options:ConvOptions",
        "Whole image: the convolutional baseline of Mnih et al. (2014)",
        task=_AT_ONCE,
    ),
    "cnn": NamedAgent(
        "glimpse.agents.vision.whole_image:make_cnn",
        "glimpse.agents.whole_image_options:CnnOptions",
        "Whole image: a small modern convolutional network",
        task=_AT_ONCE,
    ),
}
