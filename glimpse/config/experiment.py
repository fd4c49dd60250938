"""Config of an experiment: environment, agent, training, evaluation, tracking.

Options of environments and agents live in `envs/options.py` and `agents/options.py`; this file gathers them.
Nothing heavy is imported here.
"""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents import AGENTS
from glimpse.agents.options import AgentOptions, Options, option_error
from glimpse.config.registry_sections import union_of
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.options import TaskOptions
from glimpse.families import FAMILIES

if TYPE_CHECKING:  # To a type checker a section is what all of its variants are; pydantic gets the union itself.
    AnyAgentOptions = AgentOptions
    AnyTaskOptions = TaskOptions
else:
    AnyAgentOptions = union_of(AGENTS)
    AnyTaskOptions = union_of(ENVIRONMENTS)
Decay = Annotated[float, Field(ge=0, lt=1)]


class DataOptions(Options):
    """Options of data sets' files."""

    root: str | None = Field(None, description="Data folder; without it GLIMPSE_DATA, then the cache.")
    download: bool = Field(True, description="Download missing files into the cache.")
    resident_mb: int = Field(
        256,
        ge=0,
        le=10_000_000,
        description="Pictures of your own: megabytes of a split that may be in memory; of a larger one only what is "
        "looked at is read, from the cache.",
    )


class StageOptions(Options):
    """Options of a stage of a curriculum: an easier task that comes first."""

    until: float = Field(gt=0, lt=1, description="Share of training at which the next stage begins.")
    task: dict[str, Any] = Field(description="Values of the task's options in this stage; others are the task's own.")


class TrainOptions(Options):
    """Options of training."""

    steps: int | None = Field(None, ge=1, le=1_000_000_000, description="Number of updates. Give this or `minutes`.")
    minutes: float | None = Field(
        None,
        gt=0,
        le=1_000_000,
        validate_default=True,
        description="Training time: progress is the share of it that has passed, and training ends on time.",
    )
    batch: int = Field(256, ge=1, le=1_000_000, description="Examples in an update; where `tokens` is given, at most.")
    tokens: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        description="Texts: tokens of an update at most, padding included; of pairs, of the longer side.",
    )
    copies: int = Field(
        1, ge=1, le=10_000, description="Rollouts M of each example in an update; 1 for agents that do not play."
    )
    learning_rate: float = Field(1e-3, gt=0, le=1e8, description="Highest learning rate.")
    final_learning_rate: float = Field(1e-5, ge=0, le=1e8, description="The learning rate at the end of the schedule.")
    schedule: Literal["cosine", "one_cycle", "constant", "noam"] = Field(
        "cosine",
        description="Learning-rate schedule; noam is linear warm-up, then 1 / sqrt(step) (Vaswani et al., 2017).",
    )
    warmup: int = Field(100, ge=0, le=1_000_000_000, description="Steps of linear warm-up (cosine, constant and noam).")
    optimizer: Literal["adamw", "sgd", "muon"] = Field(
        "adamw",
        description="Optimiser: AdamW; SGD; or Muon for matrices between hidden layers, with AdamW for all else.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of SGD and Muon.")
    betas: tuple[Decay, Decay] = Field((0.9, 0.999), description="Adam's decay of the moments' averages.")
    weight_decay: float = Field(0.0, ge=0, le=1e6, description="Weight decay: decoupled (AdamW, Muon), or L2 (SGD).")
    max_grad_norm: float | None = Field(
        None, gt=0, le=1e9, description="Gradient clipping: largest norm; none by default."
    )
    ema_decay: float = Field(
        0.999, ge=0, lt=1, description="Decay of the weights' moving average (EMA); 0: no average."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Type of matrix products; auto takes bfloat16 where the machine has instructions for it.",
    )
    compile: bool = Field(False, description="Compile the loss by torch.compile; `glimpse bench` compares.")
    augment: AugmentOptions = AugmentOptions()
    curriculum: tuple[StageOptions, ...] = Field(
        (),
        max_length=20,
        description="Easier tasks that training begins with (Bengio et al., 2009), in their order, each a section with "
        "`until` and `task`. Validation is always on the task itself.",
    )
    log_every: int = Field(100, ge=1, le=1_000_000_000, description="Steps between two lines of metrics.jsonl.")
    evaluate_every: int = Field(
        1000, ge=1, le=1_000_000_000, description="Steps between two evaluations on validation data."
    )
    patience: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Early stopping: training ends after so many evaluations in a row without a lower validation "
        "error; by default never.",
    )
    save_every: int = Field(1000, ge=1, le=1_000_000_000, description="Steps between two checkpoints.")
    freeze: tuple[str, ...] = Field(
        (),
        max_length=100,
        description="Parts of the agent whose weights stay as they are, by name, such as [glimpse_network].",
    )
    keep: int = Field(2, ge=1, le=10_000, description="Checkpoints kept, besides the best.")

    @field_validator("curriculum")
    @classmethod
    def _stages_follow_each_other(cls, curriculum: tuple[StageOptions, ...]) -> tuple[StageOptions, ...]:
        ends = [stage.until for stage in curriculum]
        if ends != sorted(set(ends)):
            found = ", ".join(f"{end:g}" for end in ends)
            raise PydanticCustomError("curriculum", f"each `until` should be larger than the one before (got {found})")
        return curriculum

    # A check across keys is a validator of the later one, so that it is made even where other keys are wrong.
    @field_validator("minutes")
    @classmethod
    def _one_budget(cls, minutes: float | None, others: ValidationInfo) -> float | None:
        if "steps" in others.data and (others.data["steps"] is None) == (minutes is None):
            found = "neither" if minutes is None else "both"
            raise PydanticCustomError("budget", f"give either train.steps or train.minutes (got {found})")
        return minutes


