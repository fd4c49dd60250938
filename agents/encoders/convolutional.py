"""Convolutions over tokens (Kim, 2014, "Convolutional neural networks for sentence classification").

Axes: B texts, L tokens, E width of a token's vector, F filters of a width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from glimpse.agents.encoders.encoded import Encoded, Encoder, real_first
from glimpse.agents.encoders.options import CnnEncoderOptions


class CnnEncoder(Encoder):
    """Convolutional encoder: filters of several widths, ReLU, and the maximum of each over the text (section 2).

    A text shorter than a filter is padded with zeros.
    """

    def __init__(self, options: CnnEncoderOptions, embedding_width: int) -> None:
        """Make the filters for tokens (B, L, E)."""
        super().__init__()
        self.filters = nn.ModuleList(nn.Conv1d(embedding_width, options.filters, width) for width in options.widths)
        self.width = options.filters * len(options.widths)

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts; see `Encoder`."""
        tokens, mask, _ = real_first(tokens, mask)
        silent = tokens.masked_fill(~mask.unsqueeze(-1), 0.0).mT  # (B, E, L)
        length = mask.sum(1, keepdim=True)
        largest = [self._largest(conv, silent, length) for conv in self.filters]
        return Encoded(torch.where(length > 0, torch.cat(largest, -1), 0.0), {})

    def _largest(self, conv: nn.Module, tokens: Tensor, length: Tensor) -> Tensor:
        """Compute the largest responses (B, F) of one width, over windows inside the text."""
        assert isinstance(conv, nn.Conv1d)
        width = conv.kernel_size[0]
        short = width - 1 if torch.compiler.is_exporting() else max(0, width - tokens.shape[-1])
        response = conv(functional.pad(tokens, (0, short))).relu()  # (B, F, windows)
        begin = torch.arange(response.shape[-1], device=tokens.device)
        inside = begin <= (length - width).clamp(min=0)  # (B, windows); the first one always counts
        largest: Tensor = response.masked_fill(~inside.unsqueeze(1), 0.0).amax(-1)
        return largest
