"""The config of an experiment: which world, which agent, how it is trained, watched and kept.

Options of worlds and agents live in `envs/options.py` and `agents/options.py`; this file gathers them.
Nothing heavy is imported here.
"""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents import AGENTS
from glimpse.agents.dram_options import DramOptions
from glimpse.agents.encoders.options import HierarchicalEncoderOptions
from glimpse.agents.options import (
    CentreOptions,
    Options,
    PathOptions,
    PlayerOptions,
    PolicyOptions,
    RamOptions,
    RandomOptions,
    RasterOptions,
    ReinforceOptions,
)
from glimpse.agents.sb3_options import A2cOptions, ClippedOptions, PpoOptions, RecurrentPpoOptions, Sb3Options
from glimpse.agents.skim_options import SkimmerOptions
from glimpse.agents.soft_options import DrawOptions, GridOptions
from glimpse.agents.text_options import (
    RationaleOptions,
    ReaderOptions,
    ResanOptions,
    TopReaderOptions,
    WordChooserOptions,
)
from glimpse.agents.translation.options import (
    BahdanauOptions,
    InterpreterOptions,
    LuongOptions,
    Seq2SeqOptions,
    TranslatingTransformerOptions,
    TranslatorOptions,
)
from glimpse.agents.whole_image_options import CnnOptions, ConvOptions, MlpOptions
from glimpse.envs import WORLDS
from glimpse.envs.options import AugmentOptions, CatchOptions, ClassificationOptions, DigitPairOptions
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.reading_options import ReadingOptions
from glimpse.envs.text.select_options import SelectOptions
from glimpse.envs.text.skim_options import SkimOptions
from glimpse.envs.translation.interpret_options import InterpretOptions
from glimpse.envs.translation.options import TranslationOptions

AgentOptions = Annotated[
    RamOptions
    | PathOptions
    | RandomOptions
    | CentreOptions
    | RasterOptions
    | PlayerOptions
    | DramOptions
    | MlpOptions
    | ConvOptions
    | CnnOptions
    | GridOptions
    | DrawOptions
    | PpoOptions
    | A2cOptions
    | RecurrentPpoOptions
    | ReaderOptions
    | TopReaderOptions
    | ResanOptions
    | RationaleOptions
    | SkimmerOptions
    | WordChooserOptions
    | BahdanauOptions
    | LuongOptions
    | Seq2SeqOptions
    | TranslatingTransformerOptions
    | InterpreterOptions,
    Field(discriminator="name"),
]
TaskOptions = Annotated[
    ClassificationOptions
    | CatchOptions
    | DigitPairOptions
    | ReadingOptions
    | SelectOptions
    | SkimOptions
    | TranslationOptions
    | InterpretOptions,
    Field(discriminator="name"),
]
Decay = Annotated[float, Field(ge=0, lt=1)]


class DataOptions(Options):
    """Where data are read from."""

    root: str | None = Field(None, description="Data folder; without it GLIMPSE_DATA, then the cache.")
    download: bool = Field(True, description="Whether missing files may be fetched into the cache.")


