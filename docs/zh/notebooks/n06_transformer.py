# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""# 6. 查询、键与值；多头；Transformer.

软注意力读取全部内容并给它们加权。本笔记从一个公式出发，一直搭到一个会学习的 Transformer；
每一步都把同样的数算三遍：从零实现、用库、用 torch。

你会看到：

- 注意力是一种软查找：查询与各个键比较，按匹配程度混合各个值；
- 得分为什么要除以宽度的平方根；
- 多个头，以及它们的代价；
- 掩码：填充、因果，以及什么都不许读的那一行；
- 位置：没有位置，文本只是一袋词；
- 一层，以及一个在几秒钟内学会倒转字符串的两层 Transformer，并画出它的注意力。

最后有三道练习，答案都可以运行。
"""

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.masks import Causal, Padding
from glimpse.agents.attention.multi_head import MultiHead, scaled_dot_product
from glimpse.agents.attention.multiplicative import DotScore
from glimpse.agents.attention.newest import attend_newest
from glimpse.agents.attention.normalisers import softmax
from glimpse.agents.attention.positions import sinusoids
from glimpse.agents.encoders.options import TransformerEncoderOptions
from glimpse.agents.encoders.transformer_encoder import TransformerLayer

torch.set_num_threads(1)
torch.manual_seed(0)

# %% [markdown]
r"""
## 一次注意力

$n_q$ 个查询中的每一个都与 $n_k$ 个键比较；得分的 softmax 就是各个值的权重（Vaswani 等人，2017，式 1）：

$$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\Big(\frac{Q K^\top}{\sqrt{d_k}}\Big) V$$

手算：查询是 $(1, 0)$ 和 $(0, 1)$，键是 $(1, 0), (0, 1), (1, 1)$，值是 $(1, 2), (3, 4), (5, 6)$。
第一个查询的得分是 $(1, 0, 1) / \sqrt 2$，权重之比为 $(e^{0.7071}, 1, e^{0.7071}) = (2.0281, 1, 2.0281)$，
即 $(0.4011, 0.1978, 0.4011)$。第一个值和第三个值的权重相同，第二个正好在它们中间：上下文恰好是 $(3, 4)$。
"""

# %%
query, key = torch.eye(2), torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
value = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Attend: context (..., n_q, D), and weights (..., n_q, n_k); the mask is True where a key may be read."""
    scores = query @ key.mT / query.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(-1)
    return weights @ value, weights


context, weights = attention(query, key, value)
print("weights\n", weights.numpy().round(6))
print("context\n", context.numpy().round(6))
assert torch.allclose(
    weights, torch.tensor([[0.401112, 0.197776, 0.401112], [0.197776, 0.401112, 0.401112]]), atol=1e-6
)
assert torch.allclose(context, torch.tensor([[3.0, 4.0], [3.406673, 4.406673]]), atol=1e-6)
by_library = scaled_dot_product(query, key, value, None).context
by_torch = F.scaled_dot_product_attention(query[None], key[None], value[None])[0]
assert torch.allclose(context, by_library) and torch.allclose(context, by_torch, atol=1e-6)

# %% [markdown]
r"""
## 为什么要除以平方根

两个 $d$ 维向量，各分量独立、均值为 0、方差为 1，它们的点积的方差是 $d$（3.2.1 节，脚注 4）。如果不除以平方根，
宽向量的得分相差悬殊，一个权重独占全部，而 softmax 的梯度 $\operatorname{diag}(\alpha) - \alpha \alpha^\top$ 趋于零。
库里两者都有：`dot`（Luong 等人，2015，3.1 节）和 `scaled_dot`。
"""

