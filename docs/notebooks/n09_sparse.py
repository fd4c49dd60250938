# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""# 9. Sparse attention: entmax and masks.

Softmax gives every word a weight above zero, and full self-attention computes a score for every pair of words. Both
can be changed, and they are two different things that share a name:

* **sparse weights**: sparsemax and entmax give weights that are exactly zero. Which ones is learned; all scores are
  still computed.
* **sparse patterns**: a mask says in advance which pairs are computed at all. That saves work.

We compute sparsemax and 1.5-entmax by hand on three scores, derive their gradients, and see what they do in long
texts. Then we draw the masks of Sparse Transformer, Longformer and BigBird, count their cells, and ask over how many
layers a word needs to reach another one.
"""

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import glimpse.agents.attention.masks as masks
from glimpse.agents.attention.normalisers import entmax, entmax15, make_normaliser, softmax, sparsemax
from glimpse.agents.attention.sparse import Sparse, make_plan

plt.rcParams.update({"figure.dpi": 64, "font.size": 9})
torch.manual_seed(0)
torch.set_printoptions(precision=4, sci_mode=False)

# %% [markdown]
r"""
## Three scores by hand

Take the scores $z = (0.4,\, 0,\, -1.6)$. **Softmax** is $p_i = e^{z_i} / \sum_j e^{z_j}$ (Martins and Astudillo, 2016,
equation 1). No weight is zero.

**Sparsemax** is the nearest point of the simplex $\Delta$ of all weights (Martins and Astudillo, 2016, equation 2);
its solution cuts off what lies below a threshold $\tau$ (their proposition 1):

$$\mathrm{sparsemax}(z) = \arg\min_{p \in \Delta} \lVert p - z \rVert^2, \quad
p_i = \max(z_i - \tau,\, 0), \quad \tau = \frac{\sum_{j \in S} z_j - 1}{|S|}$$

$S$ are the scores above $\tau$. By hand: with the two largest, $\tau = (0.4 + 0 - 1) / 2 = -0.3$, and
$p = (0.7,\, 0.3,\, 0)$. The third score, $-1.6$, does lie below $\tau$, so that $S$ was right.

**$\alpha$-entmax** (Peters, Niculae and Martins, 2019, section 3) replaces the distance by a Tsallis entropy. Softmax
is $\alpha = 1$ and sparsemax $\alpha = 2$:

$$\alpha\text{-entmax}(z) = \arg\max_{p \in \Delta} \; p^\top z + H_\alpha(p), \quad
H_\alpha(p) = \frac{1}{\alpha (\alpha - 1)} \sum_j (p_j - p_j^\alpha), \quad
p_i = \max((\alpha - 1) z_i - \tau,\, 0)^{1 / (\alpha - 1)}$$

By hand for $\alpha = 1.5$: $p_i = \max(z_i / 2 - \tau, 0)^2$, and the halves of the scores are $0.2,\, 0,\, -0.8$. We
need $a^2 + b^2 = 1$ with $a - b = 0.2$: that is $0.8$ and $0.6$, so $\tau = -0.6$ and $p = (0.64,\, 0.36,\, 0)$.
"""

# %%
scores = torch.tensor([0.4, 0.0, -1.6])
for name, normalise in {"softmax": softmax, "sparsemax": sparsemax, "entmax15": entmax15}.items():
    print(f"{name:10}", normalise(scores))
assert torch.allclose(softmax(scores), torch.tensor([0.4, 0.0, -1.6]).exp() / (np.exp(0.4) + 1 + np.exp(-1.6)))
assert torch.allclose(sparsemax(scores), torch.tensor([0.7, 0.3, 0.0]))
assert torch.allclose(entmax15(scores), torch.tensor([0.64, 0.36, 0.0]))

# %% [markdown]
"""
Do these weights solve the problems that define them? We do not trust the derivation, and try all weights that are
multiples of 0.01, of which there are 5151:
"""

# %%
grid = torch.tensor([(i, j, 100 - i - j) for i in range(101) for j in range(101 - i)], dtype=torch.float64) / 100


def tsallis(p: Tensor, alpha: float) -> Tensor:
    """Return the Tsallis entropy of weights (..., n)."""
    return (p - p**alpha).sum(-1) / (alpha * (alpha - 1))


nearest = grid[((grid - scores) ** 2).sum(-1).argmin()]
best = grid[(grid @ scores.double() + tsallis(grid, 1.5)).argmax()]
print(f"nearest point: {nearest.tolist()}, best of the 1.5-entropy: {best.tolist()}, of {len(grid)} weights")
assert nearest.tolist() == [0.7, 0.3, 0.0] and best.tolist() == [0.64, 0.36, 0.0]

# %% [markdown]
r"""
## From scratch

