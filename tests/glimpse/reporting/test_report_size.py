"""Size of a report: fewer and smaller examples until it fits; small files of pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from glimpse.reporting.drawing.animation import gif
from glimpse.reporting.report_size import MOST_BYTES, fewer_note, fitting_files
from glimpse.reporting.small_pictures import data_uri, small_gif, small_png, web_animation, web_picture


@pytest.mark.parametrize(("each", "wanted"), [(10, 200), (MOST_BYTES // 50, 200), (MOST_BYTES // 3, 16)])
def test_as_many_examples_as_fit_are_shown(each: int, wanted: int) -> None:
    """All examples of a small report are shown; of a large one more than half of what would fit."""
    tried = []

    def write(count: int, detail: float) -> dict[str, bytes]:
        tried.append((count, detail))
        return {"page": bytes(int(each * count * detail**2)), "picture": bytes(100)}

    files = fitting_files(write, wanted)
    count, detail = tried[-1]
    assert sum(map(len, files.values())) <= MOST_BYTES and len(tried) < 12
    assert (count, detail) == (wanted, 1.0) if each * wanted < MOST_BYTES else count > 0.5 * MOST_BYTES / each


def test_a_report_that_never_fits_is_written_with_one_example() -> None:
    """The search ends."""
    tried = []

    def write(count: int, detail: float) -> dict[str, bytes]:
        tried.append((count, detail))
        return {"page": bytes(MOST_BYTES + 1)}

    fitting_files(write, 50)
    assert tried[-1] == (1, 0.5)


def test_the_page_says_if_fewer_examples_are_shown() -> None:
    """Otherwise there is nothing to say."""
    assert fewer_note(16, 16) == "" and fewer_note(20, 16) == ""
    assert fewer_note(100, 1000) == " 1,000 were asked for; more do not fit into a report of 2 MB."


def photograph(seed: int, side: int = 200) -> Image.Image:
    """Return a smooth picture with noise, as photographs are."""
    random = np.random.default_rng(seed)
    wide = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    noise = random.integers(-12, 13, (side, side, 3))
    return Image.fromarray((np.asarray(wide, np.int64) + noise).clip(0, 255).astype(np.uint8))


def test_drawings_are_exact_and_photographs_small() -> None:
    """A drawing in a page keeps its pixels; a photograph takes a quarter of its PNG at most."""
    drawing = Image.fromarray(np.kron(np.eye(14, dtype=np.uint8) * 255, np.ones((20, 20), np.uint8))).convert("RGB")
    with Image.open(io.BytesIO(web_picture(drawing))) as held:
        assert held.format == "WEBP" and (np.asarray(held.convert("RGB")) == np.asarray(drawing)).all()
    shot, file = photograph(1), io.BytesIO()
    shot.save(file, "PNG")
    assert len(web_picture(shot)) < len(file.getvalue()) / 4
    assert data_uri(b"a", "webp") == "data:image/webp;base64,YQ=="


def test_an_animation_keeps_its_frames() -> None:
    """The number of frames and their durations are kept."""
    frames = [Image.new("RGB", (30, 20), (shade, 0, 0)) for shade in (0, 100, 200)]
    with Image.open(io.BytesIO(web_animation(frames, [50, 60, 700]))) as held:
        assert held.n_frames == 3 and held.size == (30, 20)  # type: ignore[attr-defined]


def test_pictures_beside_the_page_are_not_larger_than_allowed() -> None:
    """A small PNG is exact; a large one has fewer colours, or is reduced, and so is a GIF."""
    assert small_png(Image.new("RGB", (50, 50)), 10_000) == small_png(Image.new("RGB", (50, 50)), 20_000)
    shot = photograph(2, 600)
    for most in (200_000, 60_000):
        file = small_png(shot, most)
        with Image.open(io.BytesIO(file)) as held:
            assert len(file) <= most and held.width <= 600 and held.format == "PNG"
    frames, durations = [photograph(number) for number in range(6)], [700, 50, 50, 700, 50, 2600]
    whole = gif(frames, durations)
    assert small_gif(frames, durations, len(whole)) == whole
    few = small_gif(frames, durations, len(whole) // 3)
    with Image.open(io.BytesIO(few)) as held:
        assert len(few) <= len(whole) // 3 and held.n_frames == 3  # type: ignore[attr-defined]
