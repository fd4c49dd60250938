# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
r"""# 6. Queries, keys and values; heads; a Transformer.

Soft attention reads everything and weighs it. This notebook builds it from one equation up to a Transformer that
learns, and at each step computes the same numbers three times: from scratch, by the library, and by torch.

You will see

- attention as a soft look-up: a query is compared with keys, and values are mixed by the match;
- why scores are divided by the root of the width;
- several heads, and what they cost;
- masks: padding, causal, and the row that may read nothing;
- positions, without which a text is a bag of words;
- a layer, and a two-layer Transformer that learns to reverse strings in seconds, with its attention drawn.

Three exercises follow, with answers that run.
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
## One attention

Each of $n_q$ queries is compared with $n_k$ keys; the softmax of the scores weighs the values (Vaswani et al., 2017,
equation 1):

$$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\Big(\frac{Q K^\top}{\sqrt{d_k}}\Big) V$$

By hand, with the queries $(1, 0)$ and $(0, 1)$, the keys $(1, 0), (0, 1), (1, 1)$ and the values
$(1, 2), (3, 4), (5, 6)$: the first query's scores are $(1, 0, 1) / \sqrt 2$, its weights in proportion
$(e^{0.7071}, 1, e^{0.7071}) = (2.0281, 1, 2.0281)$, which are $(0.4011, 0.1978, 0.4011)$. The first and the third value
count equally, and the second one is their middle: the context is exactly $(3, 4)$.
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
## Why the root

The dot product of two vectors of $d$ independent numbers with mean 0 and variance 1 has variance $d$ (section 3.2.1,
footnote 4). Without the root, scores of wide vectors are far apart, one weight takes all, and the gradient of the
softmax, $\operatorname{diag}(\alpha) - \alpha \alpha^\top$, vanishes. The library has both: `dot` (Luong et al., 2015,
section 3.1) and `scaled_dot`.
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
## Heads

A softmax has one peak, but a word may need its verb *and* its noun. So queries, keys and values are mapped $h$ times to
$d_k = d / h$ numbers, attended to each by itself, and joined (section 3.2.2):

$$\mathrm{MultiHead}(Q, K, V) = [\mathrm{head}_1; \ldots; \mathrm{head}_h] W^O, \qquad
\mathrm{head}_i = \mathrm{Attention}(Q W_i^Q, K W_i^K, V W_i^V)$$

The maps have $4 d^2$ weights (and $4 d$ biases) for any number of heads. From scratch, head by head; then the library's
`MultiHead`; then torch's `nn.MultiheadAttention`, whose three input maps are stacked in one matrix.
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
r"""
## Masks

A mask says which keys a query may read. Two are always needed: *padding*, since texts of a batch have different
lengths, and *causal* masks, since a token that is to be predicted must not be read (section 3.2.3). Libraries differ in
what True means: here, and in torch's `scaled_dot_product_attention`, True may be read; in
`nn.MultiheadAttention`, True is hidden.

A third case is overlooked: a query that may read *nothing*. The softmax of minus infinities is NaN, and one NaN spoils
all weights at the next update. The library returns zeros.
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
## Positions

Attention does not see order: if the tokens are permuted, so are the outputs, and nothing else happens. Therefore
sinusoids are added to the tokens (section 3.5):

$$PE(p, 2i) = \sin\big(p / 10000^{2i / d}\big), \qquad PE(p, 2i + 1) = \cos\big(p / 10000^{2i / d}\big)$$

With $d = 4$, position 1 is $(\sin 1, \cos 1, \sin 0.01, \cos 0.01) = (0.8415, 0.5403, 0.0100, 1.0000)$. A step of $k$
positions is a rotation of each pair of features, the same wherever one starts, so that relative positions are linear:

$$\begin{pmatrix} PE(p + k, 2i) \\ PE(p + k, 2i + 1) \end{pmatrix} =
\begin{pmatrix} \cos k \omega_i & \sin k \omega_i \\ -\sin k \omega_i & \cos k \omega_i \end{pmatrix}
\begin{pmatrix} PE(p, 2i) \\ PE(p, 2i + 1) \end{pmatrix}, \quad \omega_i = 10000^{-2i / d}$$

(the addition theorems of sine and cosine; the paper says so in words, in section 3.5).
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
## A layer

A layer is self-attention and a feed-forward network, $\mathrm{FFN}(x) = \max(0, x W_1 + b_1) W_2 + b_2$ (equation 2),
each with a residual connection and layer norm: $\mathrm{LN}(x + f(x))$ (section 3.1). From scratch, by the library and
by torch; and the number of parameters of a layer of the paper's base model ($d = 512$, $h = 8$, 2048 hidden units).
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
r"""
## A Transformer that learns

Two layers under a causal mask are a language model. This one reads six symbols and a bar, and continues with the six
symbols in reverse: `3 1 4 1 5 9 |` is followed by `9 5 1 4 1 3`. To predict the next symbol at the bar it must look one
step back, at the next position three, and so on: the known answer is a straight line of weights, from position
$6 + t$ to position $5 - t$. (Adam by hand: Kingma and Ba, 2015, algorithm 1; `torch.optim` imports torch's compiler
when first used, which takes seconds.)
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
## In a config

```sh
glimpse train reverse-transformer --folder runs/reverse
glimpse translate runs/reverse "a b c d" --show
glimpse train sst2-transformer agent.encoder.attention.heads=8 --folder runs/heads
```

The first trains an encoder and a decoder on the same task, without data.

## Exercises

1. Multiply the query by $\beta$. What does the context become for large $\beta$? Which $\beta$ makes the largest weight
   of the first query below at least 0.999?
2. A language model writes one token after the other. Show that the context of the newest token, from the keys and
   values of earlier tokens that were kept, is the last row of causal attention. How many scores are computed for $n$
   tokens with and without keeping them?
3. Silence one head after the other in the model above, by zeroing its rows of $W^O$. Which heads does it need?

### Answer 1

The softmax of $\beta e$ tends to the largest score: attention becomes a choice of one value, hard attention without
sampling. With the scores $(1, 0, 0.5)$ the largest weight is $1 / (1 + e^{-\beta} + e^{-\beta / 2})$. It is 0.999 where
$e^{-\beta / 2} + e^{-\beta} = 1/999$; with $y = e^{-\beta / 2}$ that is $y^2 + y = 1/999$. So $y \approx 0.001$, and
$\beta \approx 2 \cdot 6.908 = 13.8$.
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
### Answer 2

The newest row needs its own query, and all keys and values, which do not depend on later tokens. Kept, $n$ tokens cost
$1 + 2 + \ldots + n = n (n + 1) / 2$ scores; computed anew at each step,
$1^2 + 2^2 + \ldots + n^2 = n (n + 1)(2 n + 1) / 6$.
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
### Answer 3

$[\mathrm{head}_1; \ldots; \mathrm{head}_h] W^O$ is a sum over heads of $\mathrm{head}_i W_i^O$, so that a zeroed part
of $W^O$ removes one head and nothing else. All heads of layer 2 read along the line, so that no loss of one is fatal.
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