Sorting finds $\tau$ for sparsemax. For any $\alpha$, the sum of the weights falls with $\tau$, so that bisection finds
the $\tau$ where it is 1 (Peters et al., 2019, algorithm 1). The library has a sort for $\alpha = 1.5$ (their algorithm
2), masks, and gradients; the numbers are the same.
"""


# %%
def my_sparsemax(z: Tensor) -> Tensor:
    """Compute sparsemax of scores (..., n) by sorting."""
    ordered = z.sort(-1, descending=True).values
    rank = torch.arange(1, z.shape[-1] + 1)
    threshold = (ordered.cumsum(-1) - 1) / rank  # the tau of each possible number of words
    count = (ordered > threshold).sum(-1, keepdim=True)  # of words that lie above their own tau
    return (z - threshold.gather(-1, count - 1)).clamp(min=0)


def my_entmax(z: Tensor, alpha: float) -> Tensor:
    """Compute alpha-entmax of scores (..., n) by bisection, for alpha > 1."""
    z = (alpha - 1) * z
    low, high = z.amax(-1, keepdim=True) - 1, z.amax(-1, keepdim=True)  # the largest weight is between 0 and 1
    for _ in range(50):
        middle = (low + high) / 2
        total = ((z - middle).clamp(min=0) ** (1 / (alpha - 1))).sum(-1, keepdim=True)
        low, high = torch.where(total >= 1, middle, low), torch.where(total >= 1, high, middle)
    return (z - low).clamp(min=0) ** (1 / (alpha - 1))


many = 2 * torch.randn(1000, 20, dtype=torch.float64)
assert torch.allclose(my_sparsemax(many), sparsemax(many))
assert torch.allclose(my_entmax(many, 2.0), sparsemax(many))
assert torch.allclose(my_entmax(many, 1.5), entmax15(many))
assert torch.allclose(my_entmax(many, 1.25), entmax(many, alpha=1.25))
assert torch.allclose(entmax(many, alpha=1.0), softmax(many))
for alpha in (1.0, 1.25, 1.5, 2.0, 3.0):
    kept = (entmax(many, alpha=alpha) > 0).sum(-1).double().mean()
    print(f"alpha {alpha:4}: {kept:5.2f} of 20 weights are above zero")

# %% [markdown]
"""
Of two scores $(t, 0)$ one can see the whole function. Sparsemax gives the first one everything from $t = 1$ on,
1.5-entmax from $t = 2$ on, softmax never.
"""

# %%
t = torch.linspace(-4, 4, 161)
pairs = torch.stack([t, torch.zeros_like(t)], -1)
figure, axes = plt.subplots(figsize=(4.5, 2.6))
for name, normalise in {"softmax": softmax, "1.5-entmax": entmax15, "sparsemax": sparsemax}.items():
    axes.plot(t, normalise(pairs)[:, 0], label=name)
axes.set(xlabel="t", ylabel="weight of t beside 0")
axes.legend()
plt.show()
assert sparsemax(torch.tensor([1.0, 0.0]))[0] == 1 and entmax15(torch.tensor([2.0, 0.0]))[0] == 1
assert sparsemax(torch.tensor([0.9, 0.0]))[0] < 1 and entmax15(torch.tensor([1.9, 0.0]))[0] < 1

# %% [markdown]
r"""
## Gradients: who has no weight hears nothing