# %%
widths, largest = (4, 16, 64, 256, 1024), {"dot": [], "scaled_dot": []}  # type: tuple[int, ...], dict[str, list[float]]
for width in widths:
    many_queries, many_keys = torch.randn(1, 500, width), torch.randn(1, 16, width)
    for kind, score in (("dot", DotScore()), ("scaled_dot", DotScore(width**-0.5))):
        scores = score(many_queries, many_keys)
        largest[kind].append(softmax(scores).amax(-1).mean().item())
        if width == 1024:
            print(
                f"{kind:10} variance of scores {scores.var():8.2f}, mean largest of 16 weights {largest[kind][-1]:.2f}"
            )
assert largest["dot"][-1] > 0.9 and largest["scaled_dot"][-1] < 0.4

# %% [markdown]
r"""
## 多头

一个 softmax 只有一个峰，而一个词可能既需要它的动词，**又**需要它的名词。因此把查询、键和值映射 $h$ 次，
每次到 $d_k = d / h$ 维，分别做注意力，再拼接起来（3.2.2 节）：

$$\mathrm{MultiHead}(Q, K, V) = [\mathrm{head}_1; \ldots; \mathrm{head}_h] W^O, \qquad
\mathrm{head}_i = \mathrm{Attention}(Q W_i^Q, K W_i^K, V W_i^V)$$

不论有几个头，这些映射都有 $4 d^2$ 个权重（和 $4 d$ 个偏置）。先从零实现，逐个头计算；再用库里的 `MultiHead`；
再用 torch 的 `nn.MultiheadAttention`，它把三个输入映射叠放在一个矩阵里。
"""

# %%
WIDTH, HEADS = 8, 2
library = MultiHead(WIDTH, HEADS)


def multi_head(module: MultiHead, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Compute multi-head self-attention of tokens x (n, D), head by head, with the maps of a library's module."""
    maps, size, joined = module.heads, WIDTH // HEADS, []
    q, k, v = maps.query(x), maps.key(x), maps.value(x)
    for head in range(HEADS):
        own = slice(head * size, (head + 1) * size)
        joined.append(attention(q[:, own], k[:, own], v[:, own], mask)[0])
    mixed: Tensor = maps.out(torch.cat(joined, -1))
    return mixed


def as_torch(module: MultiHead) -> nn.MultiheadAttention:
    """Make torch's module with the weights of the library's."""
    maps, made = module.heads, nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    inputs = (maps.query, maps.key, maps.value)
    made.in_proj_weight.data = torch.cat([each.weight.data for each in inputs])
    made.in_proj_bias.data = torch.cat([each.bias.data for each in inputs])
    made.out_proj.load_state_dict(maps.out.state_dict())
    return made.eval()


tokens = torch.randn(3, 5, WIDTH)  # (B, n, D)
with torch.no_grad():
    found = library(tokens, tokens, tokens)
    by_torch, its_weights = as_torch(library)(tokens, tokens, tokens, average_attn_weights=False)
    scratch = torch.stack([multi_head(library, text) for text in tokens])
    assert torch.allclose(found.context, scratch, atol=1e-6) and torch.allclose(found.context, by_torch, atol=1e-6)
    assert torch.allclose(found.weights, its_weights, atol=1e-6)
count = sum(weight.numel() for weight in library.parameters())
print(f"equal three times; weights {tuple(found.weights.shape)}; {count} parameters = 4 d^2 + 4 d")
assert count == 4 * WIDTH**2 + 4 * WIDTH

# %% [markdown]
"""
## 掩码

掩码规定查询可以读哪些键。有两种总是需要的：**填充**掩码，因为一个批次里的文本长短不一；**因果**掩码，
因为要预测的词元不能被读到（3.2.3 节）。各个库对 True 的含义约定不同：在这里以及在 torch 的
`scaled_dot_product_attention` 中，True 表示可以读；在 `nn.MultiheadAttention` 中，True 表示被遮住。

还有一种情况常被忽略：**什么都**不许读的查询。全是负无穷时 softmax 得到 NaN，而一个 NaN 会在下一次更新时毁掉全部权重。
库返回零。
"""

# %%
lengths = (5, 3, 0)
real = torch.arange(5) < torch.tensor(lengths)[:, None]  # (B, n), True = a real token
causal = Causal().over(real)  # (B, n, n)
assert torch.equal(causal, (Causal() & Padding(lengths=lengths))(5, 5))
print(Causal().draw(5))
with torch.no_grad():
    found = library(tokens, tokens, tokens, causal)
    by_torch, _ = as_torch(library)(
        tokens, tokens, tokens, key_padding_mask=~real, attn_mask=~torch.ones(5, 5, dtype=torch.bool).tril()
    )
    scratch = torch.stack([multi_head(library, text, its) for text, its in zip(tokens, causal, strict=True)])
assert torch.allclose(found.context[:2], by_torch[:2], atol=1e-6)
assert torch.allclose(found.context[:2], scratch[:2], atol=1e-6)
print(f"empty text: torch {by_torch[2, 0, 0].item()}, from scratch {scratch[2, 0, 0].item()}, library", end=" ")
print(found.context[2, 0, 0].item())
assert by_torch[2].isnan().all() and scratch[2].isnan().all() and not found.context[2].any()

# What comes later, or is padding, changes nothing, to the bit.
changed = tokens.clone()
changed[0, 3:] += 1
changed[1, 3:] += 1
with torch.no_grad():
    after = library(changed, changed, changed, causal).context
assert torch.equal(after[0, :3], found.context[0, :3]) and torch.equal(after[1, :3], found.context[1, :3])

# %%
assert found.weights is not None
figure, axes = plt.subplots(1, 4, figsize=(7.5, 2.1), dpi=70)
pictures = {
    "causal mask, 5 words": causal[0].float(),
    "3 words": causal[1].float(),
    "weights, head 1": found.weights[0, 0],
    "weights, head 2": found.weights[0, 1],
}
for axis, (title, cells) in zip(axes, pictures.items(), strict=True):
    axis.imshow(cells, cmap="Blues", vmin=0, vmax=1)
    axis.set_title(title, fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])
