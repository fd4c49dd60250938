"""Pictures of several sizes in one flat tensor, which may be a file that is read as it is looked at.

Axes: N pictures, R looks, C channels, H x W pixels of the canvas that all pictures share, h x w of a window.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor

from glimpse.envs.data.fingerprints import weights_of_values
from glimpse.envs.data.free_memory import refuse_if_too_large
from glimpse.envs.live_line import counting, progress_of

MARGIN = 1 << 16
"""Zeros before the first and behind the last picture, so that rows of windows may begin and end there."""
_MOST_UNCHECKED = 1 << 28
"""Bytes of whole pictures that are made without asking for the memory that is free."""
_DIGESTED_WHOLE = 1 << 30
"""Bytes of canvases up to which pictures are digested with the black around them, however much that is."""
_CHUNK = 1 << 26
"""Bytes of whole pictures that are made at a time where all are wanted."""


class PictureSet:
    """N pictures (C, own height, own width) uint8, each at the centre of a canvas of zeros that has one size for all.

    What is asked for is copied; nothing else of the pictures is read. Indexing gives whole canvases.

    Attributes:
        shape: (N, C, H, W), as if all canvases were one tensor.
        sizes: (N, 2) int64, the own height and width of each picture.
        device: Where results are.
    """

    def __init__(self, pixels: Tensor, start: Tensor, sizes: Tensor, canvas: tuple[int, int, int]) -> None:
        """Describe pictures that are in memory already.

        Args:
            pixels: (L,) uint8 on the CPU, with `MARGIN` zeros before the first picture and behind the last one.
            start: (N,) int64, the first byte of each picture; its channels, rows and columns follow in this order.
            sizes: (N, 2) int64, the height and width of each picture.
            canvas: (C, H, W), which no picture exceeds.
        """
        self._pixels, self._start, self.sizes = pixels, start, sizes
        self.shape = torch.Size((len(start), *canvas))
        self.device = torch.device("cpu")
        self._corner = (torch.tensor(canvas[1:]) - sizes) // 2  # (N, 2) row and column of each on its canvas

    @classmethod
    def of_images(cls, images: Tensor) -> "PictureSet":
        """Return a copy of images (N, C, H, W) uint8, all of which fill their canvas."""
        count, channels, height, width = images.shape
        pixels = torch.zeros(images.numel() + 2 * MARGIN, dtype=torch.uint8)
        pixels[MARGIN : MARGIN + images.numel()].view(images.shape).copy_(images)
        start = MARGIN + torch.arange(count) * (channels * height * width)
        return PictureSet(pixels, start, torch.tensor([[height, width]]).expand(count, 2), (channels, height, width))

    def __len__(self) -> int:
        """Return the number of pictures N."""
        return len(self._start)

    def to(self, device: torch.device) -> Self:
        """Return the same pictures, whose results are on a device; they themselves stay where they are."""
        other = type(self).__new__(type(self))
        vars(other).update({**vars(self), "device": device})
        return other

    def own(self, number: int) -> Tensor:
        """Return one picture without its canvas: (C, own height, own width) uint8."""
        height, width = self.sizes[number].tolist()
        count, begin = self.shape[1] * height * width, int(self._start[number])
        self._note_read(count)
        return self._pixels[begin : begin + count].view(self.shape[1], height, width).clone()

    def __getitem__(self, index: int | Tensor | list[int]) -> Tensor:
        """Return whole canvases: one, (C, H, W), for a number; (R, C, H, W) for numbers (R,)."""
        if isinstance(index, int):
            return self[torch.tensor([index])][0]
        chosen = torch.as_tensor(index).cpu()
        needed = len(chosen) * self.shape[1:].numel()
        if needed > _MOST_UNCHECKED:
            size = f"{self.shape[2]} x {self.shape[3]}"
            refuse_if_too_large(needed, f"{len(chosen):,} whole pictures of {size} pixels", "Set task.image_size.")
        whole = torch.zeros(len(chosen), *self.shape[1:], dtype=torch.uint8)
        for canvas, number in zip(whole, chosen.tolist(), strict=True):
            self._put(canvas, number)
        return whole.to(self.device)

    def windows(self, index: Tensor, corner: Tensor, width: int, height: int) -> Tensor:
        """Cut a window out of each canvas; what lies outside is zero.

        Args:
            index: (R,) int64 in [0, N).
            corner: (R, 2) int64, the first column and row; they may lie outside of the canvas.
            width: of all windows, at most `MARGIN`.
            height: of all windows.

        Returns:
            (R, C, height, width) uint8.
        """
        index, (left, top) = index.cpu(), corner.cpu().unbind(1)
        high, wide = self.sizes[index].unbind(1)
        down, right = self._corner[index].unbind(1)
        rows, first = (top - down)[:, None] + torch.arange(height), left - right  # (R, height) and (R,) in the picture
        begin = torch.minimum(first.clamp(min=-width), wide)
        channel = self._start[index][:, None] + torch.arange(self.shape[1]) * (high * wide)[:, None]
        byte = channel[:, :, None] + (rows * wide[:, None] + begin[:, None])[:, None]  # (R, C, height)
        # Rows above and below the picture are read from the margin, which begins with zeros.
        byte.masked_fill_(((rows < 0) | (rows >= high[:, None]))[:, None], 0)
        self._note_read(int((high.clamp(max=height) * wide).sum()) * self.shape[1], blocks=len(index) * self.shape[1])
        every_row = self._pixels.as_strided((len(self._pixels) - width + 1, width), (1, 1))
        found = every_row.index_select(0, byte.flatten()).view(len(index), self.shape[1], height, width)
        # What was read beside the picture, of a row above or below, becomes zero.
        beside = ((first < 0) | (first + width > wide)).nonzero()[:, 0]
        columns = first[beside, None] + torch.arange(width)
        inside = ((columns >= 0) & (columns < wide[beside, None])).to(torch.uint8)
        found[beside] = found[beside] * inside[:, None, None]
        return found.to(self.device)

    def chunks(self) -> Iterator[Tensor]:
        """Yield all canvases in order, some at a time: (some, C, H, W) uint8."""
        some = max(1, _CHUNK // max(1, self.shape[1:].numel()))
        for begin in range(0, len(self), some):
            yield self[torch.arange(begin, min(begin + some, len(self)))]

    def select(self, chosen: Tensor) -> Self:
        """Return the chosen pictures, (M,) int64, without a copy."""
        other = self.to(self.device)
        other._start, other.sizes, other._corner = self._start[chosen], self.sizes[chosen], self._corner[chosen]
        other.shape = torch.Size((len(chosen), *self.shape[1:]))
        return other

    @property
    def identity(self) -> str:
        """What tells the pictures from others, where digests are kept beside them."""
        return ""

    def recall_digest(self, name: str) -> str | None:
        """Return a digest that was kept beside the pictures; None if there is none of that name."""
        return None

    def keep_digest(self, name: str, digest: str) -> None:
        """Keep a digest beside the pictures, where that can be written."""

    def content(self) -> Iterator[bytes]:
        """Yield the bytes that a digest is made of: type, shape and pixels of the tensor of all canvases.

        Where canvases have more than 1 GiB, and more than twice the pixels of the pictures, the sizes and pixels of
        pictures without their canvases, so that a large one among small ones costs its own size.
        """
        shape, own = tuple(self.shape), self.shape[1] * int(self.sizes.prod(1).sum())
        with progress_of("pictures digested", len(self)) as advance:
            if self.shape.numel() <= max(_DIGESTED_WHOLE, 2 * own):
                yield f"|u1{shape};".encode()
                for chunk in self.chunks():
                    yield chunk.numpy().tobytes()
                    advance(len(chunk))
            else:
                yield f"pictures of {shape};".encode() + self.sizes.numpy().tobytes()
                for number in counting(range(len(self)), advance):
                    yield self.own(number).numpy().tobytes()

    def fingerprints(self) -> Tensor:
        """Return a number for each canvas, equal for equal ones, as `fingerprints_of_rows` does: (N,) int64."""
        weights = weights_of_values(self.shape[1:].numel()).view(*self.shape[1:])
        found = torch.zeros(len(self), dtype=torch.int64)
        with progress_of("pictures compared", len(self)) as advance:
            for number in counting(range(len(self)), advance):
                (top, left), (height, width) = self._corner[number].tolist(), self.sizes[number].tolist()
                shown = weights[:, top : top + height, left : left + width]
                found[number] = (self.own(number).to(torch.int64) * shown).sum()
        return found

    def _put(self, canvas: Tensor, number: int) -> None:
        """Copy a picture to the centre of a canvas (C, H, W) of zeros."""
        (top, left), (height, width) = self._corner[number].tolist(), self.sizes[number].tolist()
        canvas[:, top : top + height, left : left + width] = self.own(number)

    def _note_read(self, count: int, blocks: int = 1) -> None:
        """Note that so many bytes, in so many blocks, are about to be read."""


Images = Tensor | PictureSet
"""Images of one size: (N, C, H, W) uint8 in memory, or a set."""


def cut_squares(images: Images, index: Tensor, corner: Tensor, side: int) -> Tensor:
    """Cut squares out of images, inside of them.

    Args:
        images: N images.
        index: (...,) int64, the image of each square.
        corner: (..., 2) int64, the first column and row of each.
        side: of the squares.

    Returns:
        (..., C, side, side) uint8.
    """
    if not isinstance(images, Tensor):
        found = images.windows(index.flatten(), corner.flatten(0, -2), side, side)
        squares: Tensor = found.unflatten(0, index.shape)
        return squares
    cut: Tensor = windows_of(images, side, side)[window_index(index, corner, images)]
    return cut


def windows_of(images: Tensor, height: int, width: int) -> Tensor:
    """View images (N, C, H, W) as windows (L, C, height, width), one for each pixel where a window can begin."""
    _, channels, rows, columns = images.shape
    last = images.numel() - ((channels - 1) * rows + height - 1) * columns - width
    return images.as_strided((last + 1, channels, height, width), (1, rows * columns, columns, 1))


def window_index(picture: Tensor, corner: Tensor, images: Tensor) -> Tensor:
    """Return the index in `windows_of` of the window of `picture` (...,) that begins at `corner` (..., 2)."""
    _, channels, rows, columns = images.shape
    return (picture * (channels * rows) + corner[..., 1]) * columns + corner[..., 0]
