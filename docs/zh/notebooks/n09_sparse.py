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
"""# 9. 稀疏注意力：entmax 与掩码.

softmax 给每个词的权重都大于零，完整的自注意力为每一对词计算分数。两者都可以改变，而这是共用一个名字的两件不同的事：

* **稀疏的权重**：sparsemax 和 entmax 给出的权重可以恰好为零。哪些为零是学出来的；所有的分数仍然要计算。
* **稀疏的模式**：掩码事先规定哪些词对才计算。这能节省计算量。

我们对三个分数手算 sparsemax 和 1.5-entmax，推导它们的梯度，看它们在长文本中的作用。
然后画出 Sparse Transformer、Longformer 和 BigBird 的掩码，数它们的格子，并问一个词要经过多少层才能到达另一个词。
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
## 手算三个分数

取分数 $z = (0.4,\, 0,\, -1.6)$。**softmax** 是 $p_i = e^{z_i} / \sum_j e^{z_j}$（Martins 和 Astudillo，2016，公式 1）
。
没有一个权重为零。

**sparsemax** 是单纯形 $\Delta$（所有可能的权重）上离 $z$ 最近的点（Martins 和 Astudillo，2016，公式 2）；
它的解把阈值 $\tau$ 以下的部分截掉（他们的命题 1）：

$$\mathrm{sparsemax}(z) = \arg\min_{p \in \Delta} \lVert p - z \rVert^2, \quad
p_i = \max(z_i - \tau,\, 0), \quad \tau = \frac{\sum_{j \in S} z_j - 1}{|S|}$$

$S$ 是高于 $\tau$ 的那些分数。手算：取最大的两个，$\tau = (0.4 + 0 - 1) / 2 = -0.3$，
于是 $p = (0.7,\, 0.3,\, 0)$。第三个分数 $-1.6$ 确实低于 $\tau$，所以 $S$ 取对了。

**$\alpha$-entmax**（Peters、Niculae 和 Martins，2019，第 3 节）用 Tsallis 熵代替距离。softmax 是 $\alpha = 1$，
sparsemax 是 $\alpha = 2$：

$$\alpha\text{-entmax}(z) = \arg\max_{p \in \Delta} \; p^\top z + H_\alpha(p), \quad
H_\alpha(p) = \frac{1}{\alpha (\alpha - 1)} \sum_j (p_j - p_j^\alpha), \quad
p_i = \max((\alpha - 1) z_i - \tau,\, 0)^{1 / (\alpha - 1)}$$

对 $\alpha = 1.5$ 手算：$p_i = \max(z_i / 2 - \tau, 0)^2$，分数的一半是 $0.2,\, 0,\, -0.8$。
需要 $a^2 + b^2 = 1$ 且 $a - b = 0.2$：就是 $0.8$ 和 $0.6$，所以 $\tau = -0.6$，$p = (0.64,\, 0.36,\, 0)$。
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
这些权重真的是定义它们的那些问题的解吗？我们不轻信推导，把所有是 0.01 的倍数的权重都试一遍，共 5151 种：
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
## 从零写起

对 sparsemax，排序就能找到 $\tau$。对任意的 $\alpha$，权重之和随 $\tau$ 的增大而减小，
所以用二分法就能找到使和为 1 的 $\tau$
（Peters 等人，2019，算法 1）。库里另有对 $\alpha = 1.5$ 的排序算法（他们的算法 2）、掩码和梯度；得到的数相同。
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
对两个分数 $(t, 0)$，可以看到整个函数。sparsemax 从 $t = 1$ 起把全部权重给第一个，1.5-entmax 从 $t = 2$ 起，
softmax 永远不会。
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
## 梯度：没有权重的词什么也听不到

记 $s_i = p_i^{2 - \alpha}$（$p_i > 0$ 时），其余为 0，$\alpha$-entmax 的雅可比矩阵是（Peters 等人，2019，命题 1）

$$\frac{\partial p}{\partial z} = \mathrm{diag}(s) - \frac{s s^\top}{\sum_j s_j}$$

对 sparsemax 手算，$s$ 在支撑集上为 1：各行是 $(\tfrac12, -\tfrac12, 0)$、$(-\tfrac12, \tfrac12, 0)$ 和 $(0, 0, 0)$。
第三个词得不到梯度。softmax 会告诉一个被忽视的词它是需要的；sparsemax 不会。
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
## 为什么在长文本中重要

一个词的分数是 4，其余 $n - 1$ 个词的分数是 0。用 softmax，这个词的权重是 $e^4 / (e^4 + n - 1)$：文本越长，剩下的越少，
尽管这个词本身没有任何变化。sparsemax 和 1.5-entmax 不论 $n$ 是多少都给它权重 1，因为它领先的幅度分别超过了 1 和 2。
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
glimpse 的所有注意力都可以按名称选择归一化函数，在 Python 中和在配置中都可以
（`agent.encoder.pooling.normaliser=sparsemax`）。掩码把一些词对它隐藏起来：它们的权重恰好为 0；
一行中如果没有任何词可读，就全是零，而不是 NaN。
"""

# %%
shown = torch.tensor([[True, False, True], [False, False, False]])
for kind in ("softmax", "sparsemax", "entmax15"):
    print(f"{kind:10}", make_normaliser(kind)(scores.expand(2, 3), shown).tolist())
assert sparsemax(scores.expand(2, 3), shown).tolist() == [[1, 0, 0], [0, 0, 0]]