axes[0].set_ylabel("query", fontsize=8)
axes[0].set_xlabel("key", fontsize=8)
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
## 位置

注意力看不到次序：把词元打乱，输出也只是同样地打乱，此外什么也不变。因此要给词元加上正弦位置编码（3.5 节）：

$$PE(p, 2i) = \sin\big(p / 10000^{2i / d}\big), \qquad PE(p, 2i + 1) = \cos\big(p / 10000^{2i / d}\big)$$

$d = 4$ 时，位置 1 是 $(\sin 1, \cos 1, \sin 0.01, \cos 0.01) = (0.8415, 0.5403, 0.0100, 1.0000)$。
前进 $k$ 个位置就是把每一对特征旋转一次，从哪里出发都一样，所以相对位置是线性的：

$$\begin{pmatrix} PE(p + k, 2i) \\ PE(p + k, 2i + 1) \end{pmatrix} =
\begin{pmatrix} \cos k \omega_i & \sin k \omega_i \\ -\sin k \omega_i & \cos k \omega_i \end{pmatrix}
\begin{pmatrix} PE(p, 2i) \\ PE(p, 2i + 1) \end{pmatrix}, \quad \omega_i = 10000^{-2i / d}$$

（即正弦和余弦的和角公式；论文在 3.5 节用文字说明了这一点。）
"""

# %%
order = torch.tensor([3, 0, 4, 1, 2])
with torch.no_grad():
    shuffled = tokens[:, order]
    same = library(shuffled, shuffled, shuffled).context
    assert torch.allclose(same, library(tokens, tokens, tokens).context[:, order], atol=1e-6)

table = sinusoids(20, 4)
print("position 1:", table[1].numpy().round(6))
assert torch.allclose(table[1], torch.tensor([0.841471, 0.540302, 0.010000, 0.999950]), atol=1e-6)
k, pairs = 7, table.view(20, 2, 2)  # (positions, frequencies, sine and cosine)
angle = k * 10000 ** (-2 * torch.arange(2) / 4)
turn = torch.stack([torch.stack([angle.cos(), angle.sin()], -1), torch.stack([-angle.sin(), angle.cos()], -1)], -2)
assert torch.allclose(torch.einsum("fij,pfj->pfi", turn, pairs[:-k]), pairs[k:], atol=1e-5)

# %% [markdown]
r"""
## 一层