With $s_i = p_i^{2 - \alpha}$ where $p_i > 0$, and 0 elsewhere, the Jacobian of $\alpha$-entmax is (Peters et al.,
2019, proposition 1)

$$\frac{\partial p}{\partial z} = \mathrm{diag}(s) - \frac{s s^\top}{\sum_j s_j}$$

By hand for sparsemax, where $s$ is 1 on the support: rows $(\tfrac12, -\tfrac12, 0)$, $(-\tfrac12, \tfrac12, 0)$ and
$(0, 0, 0)$. The third word gets no gradient. Softmax tells a neglected word that it is needed; sparsemax does not.
"""


# %%
def jacobian(p: Tensor, alpha: float) -> Tensor:
    """Return the Jacobian of alpha-entmax at weights p (n,)."""
    s = torch.where(p > 0, p, 1) ** (2 - alpha) * (p > 0)
    return s.diag() - s.outer(s) / s.sum()


by_hand = torch.tensor([[0.5, -0.5, 0.0], [-0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
assert torch.allclose(jacobian(sparsemax(scores), 2.0), by_hand)
for alpha, normalise in ((1.0, softmax), (1.5, entmax15), (2.0, sparsemax)):
    automatic = torch.autograd.functional.jacobian(normalise, scores)
    assert torch.allclose(jacobian(normalise(scores), alpha), automatic, atol=1e-6)
    print(f"alpha {alpha}: gradient of the first weight by the three scores:", automatic[0])

# %% [markdown]
"""
## Why it matters in long texts

One word has a score of 4, and $n - 1$ others have 0. With softmax the word's weight is $e^4 / (e^4 + n - 1)$: the
longer the text, the less of it is left, although nothing about the word has changed. Sparsemax and 1.5-entmax give it
weight 1 whatever $n$ is, since it leads by more than 1 and 2.
"""

# %%
print("words     softmax  1.5-entmax  sparsemax")
for n in (10, 100, 1000, 10_000):
    needle = torch.zeros(n)
    needle[n // 2] = 4
    weights = [float(normalise(needle)[n // 2]) for normalise in (softmax, entmax15, sparsemax)]
    print(f"{n:6}" + "".join(f"{weight:11.3f}" for weight in weights))
    assert np.isclose(weights[0], np.exp(4) / (np.exp(4) + n - 1), rtol=1e-4) and weights[1:] == [1, 1]

# %% [markdown]
"""
All attention of glimpse takes a normaliser by name, in Python and in a config
(`agent.encoder.pooling.normaliser=sparsemax`). A mask hides words from it: their weight is exactly 0, and a row
without anything to read has only zeros, not NaN.
"""

# %%
shown = torch.tensor([[True, False, True], [False, False, False]])
for kind in ("softmax", "sparsemax", "entmax15"):
    print(f"{kind:10}", make_normaliser(kind)(scores.expand(2, 3), shown).tolist())
assert sparsemax(scores.expand(2, 3), shown).tolist() == [[1, 0, 0], [0, 0, 0]]

# %% [markdown]
r"""
## Patterns

A mask is a table of cells: row $i$ is a word that reads, column $j$ a word that is read. With $S_i$ the words that
word $i$ may read, attention under a pattern is (Child, Gray, Radford and Sutskever, 2019, equations 2 to 4)

$$a(x_i, S_i) = \mathrm{softmax}\left( \frac{(W_q x_i) K_{S_i}^\top}{\sqrt d} \right) V_{S_i}$$

| pattern | $S_i$ | from |
| --- | --- | --- |
| window | $\lvert i - j \rvert \le w$ | Longformer (Beltagy, Peters and Cohan, 2020, section 3.1) |
| dilated | $\lvert i - j \rvert \in \{0, d, 2d, \ldots, wd\}$ | Longformer, section 3.1 |
| global | $i < g$ or $j < g$ | Longformer, section 3.1 |
| local | $i - l < j \le i$ | Sparse Transformer (Child et al., 2019, section 4.3) |
| strided | $j \le i$ and $(i - j) \bmod l = 0$ | Sparse Transformer, section 4.3 |
| fixed | own block of $l$ so far, last $c$ words of earlier blocks | Sparse Transformer, section 4.3 |
| random | $r$ random words for each $i$ | BigBird (Zaheer et al., 2020, section 2) |

