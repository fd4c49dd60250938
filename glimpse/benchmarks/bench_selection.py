"""Benchmarks of word selection: the speed of compact attention, and bias and variance of gradient estimators.

Axes: B texts, n tokens, D width.
"""

from collections.abc import Callable

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.attention.reinforced import Compact, ReinforcedBlock, Selected
from glimpse.agents.episode import Batch
from glimpse.agents.text.options import RationaleOptions
from glimpse.agents.text.rationale import Rationale
from glimpse.benchmarks.bench_settings import fastest
from glimpse.benchmarks.bench_text_settings import REPETITIONS, WIDTH
from glimpse.benchmarks.peak_memory import peak_memory
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.runs.threads import set_threads

RATES = (0.1, 0.3, 0.5, 1.0)
"""Shares of tokens that are selected as heads, and as dependents."""
SELECTED_LENGTHS = (32, 128, 512)
SELECTED_TOKENS = 2048
ESTIMATORS: dict[str, dict[str, object]] = {
    "REINFORCE, no baseline": {"kind": "reinforce"},
    "REINFORCE, moving average": {"kind": "reinforce", "baseline": "moving_average"},
    "REINFORCE, learned": {"kind": "reinforce", "baseline": "learned"},
    "REINFORCE, 4 copies": {"kind": "reinforce", "copies": 4},
    "REINFORCE, 4 copies, leave one out": {"kind": "reinforce", "copies": 4, "baseline": "leave_one_out"},
    "REINFORCE, 4 copies, self-critical": {"kind": "reinforce", "copies": 4, "baseline": "self_critical"},
    "straight-through, temperature 1": {"kind": "straight_through", "temperature": 1.0},
    "straight-through, temperature 0.5": {"kind": "straight_through", "temperature": 0.5},
}
_WORDS, _TEXTS, _CLASSES, _DRAWS = 8, 32, 4, 1000


class SelectedStep:
    """Forward and backward pass of one batch of texts in which some tokens are selected."""

    def __init__(self, n: int, texts: int, rate: float, compact: Compact, device: torch.device) -> None:
        """Build a block of width `WIDTH`, and `texts` texts of n tokens without padding."""
        torch.manual_seed(0)
        self.block = ReinforcedBlock(WIDTH, WIDTH, "forward", compact=compact).to(device)
        self.tokens = torch.randn(texts, n, WIDTH, device=device, requires_grad=True)
        self.real = torch.ones(texts, n, dtype=torch.bool, device=device)
        self.selected = Selected(*(torch.rand(texts, n, device=device) < rate for _ in range(2)))

    def __call__(self) -> int:
        """Run both passes; return the number of tokens."""
        self.block.zero_grad()
        self.tokens.grad = None
        self.block.select(self.tokens, self.real, self.selected).context.sum().backward()
        return self.real.numel()


def bench_reinforced(watch: Stopwatch) -> None:
    """Measure ReSAN's attention over selected tokens alone, and over all pairs with a mask: tokens/s and memory."""
    for n in SELECTED_LENGTHS[:1] if watch.quick else SELECTED_LENGTHS:
        texts = 2 if watch.quick else SELECTED_TOKENS // n
        for rate in RATES[1:2] if watch.quick else RATES:
            compact = watch.apart(_speed_and_memory, n, texts, rate, "auto")
            dense = watch.apart(_speed_and_memory, n, texts, rate, "never")
            setting = f"rate {rate:g}, n = {n}, batch {texts}"
            for form, (speed, memory) in {"compact": compact, "dense": dense}.items():
                watch.add("reinforced", f"{form}, {setting}", speed, "tokens/s")
                if memory is not None:
                    watch.add("reinforced, memory", f"{form}, {setting}", memory, "MiB")
            watch.add("reinforced, compact against dense", setting, compact[0] / dense[0], "times as fast")


