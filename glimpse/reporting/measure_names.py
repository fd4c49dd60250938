"""Names of measures in words, with their unit, and with how the agent acted: greedily, or the mean of M episodes.

Logs and result files have short keys, such as `test_error_m10`; what is shown to people has these names.
"""

import re

_RESULTS = {
    "error": "error, %",
    "accuracy": "accuracy, %",
    "caught": "episodes that succeed, %",
    "pearson": "Pearson's r",
    "spearman": "Spearman's rho",
    "squared_error": "mean squared error",
    "absolute_error": "mean absolute error",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "exact_match": "answers with exactly the true labels, share",
    "label_accuracy": "labels rightly given or left out, share",
    "calibration_error": "expected calibration error",
    "attended": "words with attention, %",
    "keep_rate": "words kept, %",
    "heads": "words that are heads, %",
    "dependents": "words that are dependents, %",
    "read": "words read, %",
    "rationale_recall": "recall of the rationale, %",
    "rationale_precision": "precision of the rationale, %",
    "rationale_f1": "F1 of the rationale, %",
    "predicted_rate": "words in the predicted rationale, %",
    "predicted_f1": "F1 of the predicted rationale, %",
    "top_f1": "F1 of the most salient words, %",
    "random_f1": "F1 of random words, %",
    "first_f1": "F1 of the first words, %",
    "spans_f1": "IOU-F1, %",
    "average_precision": "average precision of salience, %",
    "sufficiency": "sufficiency, percentage points",
    "sufficiency_area": "sufficiency, mean over keep rates, percentage points",
    "comprehensiveness": "comprehensiveness, percentage points",
    "comprehensiveness_area": "comprehensiveness, mean over keep rates, percentage points",
    "bleu": "BLEU, beam search",
    "bleu_greedy": "BLEU, greedy",
    "bleu_simultaneous": "BLEU, simultaneous",
    "bleu_waits": "BLEU, wait-k at the same lag",
    "chrf": "chrF, beam search",
    "perplexity": "perplexity of a token",
    "lag_words": "average lagging, words",
    "lag_tokens": "average lagging, tokens",
    "reference_lag_words": "average lagging at the reference's pace, words",
    "dal_words": "differentiable average lagging, words",
}
"""Names of results by key, without how the agent acted."""

_LOGGED = {
    "validation_error": "error, %",
    "validation_pearson": "Pearson's r",
    "validation_spearman": "Spearman's rho",
    "validation_squared_error": "mean squared error",
    "validation_micro_f1": "micro F1",
    "validation_macro_f1": "macro F1",
    "validation_keep_rate": "words kept, share",
    "validation_heads": "words that are heads, share",
    "validation_dependents": "words that are dependents, share",
    "validation_read": "words read, share",
    "validation_rationale_recall": "recall of the rationale, share",
    "validation_rationale_precision": "precision of the rationale, share",
    "validation_rationale_f1": "F1 of the rationale, share",
    "validation_reward": "reward, greedy: sentence BLEU less the cost of the lag",
    "validation_bleu": "BLEU, greedy",
    "validation_perplexity": "perplexity of a token",
    "validation_loss": "cross-entropy of a token, nats",
    "validation_accuracy": "accuracy of a token, given those before it, share",
    "validation_lag": "average lagging, words",
    "locations_clamped": "locations clamped at the border, share",
    "locations_at_border": "locations at the border, share",
    "locations_entropy": "entropy of locations, bits",
    "locations_entropy_by_step": "entropy of locations at each step, bits",
    "locations_variation": "variation of locations between images",
    "loss": "loss",
    "cross_entropy": "cross-entropy, nats",
    "squared_error": "squared error",
    "policy_loss": "policy loss",
    "value_loss": "value loss",
    "return": "return",
    "reward": "reward",
    "accuracy": "accuracy, share",
    "label_accuracy": "labels rightly given or left out, share",
    "keep_rate": "words kept, share",
    "heads": "words that are heads, share",
    "dependents": "words that are dependents, share",
    "entropy": "entropy of the policy, nats",
    "penalty": "penalty for hops that read the same tokens",
    "complement": "answers without the rationale, error",
    "expected": "expected share of words kept",
    "multiplier": "multiplier of the keep rate",
    "reads": "tokens that the policy chose to read",
    "policy_gradient_loss": "loss of the policy gradient",
    "entropy_loss": "entropy loss",
    "approx_kl": "approximate KL divergence of an update, nats",
    "clip_fraction": "probability ratios that are clipped, share",
    "explained_variance": "variance that the value explains, share",
    "timesteps": "steps of the environments so far",
    "learning_rate": "learning rate",
}
"""Names of logged metrics by key, the most important ones first; without the split and how the agent acted."""

_OF_VALIDATION = ("validation_", "locations_")
_OF_SINGLE = re.compile("locations_.*|validation_(keep_rate|heads|dependents|read|rationale_.*)")
"""Metrics of single sampled episodes, also where others are of the mean of several."""
_OF_NOTHING = ("learning_rate", "timesteps")
"""Metrics that are not of training examples."""
_AS_SEARCHED = {"validation_perplexity", "validation_loss", "validation_accuracy", "validation_bleu", "validation_lag"}


def result_name(key: str, mode: str = "") -> str:
    """Return the name of a result.

    Args:
        key: as in `results/` or of an evaluator: `test_error_m10`, or `error_m10`.
        mode: how the agent acted, where the key does not say so: `M = 10`; "" for nothing.
    """
    key = key.removeprefix("test_")
    name, acted = (key, mode) if key in _RESULTS else _without_mode(key, mode)
    return _sentence(_RESULTS.get(name, name.replace("_", " ")), acted)


def log_name(key: str, copies: int = 0, rewarded: bool = False) -> str:
    """Return the name of a logged metric, with the data that it is of.

    Args:
        key: as in metrics.jsonl.
        copies: number M of sampled episodes whose mean answers for an example in validation; 0 for an agent that
            samples nothing.
        rewarded: whether episodes succeed or fail, instead of having an answer.
    """
    name = (
        "failures, %"
        if rewarded and key == "validation_error"
        else _LOGGED.get(key) or key.removeprefix("validation_").replace("_", " ")
    )
    if key in _OF_NOTHING:
        return _sentence(name)
    if not key.startswith(_OF_VALIDATION):
        return _sentence(f"training {name}")
    if not copies or key in _AS_SEARCHED:
        return _sentence(f"validation {name}")
    return _sentence(f"validation {name}", f"M = {1 if _OF_SINGLE.fullmatch(key) else copies}")


def known_logged() -> list[str]:
    """Return the keys of logged metrics that have a name of their own, the most important ones first."""
    return list(_LOGGED)


def _without_mode(key: str, mode: str) -> tuple[str, str]:
    """Return the key of a result without its end that says how the agent acted, and that in words."""
    name, _, end = key.rpartition("_")
    if name and end == "greedy":
        return name, "greedy"
    if name and re.fullmatch(r"m\d+", end):
        return name, f"M = {end[1:]}"
    return key, mode


def _sentence(name: str, mode: str = "") -> str:
    """Return a name with a capital letter, and how the agent acted behind it."""
    return f"{name[:1].upper()}{name[1:]}{f', {mode}' if mode else ''}"