Longformer's own $w$ is the whole window; here $w$ are the neighbours on each side, as in glimpse. The local pattern is
that of Child et al.'s code; their text has one word more. Each is a line of code:
"""

# %%
Cells = dict[str, Tensor]


def patterns(n: int, w: int, stride: int, g: int = 1, r: int = 2) -> Cells:
    """Return the cells (n, n) of each pattern, by name."""
    i, j = torch.arange(n)[:, None], torch.arange(n)
    window = (i - j).abs() <= w
    dilated = ((i - j).abs() <= 2 * w) & ((i - j) % 2 == 0)
    everywhere = (i < g) | (j < g)
    local, strided = (j <= i) & (i - j < stride), (j <= i) & ((i - j) % stride == 0)
    own, summary = (j <= i) & (i // stride == j // stride), (j <= i) & (j % stride == stride - 1)
    chosen = torch.rand(n, n, generator=torch.Generator().manual_seed(0)).argsort(-1) < r  # r columns of each row
    return {
        "window": window,
        "dilated": dilated,
        "Longformer": window | everywhere,
        "BigBird": window | everywhere | chosen,
        "strided": local | strided,
        "fixed": own | summary,
    }


def library(w: int, stride: int, g: int = 1) -> dict[str, masks.Pattern]:
    """Return the same patterns of the library, but for the random one, which is no function of positions."""
    window = masks.Window(width=w)
    return {
        "window": window,
        "dilated": masks.Dilated(width=w, dilation=2),
        "Longformer": window | masks.GlobalTokens(tokens=g),
        "strided": masks.Local(stride=stride) | masks.Strided(stride=stride),
        "fixed": masks.Fixed(stride=stride),
    }


drawn = patterns(16, w=2, stride=4)
for name, pattern in library(w=2, stride=4).items():
    assert (pattern(16, 16) == drawn[name]).all(), name
figure, panels = plt.subplots(1, 6, figsize=(9.5, 1.9))
for axes, (name, cells) in zip(panels, drawn.items(), strict=True):
    axes.imshow(cells, cmap="Blues", vmin=0, vmax=1.4)
    axes.set(title=name, xticks=[], yticks=[])
plt.show()
print(masks.Fixed(stride=3).draw(6))

# %% [markdown]
r"""
`glimpse masks` draws them in the terminal, and in a config a pattern is `{kind: window, width: 2}`. Patterns combine
with `&`, `|` and `~`.

## What it costs