def _speed_and_memory(
    watch: Stopwatch, n: int, texts: int, rate: float, compact: Compact
) -> tuple[float, float | None]:
    """Return tokens per second, and peak MiB above the memory held before."""
    set_threads(fastest(watch.device, watch.quick).threads)
    SelectedStep(4, 1, 0.5, compact, watch.device)()  # Excludes what the very first call loads.
    step = SelectedStep(n, texts, rate, compact, watch.device)
    memory = peak_memory(step, watch.device)
    return watch.rate(step, REPETITIONS), memory


def bench_estimators(watch: Stopwatch) -> None:
    """Measure bias and standard deviation of the selector's gradient, relative to the norm of the exact gradient.

    The selector is untrained, the reader is trained on random words, and one of the eight words of a text decides its
    class. The bias is estimated from the mean of many draws; its standard error is the deviation over the square root
    of their number. Nothing is timed.
    """
    draws, steps = (5, 20) if watch.quick else (_DRAWS, 200)
    exact, state = _exact(watch.device, steps)
    for name, estimator in ESTIMATORS.items():
        agent = _rationale(estimator, watch.device)
        agent.load_state_dict(state, strict=False)
        found = torch.stack([_gradient(agent, _batch(watch.device)) for _ in range(draws)])
        apart = (found.mean(0) - exact).norm() / exact.norm()
        spread = (found - found.mean(0)).square().sum(1).mean().sqrt() / exact.norm()
        watch.add("estimators, bias", name, float(apart), "of the gradient")
        watch.add("estimators, error of the bias", name, float(spread) / draws**0.5, "of the gradient")
        watch.add("estimators, deviation", name, float(spread), "of the gradient")


def _exact(device: torch.device, steps: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the exact gradient, from all 2^n selections, and the agent's weights; its reader trains `steps` first."""
    agent = _rationale({"kind": "exact"}, device)
    optimiser = torch.optim.Adam(agent.parameters(), lr=0.02)
    for step in range(steps):
        optimiser.zero_grad()
        agent.set_progress(0.0)
        agent.loss(_batch(device, step)).total.backward()
        optimiser.step()
    agent.set_progress(1.0)
    return _gradient(agent, _batch(device)), agent.state_dict()


def _rationale(estimator: dict[str, object], device: torch.device) -> Rationale:
    """Build a small agent; words that are not kept are zeros, as some estimators require."""
    torch.manual_seed(0)
    given = {
        "embedding_width": 8,
        "encoder": {"kind": "lstm", "width": 8},
        "selector": {"kind": "gru", "width": 8},
        "estimator": estimator,
        "left_out": "zeros",
        "dropout": 0.0,
        "cost": 0.3,
        "random_until": 0.5,
    }
    text = spaces.Box(0, _CLASSES + 20, (_WORDS,), np.int64)
    answer = spaces.Dict({"answer": spaces.Discrete(_CLASSES)})
    agent = Rationale(RationaleOptions.model_validate(given), spaces.Dict({"text": text}), answer).to(device)
    agent.set_progress(1.0)
    return agent


def _batch(device: torch.device, seed: int = 1_000_000) -> Batch:
    """Draw texts of eight words, one of which decides the class."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(0, _CLASSES, (_TEXTS,), generator=generator)
    text = torch.randint(_CLASSES + 1, _CLASSES + 21, (_TEXTS, _WORDS), generator=generator)
    text[torch.arange(_TEXTS), torch.randint(0, _WORDS, (_TEXTS,), generator=generator)] = 1 + label
    return Batch({"text": text.to(device)}, label.to(device))


def _gradient(agent: Rationale, batch: Batch) -> Tensor:
    """Return the gradient of the loss by all weights of the selector, as one vector."""
    weights = list(agent.selector.parameters())
    total = agent.loss(batch).total
    return torch.cat([part.flatten() for part in torch.autograd.grad(total, weights)])


SELECTION_BENCHES: dict[str, Callable[[Stopwatch], None]] = {
    "reinforced": bench_reinforced,
    "estimators": bench_estimators,
}