class TrainOptions(Options):
    """How the agent learns."""

    steps: int | None = Field(None, ge=1, description="Number of updates. Give this or `minutes`.")
    minutes: float | None = Field(
        None,
        gt=0,
        validate_default=True,
        description="Training time; turned into a number of steps from the rate of the first ones.",
    )
    batch: int = Field(256, ge=1, description="Examples in an update; where `tokens` is given, at most.")
    tokens: int | None = Field(
        None, ge=1, description="Texts: tokens of an update at most, of the longer side of pairs, padding included."
    )
    copies: int = Field(
        1, ge=1, description="Episodes M played on each example of an update; one where the agent does not play."
    )
    learning_rate: float = Field(1e-3, gt=0, description="Adam's highest learning rate.")
    final_learning_rate: float = Field(1e-5, ge=0, description="The learning rate at the end of the schedule.")
    schedule: Literal["cosine", "one_cycle", "constant", "noam"] = Field(
        "cosine",
        description="Of the learning rate. noam: up along a line, then down as 1 / sqrt(step) (Vaswani et al., 2017).",
    )
    warmup: int = Field(100, ge=0, description="Steps of linear warm-up (cosine, constant and noam).")
    betas: tuple[Decay, Decay] = Field((0.9, 0.999), description="Adam's decay of the moments' averages.")
    weight_decay: float = Field(0.0, ge=0, description="Share of each weight that a learning rate of 1 would take off.")
    clip: float | None = Field(None, gt=0, description="Largest norm of the gradient; none by default.")
    average: float = Field(0.999, ge=0, lt=1, description="Decay of the weights' moving average; 0 keeps none.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Of matrix products; auto takes bfloat16 where the machine has instructions for it.",
    )
    compile: bool = Field(False, description="torch.compile of the loss; `glimpse bench` compares.")
    augment: AugmentOptions = AugmentOptions()
    log_every: int = Field(100, ge=1, description="Steps between two lines of metrics.jsonl.")
    evaluate_every: int = Field(1000, ge=1, description="Steps between two evaluations on validation data.")
    save_every: int = Field(1000, ge=1, description="Steps between two checkpoints.")
    keep: int = Field(2, ge=1, description="Checkpoints kept, besides the best.")

    # A check across keys is a validator of the later one, so that it is made even where other keys are wrong.
    @field_validator("minutes")
    @classmethod
    def _one_budget(cls, minutes: float | None, others: ValidationInfo) -> float | None:
        if "steps" in others.data and (others.data["steps"] is None) == (minutes is None):
            found = "neither" if minutes is None else "both"
            raise PydanticCustomError("budget", f"give either train.steps or train.minutes (got {found})")
        return minutes


class EvaluateOptions(Options):
    """How the agent is measured."""

    batch: int = Field(1000, ge=1, description="Examples played side by side.")
    copies: int = Field(10, ge=1, description="Episodes M whose probabilities are averaged in `averaged`.")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="As `train.precision`.")
    share: float = Field(
        0.2, gt=0, le=1, description="Of words: those that count most, as reasons beside those that people marked."
    )
    choose_by: Literal["loss", "bleu"] = Field(
        "loss", description="Translations: what says on validation data which weights are the best."
    )
    seed: int = Field(20140101, ge=0, description="Fixes the canvases and first places of validation and test.")


class TrackOptions(Options):
    """Weights & Biases. `metrics.jsonl` in the run's folder is complete whatever happens here."""

    mode: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="auto: WANDB_MODE if set, else online where a key is found, else offline."
    )
    project: str = "glimpse"
    entity: str | None = None
    group: str | None = None
    tags: tuple[str, ...] = ()


class Experiment(Options):
    """Everything that decides a run."""

    task: TaskOptions
    agent: AgentOptions
    train: TrainOptions
    evaluate: EvaluateOptions = EvaluateOptions()
    data: DataOptions = DataOptions()
    track: TrackOptions = TrackOptions()
    seed: int = Field(0, ge=0, lt=2**31, description="Decides weights, data order, canvases and noise.")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto takes a GPU where there is one.")
    threads: int | None = Field(None, ge=1, description="CPU threads; by default all cores, at most 8.")

    @property
    def shown_task(self) -> str:
        """The task's name; of texts the data set's."""
        if isinstance(self.task, TranslationOptions):
            return self.task.shown
        return self.task.data if isinstance(self.task, TextOptions) else self.task.name

    @property
    def shown_agent(self) -> str:
        """The agent's name, and its encoder's kind if it has one."""
        name = self.agent.name
        kind = self.agent.encoder.kind if isinstance(self.agent, ReaderOptions) else name
        return name if kind == name else f"{name} ({kind})"

    @field_validator("agent")
    @classmethod
    def _agent_fits_the_task(cls, agent: AgentOptions, others: ValidationInfo) -> AgentOptions:
        task = others.data.get("task")
        if task is not None:
            _check_kind(agent, task)
            _check_task(agent, task)
        if isinstance(task, TranslationOptions) and isinstance(agent, TranslatorOptions):
            _check_vocabularies(agent, task)
        if isinstance(task, ReadingOptions) and isinstance(agent, ReaderOptions):
            _check_encoder(agent, task)
        if isinstance(task, ClassificationOptions) and isinstance(agent, ReinforceOptions):
            _check_credit(agent, task)
        if isinstance(task, ClassificationOptions) and isinstance(agent, PolicyOptions):
            _check_first_path(agent, task)
        return agent

    @field_validator("train")
    @classmethod
    def _training_fits_the_agent(cls, train: TrainOptions, others: ValidationInfo) -> TrainOptions:
        agent = others.data.get("agent")
        baseline = (
            getattr(agent, "baseline", None) if getattr(agent, "policy", None) not in ("wait_k", "full") else None
        )
        if baseline in ("leave_one_out", "self_critical") and train.copies < 2:
            problem = f"should be at least 2 because agent.baseline is {baseline!r} (got {train.copies})"
            raise _mistake("copies", problem)
        if isinstance(agent := others.data.get("agent"), Sb3Options):
            _check_sb3_training(agent, train)
        return train