class EvaluateOptions(Options):
    """Options of evaluation."""

    batch: int = Field(1000, ge=1, le=1_000_000, description="Examples in a batch.")
    copies: int = Field(
        10, ge=1, le=10_000, description="Rollouts M whose class probabilities are averaged in `averaged`."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="As `train.precision`.")
    keep_rate: float = Field(0.2, gt=0, le=1, description="Keep rate: fraction of words in the predicted rationale.")
    choose_by: Literal["loss", "bleu"] = Field(
        "loss", description="Translations: the validation metric by which the best weights are chosen."
    )
    seed: int = Field(
        20140101, ge=0, le=2**63 - 1, description="Seed of the canvases and initial locations of validation and test."
    )


class TrackOptions(Options):
    """Options of tracking in Weights & Biases; `metrics.jsonl` in the run's folder is always complete."""

    mode: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="auto: as wandb's own settings say; online only where a key is found, else offline."
    )
    project: str = Field("glimpse", description="Project that the run belongs to.")
    entity: str | None = Field(None, description="User or team; by default that of the key.")
    group: str | None = Field(None, description="Group of runs, such as the seeds of one config.")
    tags: tuple[str, ...] = Field((), max_length=100, description="Tags of the run.")


class Experiment(Options):
    """Complete config of a run: two runs of equal configs and a given number of `threads` have equal weights."""

    task: AnyTaskOptions
    agent: AnyAgentOptions
    train: TrainOptions
    init: str | None = Field(
        None,
        min_length=1,
        description="Run whose best weights training begins with: its folder, an agent of the zoo, or hf:OWNER/NAME.",
    )
    evaluate: EvaluateOptions = EvaluateOptions()
    data: DataOptions = DataOptions()
    track: TrackOptions = TrackOptions()
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of weights, order of examples, canvases and noise.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        json_schema_extra={"expected": "auto, cpu, cuda or cuda:N"},
        description="auto takes a GPU where there is one.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="CPU threads; without a number OMP_NUM_THREADS, else as many as are fastest.",
    )

    @property
    def task_title(self) -> str:
        """Name of the task in tables and reports: the environment's, or a text's data set."""
        return self.task.title

    @property
    def agent_title(self) -> str:
        """Name of the agent in tables and reports, with its encoder's kind if it has one."""
        return self.agent.title

    @field_validator("device")
    @classmethod
    def _device_has_a_small_number(cls, device: str) -> str:
        if len(device) > len("cuda:99"):
            raise PydanticCustomError(
                "device", f"should be auto, cpu, cuda or cuda:N with N below 100 (got {device!r})"
            )
        return device

    @field_validator("task")
    @classmethod
    def _family_is_known(cls, task: AnyTaskOptions) -> AnyTaskOptions:
        family = ENVIRONMENTS[task.name].family
        if family not in FAMILIES:
            known = ", ".join(map(repr, FAMILIES))
            raise option_error("name", f"{task.name!r} is registered with family {family!r}, expected one of {known}")
        return task

    @field_validator("agent")
    @classmethod
    def _agent_fits_the_task(cls, agent: AnyAgentOptions, others: ValidationInfo) -> AnyAgentOptions:
        task = others.data.get("task")
        if task is not None:
            _check_kind(agent, task)
            _check_agent_on(agent, task)
        return agent

    @field_validator("train")
    @classmethod
    def _training_fits_the_agent(cls, train: TrainOptions, others: ValidationInfo) -> TrainOptions:
        agent, task = others.data.get("agent"), others.data.get("task")
        if agent is not None:
            agent.check_training(train)
        if task is not None:
            for stage in train.curriculum:
                easier = task_of_stage(task, stage)
                if agent is not None:
                    _check_stage(agent, easier, stage.until)
        return train