The cost of attention is its cells: each takes $d$ multiply-adds for the score and $d$ for the context. By hand: a
window has $n (2w + 1)$ cells, less $w (w + 1)$ that lie outside; $g$ global words add rows and columns; and with a
stride of $\sqrt n$ the local and strided patterns have about $\sqrt n$ cells in each row, $O(n \sqrt n)$ in all (Child
et al., 2019).
"""

# %%
small = patterns(6, w=1, stride=3)
counted = {name: int(cells.sum()) for name, cells in small.items()}
print("n = 6:", counted)
assert counted["window"] == 6 * 3 - 1 * 2 and counted["strided"] == 18 and counted["fixed"] == 15
assert int(masks.Causal()(6, 6).sum()) == 6 * 7 // 2

sizes = [64, 256, 1024]
cells_of: dict[str, list[int]] = {"full": [n * n for n in sizes]}
for n in sizes:
    for name, cells in patterns(n, w=8, stride=int(n**0.5)).items():
        cells_of.setdefault(name, []).append(int(cells.sum()))
print(f"\ncells for n = {sizes}, and by which power of n they grow")
for name, counts in cells_of.items():
    power = np.log(counts[-1] / counts[-2]) / np.log(sizes[-1] / sizes[-2])
    print(f"{name:10}" + "".join(f"{count:10,}" for count in counts) + f"   n^{power:.2f}")
assert cells_of["window"][-1] == 1024 * 17 - 8 * 9
assert cells_of["full"][-1] > 20 * cells_of["Longformer"][-1]

# %% [markdown]
"""
Under a mask, a dense product computes all cells and then hides most of them. To save work, only the cells of the
pattern may be computed. For a window that is short: cut the $2w + 1$ neighbours of each word out of the keys and
values.
"""


# %%
def dense(q: Tensor, k: Tensor, v: Tensor, cells: Tensor) -> Tensor:
    """Attend with all cells, most of them hidden: (n, d) three times and (n, n) -> (n, d)."""
    return softmax(q @ k.T / q.shape[-1] ** 0.5, cells) @ v


def sliding(q: Tensor, k: Tensor, v: Tensor, w: int) -> Tensor:
    """Attend in a window with n (2 w + 1) cells: (n, d) three times -> (n, d)."""
    near_k, near_v = (functional.pad(x, (0, 0, w, w)).unfold(0, 2 * w + 1, 1) for x in (k, v))  # (n, d, 2 w + 1)
    inside = functional.pad(torch.ones(len(q), dtype=torch.bool), (w, w)).unfold(0, 2 * w + 1, 1)
    weights = softmax((q[:, :, None] * near_k).sum(1) / q.shape[-1] ** 0.5, inside)
    return (near_v * weights[:, None]).sum(-1)


q, k, v = torch.randn(3, 1024, 16)
assert torch.allclose(sliding(q, k, v, 8), dense(q, k, v, masks.Window(width=8)(1024, 1024)), atol=1e-5)
print("the window's result is that of the hidden cells; cells computed:", 1024 * 17, "in place of", 1024 * 1024)

# %% [markdown]
"""
The library's `Sparse` does it for any pattern: it groups words that read nearly the same keys, and computes little
more than the cells of the pattern. The result is that of dense attention under the same mask.
"""

# %%
x = torch.randn(1, 1024, 32)
print(f"{'n = 1024':12}{'cells':>10}{'computed':>10}{'of all':>8}")
for name, pattern in library(w=8, stride=32).items():
    attention = Sparse(32, heads=2, patterns=pattern)
    plan = make_plan(pattern, 1024, x.device)
    assert plan is not None
    computed = sum(part.allowed.numel() for part in plan.parts) + len(plan.whole) * 1024
    print(f"{name:12}{int(pattern(1024, 1024).sum()):10,}{computed:10,}{computed / 1024**2:8.1%}")
    fast = attention(x, x, x, need_weights=False).context
    assert torch.allclose(fast, attention(x, x, x, need_weights=True).context, atol=1e-5)  # with weights it is dense
    assert computed < 1024**2 / 5

# %% [markdown]
"""
## How far a word can see

Words that do not read each other can still exchange information over several layers. The cells are the edges of a
graph; after $m$ layers a word has heard from all that it can reach in $m$ steps. Longformer (section 3.1) counts so: a
stack of windows reaches $w$ words further on each side with each layer, a dilated one $d$ times as far.
"""


# %%
def layers_needed(cells: Tensor, wanted: Tensor) -> int | None:
    """Return after how many layers all wanted cells are reached; None if never."""
    reached, step = cells.clone(), cells.float()
    for layers in range(1, len(cells) + 1):
        if (reached | ~wanted).all():
            return layers
        further = reached | (reached.float() @ step > 0)
        if (further == reached).all():
            return None
        reached = further
    return None


n = 64
everything, before = torch.ones(n, n, dtype=torch.bool), masks.Causal()(n, n)
found = {}
for name, cells in patterns(n, w=2, stride=8).items():
    found[name] = layers_needed(cells, before if name in ("strided", "fixed") else everything)
    print(f"{name:12}{found[name]} layers" + (" (of what came before)" if name in ("strided", "fixed") else ""))
assert found["window"] == 32  # by hand: 63 positions, 2 at a time
assert found["Longformer"] == 2 and found["strided"] == 2 and found["fixed"] == 2
assert found["dilated"] is None

# %% [markdown]
"""
The dilated window alone **never** connects even with odd words, however deep the network: each layer moves by an even
number. Longformer gives dilations to some heads and plain windows to others; so can you, since several patterns of
`Sparse` divide the heads. One global word (a class token, say) is enough for two layers; BigBird's random words bring
the number down without one, as exercise 3 shows.
"""

# %% [markdown]
r"""
## Exercises

