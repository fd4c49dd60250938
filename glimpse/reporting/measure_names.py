"""Names of measures in words, with their unit, and with how the agent acted: greedily, or the mean of M episodes.

Logs and result files have short keys, such as `test_error_m10`; what is shown to people has these names.
"""

import re

from glimpse.runs.metric_names import TRAIN, VALIDATION, plain_name

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
    "mean_reward": "mean reward",
    "evidence_found": "questions whose evidence is complete, %",
    "evidence_share": "evidence opened, %",
    "evidence_marked": "questions that have evidence, %",
    "opened": "sentences opened",
    "words_read": "words opened",
    "found": "questions whose evidence is complete, %",
    "f1": "F1 of the opened sentences, %",
    "words": "words opened",
    "sentence_f1": "F1 of the opened sentences against the evidence, %",
    "token_f1": "F1 of the words of opened sentences, %",
    "milliseconds": "milliseconds for a question",
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
    "val/error": "error, %",
    "val/pearson": "Pearson's r",
    "val/spearman": "Spearman's rho",
    "val/squared_error": "mean squared error",
    "val/micro_f1": "micro F1",
    "val/macro_f1": "macro F1",
    "val/keep_rate": "words kept, share",
    "val/heads": "words that are heads, share",
    "val/dependents": "words that are dependents, share",
    "val/read": "words read, share",
    "val/rationale_recall": "recall of the rationale, share",
    "val/rationale_precision": "precision of the rationale, share",
    "val/rationale_f1": "F1 of the rationale, share",
    "val/reward": "reward, greedy: sentence BLEU less the cost of the lag",
    "val/mean_reward": "mean reward",
    "val/evidence_found": "questions whose evidence is complete, share",
    "val/evidence_share": "evidence opened, share",
    "val/evidence_marked": "questions that have evidence, share",
    "val/opened": "sentences opened",
    "val/words_read": "words opened",
    "val/bleu": "BLEU, greedy",
    "val/perplexity": "perplexity of a token",
    "val/loss": "cross-entropy of a token, nats",
    "val/accuracy": "accuracy of a token, given those before it, share",
    "val/lag": "average lagging, words",
    "val/locations_clamped": "locations clamped at the border, share",
    "val/locations_at_border": "locations at the border, share",
    "val/locations_entropy": "entropy of locations, bits",
    "val/locations_entropy_by_step": "entropy of locations at each step, bits",
    "val/locations_variation": "variation of locations between images",
    "train/loss": "loss",
    "train/cross_entropy": "cross-entropy, nats",
    "train/squared_error": "squared error",
    "train/policy_loss": "policy loss",
    "train/value_loss": "value loss",
    "train/return": "return",
    "train/reward": "reward",
    "train/accuracy": "accuracy, share",
    "train/label_accuracy": "labels rightly given or left out, share",
    "train/keep_rate": "words kept, share",
    "train/heads": "words that are heads, share",
    "train/dependents": "words that are dependents, share",
    "train/entropy": "entropy of the policy, nats",
    "train/penalty": "penalty for hops that read the same tokens",
    "train/complement": "answers without the rationale, error",
    "train/expected": "expected share of words kept",
    "train/multiplier": "multiplier of the keep rate",
    "train/reads": "tokens that the policy chose to read",
    "train/opens": "sentences opened",
    "train/imitation": "imitation of the teacher, nats",
    "train/policy_gradient_loss": "loss of the policy gradient",
    "train/entropy_loss": "entropy loss",
    "train/approx_kl": "approximate KL divergence of an update, nats",
    "train/clip_fraction": "probability ratios that are clipped, share",
    "train/explained_variance": "variance that the value explains, share",
    "train/timesteps": "steps of the environments so far",
    "train/grad_norm": "norm of the gradient before clipping",
    "train/learning_rate": "learning rate",
    "speed/steps_per_second": "steps per second",
}
"""Names of logged metrics by key, the most important ones first; without the data and how the agent acted."""

_OF_SINGLE = re.compile(
    "val/(locations_.*|keep_rate|heads|dependents|read|rationale_.*|mean_reward|evidence_.*|opened|words_read)"
)
"""Metrics of single sampled episodes, also where others are of the mean of several."""
_OF_NOTHING = ("train/grad_norm", "train/learning_rate", "train/timesteps")
"""Metrics that are not of training examples."""
_AS_SEARCHED = {"val/perplexity", "val/loss", "val/accuracy", "val/bleu", "val/lag"}


def result_name(key: str, mode: str = "") -> str:
    """Return the name of a result.

    Args:
        key: as in `results/` or of an evaluator: `test_error_m10`, or `error_m10`. An end such as `_100k` says that the
            texts have 100,000 words.
        mode: how the agent acted, where the key does not say so: `M = 10`; "" for nothing.
    """
    key = key.removeprefix("test_")
    if of_longer := re.fullmatch(r"(.+)_(\d+)([km])", key):
        words = int(of_longer[2]) * {"k": 1_000, "m": 1_000_000}[of_longer[3]]
        return f"{result_name(of_longer[1], mode)}, texts of {words:,} words"
    if at := re.fullmatch(r"(found|accuracy|f1|words)_at_(\d+)", key):
        return _sentence(_RESULTS[at[1]], f"{at[2]} sentences opened on average")
    if first := re.fullmatch(r"f1_first_(\d+)", key):
        return _sentence(_RESULTS["f1"], f"exactly {first[1]} sentences opened")
    name, acted = (key, mode) if key in _RESULTS else _without_mode(key, mode)
    return _sentence(_RESULTS.get(name, name.replace("_", " ")), acted)


def log_name(key: str, copies: int = 0, rewarded: bool = False) -> str:
    """Return the name of a logged metric, with the data that it is of.

    Args:
        key: as in metrics.jsonl, such as `val/error_m10`.
        copies: number M of sampled episodes whose mean answers for an example in validation; 0 for an agent that
            samples nothing.
        rewarded: whether episodes succeed or fail, instead of having an answer.
    """
    known = _LOGGED.get(of_any_copies(key), plain_name(key).replace("_", " "))
    name = "failures, %" if rewarded and of_any_copies(key) == "val/error" else known
    if key in _OF_NOTHING or not key.startswith((TRAIN, VALIDATION)):
        return _sentence(name)
    if key.startswith(TRAIN):
        return _sentence(f"training {name}")
    if not copies or key in _AS_SEARCHED:
        return _sentence(f"validation {name}")
    return _sentence(f"validation {name}", f"M = {1 if _OF_SINGLE.fullmatch(key) else copies}")


def of_any_copies(key: str) -> str:
    """Return the key of a logged metric without its number of episodes: `val/error` of `val/error_m10`."""
    return re.sub(r"_m\d+$", "", key)


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