def _check_kind(agent: AgentOptions, task: TaskOptions) -> None:
    """An agent that names classes cannot move a paddle."""
    kind = WORLDS[task.name].kind
    if kind not in AGENTS[agent.name].kinds:
        fit = ", ".join(repr(name) for name, known in AGENTS.items() if kind in known.kinds)
        raise _mistake("name", f"should be one of {fit} because task.name is {task.name!r} (got {agent.name!r})")


def _check_task(agent: AgentOptions, task: TaskOptions) -> None:
    """A network for whole images cannot read glimpses."""
    needed = AGENTS[agent.name].task
    given = {key: getattr(task, key, None) for key in needed}
    if given != needed:
        wanted, found = (", ".join(f"task.{key}: {value}" for key, value in each.items()) for each in (needed, given))
        raise _mistake("name", f"{agent.name!r} needs {wanted} (got {found})")


def _check_encoder(agent: ReaderOptions, task: ReadingOptions) -> None:
    """A hierarchical encoder reads sentences of words, all others words."""
    hierarchical = isinstance(agent.encoder, HierarchicalEncoderOptions)
    if hierarchical != task.sentences:
        needed = "true" if hierarchical else "false"
        problem = f"{agent.encoder.kind!r} needs task.sentences: {needed} (got {str(task.sentences).lower()})"
        raise _mistake("encoder", problem)


def _check_vocabularies(agent: TranslatorOptions, task: TranslationOptions) -> None:
    """Vectors of source and target are the same where both have the same pieces."""
    if agent.embeddings == "tied" and not task.shared:
        raise _mistake("embeddings", "'tied' needs task.shared: true; without it 'output_tied' or 'separate'")


def _check_credit(agent: ReinforceOptions, task: ClassificationOptions) -> None:
    """The probability of the right class stands in for a reward at the end."""
    if agent.credit == "probability" and task.reward != "end":
        problem = f"should be 'reward' because task.reward is {task.reward!r} (got 'probability')"
        raise _mistake("credit", problem)


def _check_first_path(agent: PolicyOptions, task: ClassificationOptions) -> None:
    """The untrained policy's path names a place for each glimpse after the first."""
    if agent.first_path is not None and len(agent.first_path) != task.glimpses - 1:
        problem = (
            f"should name the places of glimpses 2 to {task.glimpses}, {task.glimpses - 1} in all "
            f"because task.glimpses is {task.glimpses} (got {len(agent.first_path)})"
        )
        raise _mistake("first_path", problem)


def _check_sb3_training(agent: Sb3Options, train: TrainOptions) -> None:
    """Stable-Baselines3 plays, computes and updates by itself: some of our ways of doing so it does not have."""
    void = [
        key
        for key in ("copies", "betas", "weight_decay", "compile")
        if getattr(train, key) != TrainOptions.model_fields[key].default
    ]
    for key in void + ["precision"] * (train.precision == "bfloat16"):
        value = getattr(train, key)
        raise _mistake(
            key, f"has no meaning because Stable-Baselines3 trains {agent.name!r}: leave it out (got {value})"
        )
    if isinstance(agent, ClippedOptions) and train.batch % agent.minibatches:
        problem = f"should be a multiple of agent.minibatches, which is {agent.minibatches} (got {train.batch})"
        raise _mistake("batch", problem)


def _mistake(key: str, problem: str) -> PydanticCustomError:
    """A mistake in one key of a section, found when the section is compared with another."""
    return PydanticCustomError("sections", "{problem}", {"problem": problem, "key": key})