# %% [markdown]
r"""
## 模式

掩码是一张由格子组成的表：第 $i$ 行是在读的词，第 $j$ 列是被读的词。记 $S_i$ 为词 $i$ 可以读的词，
某个模式下的注意力是（Child、Gray、Radford 和 Sutskever，2019，公式 2 至 4）

$$a(x_i, S_i) = \mathrm{softmax}\left( \frac{(W_q x_i) K_{S_i}^\top}{\sqrt d} \right) V_{S_i}$$

| 模式 | $S_i$ | 出处 |
| --- | --- | --- |
| 窗口（window） | $\lvert i - j \rvert \le w$ | Longformer（Beltagy、Peters 和 Cohan，2020，3.1 节） |
| 空洞（dilated） | $\lvert i - j \rvert \in \{0, d, 2d, \ldots, wd\}$ | Longformer，3.1 节 |
| 全局（global） | $i < g$ 或 $j < g$ | Longformer，3.1 节 |
| 局部（local） | $i - l < j \le i$ | Sparse Transformer（Child 等人，2019，4.3 节） |
| 跨步（strided） | $j \le i$ 且 $(i - j) \bmod l = 0$ | Sparse Transformer，4.3 节 |
| 固定（fixed） | 自己所在的长为 $l$ 的块中到自己为止的词，以及之前各块的最后 $c$ 个词 | Sparse Transformer，4.3 节 |
| 随机（random） | 每个 $i$ 有 $r$ 个随机的词 | BigBird（Zaheer 等人，2020，第 2 节） |

Longformer 自己的 $w$ 是整个窗口；这里的 $w$ 和 glimpse 中一样，是每一侧的邻居数。
局部模式按 Child 等人的代码；他们的正文多一个词。每种模式都只是一行代码：
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
`glimpse masks` 在终端里画出它们；在配置中，一个模式写作 `{kind: window, width: 2}`。模式可以用 `&`、`|` 和 `~` 组合。

## 代价是多少

注意力的代价就是它的格子：每一格要 $d$ 次乘加来算分数，再要 $d$ 次来算上下文。手算：一个窗口有 $n (2w + 1)$ 格，
减去落在外面的 $w (w + 1)$ 格；$g$ 个全局词增加一些行和列；步幅取 $\sqrt n$ 时，
局部模式和跨步模式每行约有 $\sqrt n$ 格，
总共 $O(n \sqrt n)$（Child 等人，2019）。
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
在掩码之下，稠密的乘积会计算所有的格子，再把其中大部分隐藏起来。要节省计算量，就只能计算模式中的格子。
对窗口来说这很简短：从键和值中切出每个词的 $2w + 1$ 个邻居。
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
库中的 `Sparse` 对任何模式都这样做：它把所读的键几乎相同的词编成组，计算的格子只比模式的格子稍多一些。
结果与同一掩码下的稠密注意力相同。
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
## 一个词能看多远

互相不读的词仍然可以经过几层交换信息。格子就是一个图的边；经过 $m$ 层，一个词就听到了它在 $m$ 步之内能到达的所有词。
Longformer（3.1 节）也是这样算的：堆叠的窗口每加一层，两侧就各远 $w$ 个词，空洞窗口则远 $d$ 倍。
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
单独使用空洞窗口，偶数位置的词和奇数位置的词**永远**连不起来，不管网络有多深：每一层都移动偶数步。
Longformer 让一些头用空洞窗口，另一些头用普通窗口；你也可以这样做，因为 `Sparse` 的几个模式会分配给各个头。
只要一个全局词（例如分类词元），两层就够了；BigBird 的随机词没有全局词也能使层数减少，见练习 3。
"""

# %% [markdown]
r"""
## 练习

1. 手算 $(1,\, 0.8,\, 0.1)$ 的 sparsemax 和 1.5-entmax。（对 1.5-entmax：记 $m$ 为 $k$ 个词的分数的一半的均值，
   $q$ 为它们的离差平方和，则 $\tau = m - \sqrt{(1 - q) / k}$。为什么？）
2. 两个分数中，第一个要领先多少，$\alpha$-entmax 才会给它恰好为 1 的权重？
   用 $\alpha = 1.25,\, 1.5,\, 2,\, 3$ 检验你的公式。
3. 取 64 个词、$w = 2$ 的窗口，没有全局词。每个词有 0、1、2、4 个随机词时，各需要多少层？各要多少格？
"""

# %% [markdown]
r"""
### 答案 1

sparsemax：取两个词，$\tau = 0.4$，$p = (0.6,\, 0.4,\, 0)$；确实 $0.1 < 0.4$。
1.5-entmax：权重之和是 $\sum_i (x_i - \tau)^2 = q + k (m - \tau)^2 = 1$，由此得到 $\tau$。
三个都取时，$x = (0.5,\, 0.4,\, 0.05)$，$m = 0.3167$，$q = 0.1117$，$\tau = -0.2275$，低于所有的分数，所以三个都留下：
$p = (0.5292,\, 0.3937,\, 0.0770)$。
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
### 答案 2

权重为 1 意味着 $(\alpha - 1) z_1 - \tau = 1$，权重为 0 意味着 $(\alpha - 1) z_2 - \tau \le 0$。
两式相减得 $z_1 - z_2 \ge 1 / (\alpha - 1)$：即 4、2、1 和 $\tfrac12$。当 $\alpha \to 1$，也就是 softmax，它是无穷大。
"""

# %%
for alpha in (1.25, 1.5, 2.0, 3.0):
    lead = 1 / (alpha - 1)
    at, below = (float(entmax(torch.tensor([lead * part, 0.0]), alpha=alpha)[0]) for part in (1.0, 0.95))
    print(f"alpha {alpha}: a lead of {lead} gives {at:.6f}, one of {0.95 * lead:.3f} gives {below:.6f}")
    assert abs(at - 1) < 1e-5 and below < 0.999999

# %% [markdown]
"""
### 答案 3

几个随机词就使图变小：层数从 32 降到几层，最多只多 $n r$ 格。
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