1. Compute sparsemax and 1.5-entmax of $(1,\, 0.8,\, 0.1)$ by hand. (For 1.5-entmax: with mean $m$ and sum of squared
   deviations $q$ of the halved scores of $k$ words, $\tau = m - \sqrt{(1 - q) / k}$. Why?)
2. By how much has the first of two scores to lead so that $\alpha$-entmax gives it weight exactly 1? Check your
   formula for $\alpha = 1.25,\, 1.5,\, 2,\, 3$.
3. Take a window of $w = 2$ over 64 words, without global words. How many layers are needed with 0, 1, 2 and 4 random
   words for each word? What does each cost in cells?
"""

# %% [markdown]
r"""
### Answer 1

Sparsemax: with two words $\tau = 0.4$ and $p = (0.6,\, 0.4,\, 0)$; indeed $0.1 < 0.4$. 1.5-entmax: the weights are
$\sum_i (x_i - \tau)^2 = q + k (m - \tau)^2 = 1$, which gives $\tau$. With all three, $x = (0.5,\, 0.4,\, 0.05)$,
$m = 0.3167$, $q = 0.1117$ and $\tau = -0.2275$, below all of them, so that all three stay:
$p = (0.5292,\, 0.3937,\, 0.0770)$.
"""

# %%
exercise = torch.tensor([1.0, 0.8, 0.1])
half = exercise / 2
tau = half.mean() - ((1 - ((half - half.mean()) ** 2).sum()) / 3).sqrt()
print("sparsemax:", sparsemax(exercise), " 1.5-entmax:", entmax15(exercise), f" tau: {float(tau):.4f}")
assert torch.allclose(sparsemax(exercise), torch.tensor([0.6, 0.4, 0.0]))
assert torch.allclose(entmax15(exercise), (half - tau) ** 2)
assert torch.allclose(entmax15(exercise), torch.tensor([0.5292, 0.3937, 0.0770]), atol=1e-4)

# %% [markdown]
r"""
### Answer 2

Weight 1 means $(\alpha - 1) z_1 - \tau = 1$, and weight 0 means $(\alpha - 1) z_2 - \tau \le 0$. The difference gives
$z_1 - z_2 \ge 1 / (\alpha - 1)$: 4, 2, 1 and $\tfrac12$. For $\alpha \to 1$, which is softmax, it is infinite.
"""

# %%
for alpha in (1.25, 1.5, 2.0, 3.0):
    lead = 1 / (alpha - 1)
    at, below = (float(entmax(torch.tensor([lead * part, 0.0]), alpha=alpha)[0]) for part in (1.0, 0.95))
    print(f"alpha {alpha}: a lead of {lead} gives {at:.6f}, one of {0.95 * lead:.3f} gives {below:.6f}")
    assert abs(at - 1) < 1e-5 and below < 0.999999

# %% [markdown]
"""
### Answer 3

A few random words make a graph small: the number of layers falls from 32 to a handful, at $n r$ more cells at most.
"""

# %%
needed = []
for r in (0, 1, 2, 4):
    cells = masks.Window(width=2)(n, n) | (patterns(n, w=0, stride=8, g=0, r=r)["BigBird"])
    layers = layers_needed(cells, everything)
    assert layers is not None
    needed.append(layers)
    print(f"{r} random words: {layers} layers, {int(cells.sum())} cells of {n * n}")
assert needed[0] == 32 and needed[-1] < 8 and all(more >= fewer for more, fewer in pairwise(needed))
