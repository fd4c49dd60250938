"""`glimpse bench` on choices of words: what compact attention gains, and how good estimators of the gradient are.

Axes: B texts, n tokens, D width.
"""

from collections.abc import Callable

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.attention.reinforced import Compact, ReinforcedBlock, Selected
from glimpse.agents.episode import Episode
from glimpse.agents.text.rationale import Rationale
from glimpse.agents.text_options import RationaleOptions
from glimpse.benchmarks.bench_settings import fastest
from glimpse.benchmarks.bench_text_settings import REPETITIONS, WIDTH
from glimpse.benchmarks.peak_memory import peak_memory
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.runs.build import set_threads

RATES = (0.1, 0.3, 0.5, 1.0)
"""Shares of tokens chosen as heads, and as many as dependents."""
CHOSEN_LENGTHS = (32, 128, 512)
CHOSEN_TOKENS = 2048
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


class ChosenStep:
    """Forward and backward of one batch of texts in which some tokens were chosen."""

    def __init__(self, n: int, texts: int, rate: float, compact: Compact, device: torch.device) -> None:
        """Make a block of `WIDTH`, and texts without padding."""
        torch.manual_seed(0)
        self.block = ReinforcedBlock(WIDTH, WIDTH, "forward", compact=compact).to(device)
        self.tokens = torch.randn(texts, n, WIDTH, device=device, requires_grad=True)
        self.real = torch.ones(texts, n, dtype=torch.bool, device=device)
        self.selected = Selected(*(torch.rand(texts, n, device=device) < rate for _ in range(2)))

    def __call__(self) -> int:
        """The number of tokens read and learned from."""
        self.block.zero_grad()
        self.tokens.grad = None
        self.block.select(self.tokens, self.real, self.selected).context.sum().backward()
        return self.real.numel()


def bench_reinforced(watch: Stopwatch) -> None:
    """ReSAN's attention of chosen tokens alone, beside that of all pairs with a mask: tokens a second, and memory."""
    for n in CHOSEN_LENGTHS[:1] if watch.quick else CHOSEN_LENGTHS:
        texts = 2 if watch.quick else CHOSEN_TOKENS // n
        for rate in RATES[1:2] if watch.quick else RATES:
            compact = watch.apart(_chosen, n, texts, rate, "auto")
            dense = watch.apart(_chosen, n, texts, rate, "never")
            setting = f"rate {rate:g}, n = {n}, batch {texts}"
            for form, (speed, memory) in {"compact": compact, "dense": dense}.items():
                watch.add("reinforced", f"{form}, {setting}", speed, "tokens/s")
                if memory is not None:
                    watch.add("reinforced, memory", f"{form}, {setting}", memory, "MiB")
            watch.add("reinforced, compact against dense", setting, compact[0] / dense[0], "times as fast")


def _chosen(watch: Stopwatch, n: int, texts: int, rate: float, compact: Compact) -> tuple[float, float | None]:
    """Tokens a second, and MiB above what was there before."""
    set_threads(fastest(watch.device, watch.quick).threads)
    ChosenStep(4, 1, 0.5, compact, watch.device)()  # What the first call of all loads is not counted.
    step = ChosenStep(n, texts, rate, compact, watch.device)
    memory = peak_memory(step, watch.device)
    return watch.rate(step, REPETITIONS), memory


def bench_estimators(watch: Stopwatch) -> None:
    """Bias and deviation of the selector's gradient, as shares of the exact one's length; nothing of it is timed.

    Of an untrained selector beside a reader that has learned from random words, on texts of eight words of which one
    says the class. The bias is that of the mean of many draws, and has an error of its own: the deviation over the
    square root of their number.
    """
    draws = 50 if watch.quick else _DRAWS
    exact, state = _exact(watch.device)
    for name, estimator in ESTIMATORS.items():
        agent = _rationale(estimator, watch.device)
        agent.load_state_dict(state, strict=False)
        found = torch.stack([_gradient(agent, _episode(watch.device)) for _ in range(draws)])
        apart = (found.mean(0) - exact).norm() / exact.norm()
        spread = (found - found.mean(0)).square().sum(1).mean().sqrt() / exact.norm()
        watch.add("estimators, bias", name, float(apart), "of the gradient")
        watch.add("estimators, error of the bias", name, float(spread) / draws**0.5, "of the gradient")
        watch.add("estimators, deviation", name, float(spread), "of the gradient")


def _exact(device: torch.device) -> tuple[Tensor, dict[str, Tensor]]:
    """The gradient by all 2^n choices, and the weights of everything: the reader's are trained first."""
    agent = _rationale({"kind": "exact"}, device)
    optimiser = torch.optim.Adam(agent.parameters(), lr=0.02)
    for step in range(200):
        optimiser.zero_grad()
        agent.set_progress(0.0)
        agent.loss(_episode(device, step)).total.backward()
        optimiser.step()
    agent.set_progress(1.0)
    return _gradient(agent, _episode(device)), agent.state_dict()


def _rationale(estimator: dict[str, object], device: torch.device) -> Rationale:
    """A small agent; words that are not kept are zeros, as some estimators need it."""
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


def _episode(device: torch.device, seed: int = 1_000_000) -> Episode:
    """Texts of eight words, one of which says the class."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(0, _CLASSES, (_TEXTS,), generator=generator)
    text = torch.randint(_CLASSES + 1, _CLASSES + 21, (_TEXTS, _WORDS), generator=generator)
    text[torch.arange(_TEXTS), torch.randint(0, _WORDS, (_TEXTS,), generator=generator)] = 1 + label
    nothing = torch.zeros(1, _TEXTS, device=device)
    seen = {"text": text[None].to(device)}
    return Episode(seen, {}, nothing[..., None].expand(-1, -1, 0), nothing, nothing == 0, label.to(device), 1, {})


def _gradient(agent: Rationale, episode: Episode) -> Tensor:
    """Of all the selector's weights, end to end."""
    weights = list(agent.selector.parameters())
    total = agent.loss(episode).total
    return torch.cat([each.flatten() for each in torch.autograd.grad(total, weights)])


SELECTION_BENCHES: dict[str, Callable[[Stopwatch], None]] = {
    "reinforced": bench_reinforced,
    "estimators": bench_estimators,
}