一层由自注意力和前馈网络 $\mathrm{FFN}(x) = \max(0, x W_1 + b_1) W_2 + b_2$（式 2）组成，
两者都带残差连接和层归一化：$\mathrm{LN}(x + f(x))$（3.1 节）。从零实现、用库、用 torch 各算一遍；
再数一数论文基本模型的一层有多少参数（$d = 512$，$h = 8$，2048 个隐藏单元）。
"""

# %%
options = TransformerEncoderOptions.model_validate(
    {"width": WIDTH, "attention": {"kind": "multi_head", "heads": HEADS}, "feed_forward": 16, "dropout": 0.0}
)
layer = TransformerLayer(options)
its_attention = layer.attention
assert isinstance(its_attention, MultiHead)
into, out = (each for each in layer.feed_forward if isinstance(each, nn.Linear))
norms = [each for each in layer.modules() if isinstance(each, nn.LayerNorm)]


def layer_from_scratch(module: MultiHead, x: Tensor) -> Tensor:
    """Apply the layer to tokens x (n, D), by the equations."""
    x = F.layer_norm(x + multi_head(module, x), [WIDTH], norms[0].weight, norms[0].bias)
    hidden = (x @ into.weight.T + into.bias).clamp(min=0)
    return F.layer_norm(x + hidden @ out.weight.T + out.bias, [WIDTH], norms[1].weight, norms[1].bias)


reference = nn.TransformerEncoderLayer(WIDTH, HEADS, 16, dropout=0.0, batch_first=True)
reference.self_attn = as_torch(its_attention)
theirs = (reference.linear1, reference.linear2, reference.norm1, reference.norm2)
for copy, ours in zip(theirs, (into, out, *norms), strict=True):
    copy.load_state_dict(ours.state_dict())
with torch.no_grad():
    found_layer = layer(tokens, torch.ones(1, 1, 5, dtype=torch.bool), False).context
    scratch = torch.stack([layer_from_scratch(its_attention, text) for text in tokens])
    assert torch.allclose(found_layer, scratch, atol=1e-5) and torch.allclose(found_layer, reference(tokens), atol=1e-5)

base = TransformerEncoderOptions.model_validate(
    {"width": 512, "attention": {"kind": "multi_head", "heads": 8}, "feed_forward": 2048}
)
count = sum(weight.numel() for weight in TransformerLayer(base).parameters())
print(f"equal three times; a layer of the base model has {count:,} parameters")
assert count == 4 * (512**2 + 512) + (512 * 2048 + 2048) + (2048 * 512 + 512) + 2 * 2 * 512 == 3_152_384

# %% [markdown]
"""
## 会学习的 Transformer

因果掩码下的两层就是一个语言模型。这一个先读六个符号和一条竖线，然后接着写出倒转的六个符号：`3 1 4 1 5 9 |` 之后是
`9 5 1 4 1 3`。在竖线处预测下一个符号，要往回看一步；在下一个位置要看三步，依此类推。所以答案是已知的：
权重排成一条直线，从位置 $6 + t$ 指向位置 $5 - t$。（Adam 自己写：Kingma 和 Ba，2015，算法 1；
`torch.optim` 第一次使用时会导入 torch 的编译器，要花几秒钟。）
"""

# %%
SYMBOLS, LENGTH, MODEL = 10, 6, 32


class Reverser(nn.Module):
    """Causal Transformer over symbols and a bar: layers of the library, word vectors, sinusoids, and an output map."""

    def __init__(self) -> None:
        """Make the networks."""
        super().__init__()
        layer = TransformerEncoderOptions.model_validate(
            {"width": MODEL, "attention": {"kind": "multi_head", "heads": 4}, "feed_forward": 64, "dropout": 0.0}
        )
        self.embedding = nn.Embedding(SYMBOLS + 1, MODEL)
        self.first, self.second = TransformerLayer(layer), TransformerLayer(layer)
        self.out = nn.Linear(MODEL, SYMBOLS)

    def forward(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Compute logits (B, n, symbols) of the next symbol, and weights (layers, B, heads, n, n)."""
        n = symbols.shape[1]
        x, mask = self.embedding(symbols) + sinusoids(n, MODEL), Causal()(n, n)
        x, first = self.first(x, mask, True)
        x, second = self.second(x, mask, True)
        return self.out(x), torch.stack([first, second])


