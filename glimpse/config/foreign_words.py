"""Words of other libraries for keys and values of a config, with what they are here."""

import difflib

_BUDGET = "the length of training is train.steps or train.minutes"
_STOPPING = (
    "early stopping is train.patience, a number of evaluations without a lower validation error, which "
    "train.evaluate_every measures"
)
_CLIPPING = "gradients are clipped by train.max_grad_norm"
_MEANINGS = {
    "patience": _STOPPING,
    "early_stopping": _STOPPING,
    "min_delta": _STOPPING,
    "epochs": _BUDGET,
    "num_epochs": _BUDGET,
    "max_epochs": _BUDGET,
    "max_steps": _BUDGET,
    "total_timesteps": _BUDGET,
    "lr": "the learning rate is train.learning_rate",
    "batch_size": "the batch is train.batch",
    "grad_clip": _CLIPPING,
    "clip_norm": _CLIPPING,
    "gradient_clip_val": _CLIPPING,
    "optimizer": "the optimiser is train.optimizer, with train.momentum, train.betas and train.weight_decay",
    "optimiser": "the optimiser is train.optimizer, with train.momentum, train.betas and train.weight_decay",
    "scheduler": "the learning rate's schedule is train.schedule",
    "num_workers": "there are no workers that load data; the CPU threads are `threads`",
    "tokenize": "the tokens of texts are task.tokens, and those of translations task.tokenizer",
    "tokenise": "the tokens of texts are task.tokens, and those of translations task.tokenizer",
    "dataset": "the data set is task.data",
    "gpu": "a GPU is asked for by device: cuda",
    "cuda": "a GPU is asked for by device: cuda",
    "wandb": "tracking in Weights & Biases is track.mode",
}
_VALUES = {"device": {"gpu": "cuda", "nvidia": "cuda", "GPU": "cuda", "CUDA": "cuda", "mps": "cpu", "tpu": "auto"}}


def meaning_of(key: str, cutoff: float) -> str | None:
    """Say what a key of other libraries is here; None where none has a similarity of at least `cutoff`."""
    near = difflib.get_close_matches(key, _MEANINGS, n=1, cutoff=cutoff)
    return _MEANINGS[near[0]] if near else None


_REFUSED = {"device": {"mps": "Apple's GPUs are not used, since nothing here has been tried on one"}}


def why_refused(key: str, value: object) -> str | None:
    """Return why a value of other libraries cannot be had here, None where nothing is known of it."""
    return _REFUSED.get(key, {}).get(value) if isinstance(value, str) else None


def value_meant(key: str, value: object) -> str | None:
    """Return the value here for a value of other libraries, None where it has none."""
    return _VALUES.get(key, {}).get(value) if isinstance(value, str) else None