def task_of_stage(task: AnyTaskOptions, stage: StageOptions) -> AnyTaskOptions:
    """Return a task with the values of a stage.

    Raises:
        PydanticCustomError: if these are none of the task, or name other data.
    """
    if fixed := {"name", "data"} & stage.task.keys():
        raise option_error("curriculum", f"a stage has the name and the data of the task: leave {min(fixed)} out")
    if unknown := stage.task.keys() - type(task).model_fields.keys():
        key = min(unknown)
        close = get_close_matches(key, type(task).model_fields, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise option_error("curriculum", f"task.{key} of the stage until {stage.until:g} is an unknown key{hint}")
    try:
        return type(task).model_validate({**task.model_dump(), **stage.task})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise option_error("curriculum", f"task.{key} of the stage until {stage.until:g}: {first['msg']}") from None


def _check_kind(agent: AnyAgentOptions, task: AnyTaskOptions) -> None:
    """Check that the agent can act in the environment: a classifier cannot move a paddle."""
    kind = ENVIRONMENTS[task.name].kind
    if kind not in AGENTS[agent.name].kinds:
        fit = ", ".join(repr(name) for name, known in AGENTS.items() if kind in known.kinds)
        raise option_error("name", f"should be one of {fit} because task.name is {task.name!r} (got {agent.name!r})")


def _check_agent_on(agent: AnyAgentOptions, task: AnyTaskOptions) -> None:
    """Check the task's values, of which the environment's kind fits the agent."""
    _check_task(agent, task)
    _check_labels(agent, task)
    agent.check_task(task)


def _check_stage(agent: AnyAgentOptions, task: AnyTaskOptions, until: float) -> None:
    """Check that the agent can be trained on the task of a stage."""
    try:
        _check_agent_on(agent, task)
    except PydanticCustomError as error:
        said = f"the task of the stage until {until:g} does not fit the agent: {error.message()}"
        raise option_error("curriculum", said) from None


def _check_task(agent: AnyAgentOptions, task: AnyTaskOptions) -> None:
    """Check the task's values that the agent's entry demands: a network of whole images cannot read glimpses."""
    if getattr(task, "zoom", None) is not None and not AGENTS[agent.name].zooms:
        able = [name for name, known in AGENTS.items() if known.zooms and ENVIRONMENTS[task.name].kind in known.kinds]
        fit = f"; {', '.join(able)} can" if able else ""
        raise option_error("name", f"{agent.name!r} cannot choose a zoom: leave task.zoom out{fit}")
    if getattr(task, "asks_for_point", False) and not AGENTS[agent.name].points:
        raise option_error(
            "name", f"{agent.name!r} cannot point at a location: set {getattr(task, 'without_point', '')}"
        )
    needed = AGENTS[agent.name].task
    given = {key: getattr(task, key, None) for key in needed}
    if given != needed:
        wanted, found = (", ".join(f"task.{key}: {value}" for key, value in each.items()) for each in (needed, given))
        raise option_error("name", f"{agent.name!r} needs {wanted} (got {found})")


def _check_labels(agent: AnyAgentOptions, task: AnyTaskOptions) -> None:
    """Check that the agent can answer the task's kind of labels: a class is no score."""
    labels, kind = getattr(task, "labels", "classes"), ENVIRONMENTS[task.name].kind
    if labels not in AGENTS[agent.name].labels:
        able = [name for name, known in AGENTS.items() if kind in known.kinds and labels in known.labels]
        fit = f"one of {', '.join(map(repr, able))}" if able else "another agent"
        raise option_error("name", f"should be {fit} because task.labels is {labels!r} (got {agent.name!r})")