def make_strings(count: int) -> tuple[Tensor, Tensor]:
    """Make inputs (B, 12), six symbols, the bar and five answers, and the six answers (B, 6)."""
    symbols = torch.randint(SYMBOLS, (count, LENGTH))
    answer = symbols.flip(1)
    return torch.cat([symbols, torch.full((count, 1), SYMBOLS), answer[:, :-1]], 1), answer


torch.manual_seed(0)
model = Reverser()
moments = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in model.parameters()]
for step in range(1, 201):
    inputs, answer = make_strings(64)
    loss = F.cross_entropy(model(inputs)[0][:, LENGTH:].flatten(0, 1), answer.flatten())
    loss.backward()
    with torch.no_grad():
        for weight, (mean, square) in zip(model.parameters(), moments, strict=True):
            assert weight.grad is not None
            mean.lerp_(weight.grad, 0.1)
            square.lerp_(weight.grad.square(), 0.01)
            rate = 0.003 * min(1, step / 30)
            weight.sub_(rate * mean / (1 - 0.9**step) / ((square / (1 - 0.99**step)).sqrt() + 1e-8))
            weight.grad = None
    if step % 40 == 0:
        print(f"update {step:3}: cross-entropy {loss.item():.3f} nats (log 10 = 2.303)")


@torch.no_grad()
def share_right(model: Reverser) -> float:
    """Return the share of 500 new strings of which all six answers are right."""
    torch.manual_seed(1)
    inputs, answer = make_strings(500)
    return float((model(inputs)[0][:, LENGTH:].argmax(-1) == answer).all(1).float().mean())


right = share_right(model)
with torch.no_grad():
    inputs, answer = make_strings(500)
    _, maps = model(inputs)
rows = torch.arange(LENGTH, 2 * LENGTH)
on_line = maps[:, :, :, rows, 2 * LENGTH - 1 - rows].mean((1, 3))  # (layers, heads)
print(f"whole strings right: {right:.3f}")
print("mean weight on the line, heads of layer 1:", on_line[0].numpy().round(2))
print("                         heads of layer 2:", on_line[1].numpy().round(2))
assert right > 0.95 and on_line.max() > 0.5

# %%
figure, axes = plt.subplots(2, 4, figsize=(7.5, 4), dpi=70)
for axis, cells, share in zip(axes.flat, maps.mean(1).flatten(0, 1), on_line.flatten().tolist(), strict=True):
    axis.imshow(cells, cmap="Blues", vmin=0, vmax=1)
    axis.axhline(LENGTH - 0.5, color="gray", linewidth=0.5)
    axis.set_title(f"{share:.2f}", fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])
for number in (0, 1):
    axes[number, 0].set_ylabel(f"layer {number + 1}", fontsize=8)
figure.suptitle("mean weights of each head, and its weight on the line", fontsize=9)
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
## 在配置中

```sh
glimpse train reverse-transformer --folder runs/reverse
glimpse translate runs/reverse "a b c d" --show
glimpse train sst2-transformer agent.encoder.attention.heads=8 --folder runs/heads
```

第一条命令在同样的任务上训练一个编码器和一个解码器，不需要数据。

## 练习

1. 把查询乘以 $\beta$。$\beta$ 很大时，上下文变成什么？对下面的查询，$\beta$ 至少多大，最大的权重才不小于 0.999？
2. 语言模型一个接一个地写出词元。证明：用保留下来的前面词元的键和值，算出的最新词元的上下文，就是因果注意力的最后一行。
   保留与不保留键和值，$n$ 个词元各要计算多少个得分？
3. 在上面的模型中，把一个头在 $W^O$ 中对应的部分置零，逐个关闭各个头。它需要哪些头？

### 答案 1

$\beta e$ 的 softmax 趋向最大的得分：注意力变成只选一个值，也就是不用采样的硬注意力。得分为 $(1, 0, 0.5)$ 时，
最大的权重是 $1 / (1 + e^{-\beta} + e^{-\beta / 2})$。它等于 0.999 的条件是
$e^{-\beta / 2} + e^{-\beta} = 1/999$；令 $y = e^{-\beta / 2}$，即 $y^2 + y = 1/999$。所以 $y \approx 0.001$，
$\beta \approx 2 \cdot 6.908 = 13.8$。
"""

# %%
one_query, three_keys = torch.tensor([[1.0]]), torch.tensor([[1.0], [0.0], [0.5]])
for beta in (1.0, 5.0, 13.8, 14.0, 50.0):
    context, weights = attention(beta * one_query, three_keys, value)
    print(f"beta {beta:4}: weights {weights[0].numpy().round(4)}, context {context[0].numpy().round(3)}")
y = (-1 + (1 + 4 / 999) ** 0.5) / 2
beta = -2 * torch.tensor(y).log().item()
print(f"exact: beta = {beta:.4f}")
assert abs(attention(beta * one_query, three_keys, value)[1].max().item() - 0.999) < 1e-5

# %% [markdown]
r"""
### 答案 2

最新的一行只需要它自己的查询，以及所有的键和值，而键和值不依赖后面的词元。保留它们时，$n$ 个词元要计算
$1 + 2 + \ldots + n = n (n + 1) / 2$ 个得分；每一步都重新计算时，要
$1^2 + 2^2 + \ldots + n^2 = n (n + 1)(2 n + 1) / 6$ 个。
"""

# %%
n, kept = tokens.shape[1], (torch.empty(3, HEADS, 0, WIDTH // HEADS), torch.empty(3, HEADS, 0, WIDTH // HEADS))
with torch.no_grad():
    rows_of_all = library(tokens, tokens, tokens, Causal()(n, n)).context
    for position in range(n):
        newest, kept = attend_newest(library, tokens[:, position : position + 1], kept)
        assert torch.allclose(newest[:, 0], rows_of_all[:, position], atol=1e-6)
print(
    f"equal for all {n} positions; for 1,000 tokens {1000 * 1001 // 2:,} scores, and anew {1000 * 1001 * 2001 // 6:,}"
)

# %% [markdown]
r"""
### 答案 3

$[\mathrm{head}_1; \ldots; \mathrm{head}_h] W^O$ 是各个头的 $\mathrm{head}_i W_i^O$ 之和，
所以把 $W^O$ 的一部分置零，只去掉一个头，别的都不变。第二层的所有头都沿着那条直线读，因此失去任何一个都不致命。
"""

# %%
shares = torch.empty(2, 4)
for number, block in enumerate((model.first, model.second)):
    assert isinstance(block.attention, MultiHead)
    matrix = block.attention.heads.out.weight  # (D, D); its columns read the joined heads
    for head in range(4):
        before = matrix.data.clone()
        matrix.data[:, head * MODEL // 4 : (head + 1) * MODEL // 4] = 0
        shares[number, head] = share_right(model)
        matrix.data.copy_(before)
print("strings right without each head, layer 1:", shares[0].numpy().round(2))
print("                                 layer 2:", shares[1].numpy().round(2))
assert share_right(model) == right and 0.3 < shares.min() < right
