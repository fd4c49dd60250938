"""Tests of rounded weights: by hand, their largest error, tied ones, and files whose parts do not belong together."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from glimpse.errors import UserError
from glimpse.runs.checkpoint import (
    MANIFEST,
    WEIGHTS,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    load_newest,
    save_checkpoint,
)
from glimpse.runs.run_folder import PLAIN_STATE
from glimpse.runs.stored_weights import Bits, restore_weights, round_rows, store_weights, stored_bits

_MORE: tuple[Bits, Bits] = (16, 32)


def random_matrix(rows: int = 64, columns: int = 48) -> Tensor:
    """Return a matrix whose rows have sizes from 1e-9 to 1e5, and one row of zeros."""
    random = torch.Generator().manual_seed(3)
    sizes = torch.logspace(-9, 5, rows)
    sizes[5] = 0
    return torch.randn(rows, columns, generator=random) * sizes[:, None]


def test_a_small_matrix_by_hand() -> None:
    """Each row has its own scale, the largest number becomes 127 or -127, and a row of zeros stays."""
    matrix = torch.tensor(
        [
            [127 / 128, -1 / 128, 0.4 / 128, 0.6 / 128],  # scale 1/128
            [-254.0, 2.0, 3.1, 100.9],  # scale 2: -127, 1, 1.55, 50.45
            [99.0, -50.0, 0.3, 0.5],  # 99 / 127 = 1596.5 / 2048, and the next half above it is 1597 / 2048
            [0.0, 0.0, 0.0, 0.0],
        ]
    )
    whole, scale = round_rows(matrix)
    assert whole.dtype == torch.int8
    assert whole.tolist() == [[127, -1, 0, 1], [-127, 1, 2, 50], [127, -64, 0, 1], [0, 0, 0, 0]]
    assert scale.dtype == torch.float16
    assert scale.tolist() == [1 / 128, 2, 1597 / 2048, 0]


def test_the_error_is_at_most_half_a_scale() -> None:
    """That holds for every number of rows of any size, and no number is beyond 127."""
    matrix = random_matrix()
    whole, scale = round_rows(matrix)
    error = (whole.double() * scale.double()[:, None] - matrix.double()).abs().amax(1)
    assert (error <= scale.double() / 2 * (1 + 1e-6)).all()
    assert whole.abs().max() == 127
    ordinary = matrix.abs().amax(1) > 0.01
    assert ordinary.sum() > 20 and (whole[ordinary].abs().amax(1) == 127).all()
    assert (scale.double()[ordinary] <= matrix[ordinary].double().abs().amax(1) / 127 * 1.001).all()


def test_what_is_rounded_again_stays() -> None:
    """Rounded weights are rounded to themselves, with the same scales."""
    matrix = random_matrix()[40:]
    whole, scale = round_rows(matrix)
    again, scale_again = round_rows(whole.float() * scale.float()[:, None])
    assert torch.equal(again, whole) and torch.equal(scale_again, scale)


def test_a_row_of_a_kernel_is_a_channel() -> None:
    """Of a tensor with more axes, a row is all that belongs to one index of the first."""
    kernel = random_matrix(16, 72).reshape(16, 8, 3, 3)
    whole, scale = round_rows(kernel)
    flat, flat_scale = round_rows(kernel.flatten(1))
    assert torch.equal(whole.flatten(1), flat) and torch.equal(scale, flat_scale) and scale.shape == (16,)


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("matrix", torch.ones(32, 32), torch.int8),
        ("kernel", torch.ones(8, 16, 3, 3), torch.int8),
        ("small matrix", torch.ones(31, 33), torch.float16),
        ("thin matrix", torch.ones(400, 4), torch.float16),
        ("vector", torch.ones(4096), torch.float16),
        ("number", torch.tensor(2.5), torch.float16),
        ("mask", torch.ones(64, 64, dtype=torch.bool), torch.bool),
        ("counts", torch.ones(64, 64, dtype=torch.int64), torch.int64),
    ],
)
def test_what_is_rounded_to_8_bits(name: str, value: Tensor, stored: torch.dtype) -> None:
    """Large matrices are; other floats are in half precision, and other numbers stay. All of these come back."""
    tensors, form = store_weights({name: value}, 8)
    assert tensors[name].dtype == stored and form.int8 == ((name,) if stored == torch.int8 else ())
    restored = restore_weights(tensors, form.model_dump(mode="json"))
    assert restored.keys() == {name}
    assert torch.allclose(restored[name].to(value.dtype), value, rtol=1e-3, atol=0)
    half, single = (store_weights({name: value}, bits).tensors[name].dtype for bits in _MORE)
    assert (half, single) == ((torch.float16, torch.float32) if value.is_floating_point() else (value.dtype,) * 2)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e9])
@pytest.mark.parametrize("shape", [(32, 64), (5,)])
def test_weights_that_cannot_be_rounded_are_refused(bits: Bits, bad: float, shape: tuple[int, ...]) -> None:
    """Not finite ones, and those beyond the largest number of half precision."""
    value = torch.ones(shape)
    value.view(-1)[3] = bad
    with pytest.raises(UserError, match=r"layer\.weight holds weights that are not finite, or too large for"):
        store_weights({"layer.weight": value}, bits)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_tied_weights_are_stored_once_and_stay_tied(bits: Bits, tmp_path: Path) -> None:
    """A matrix that is used twice is in the file once, and is used twice again; small equal tensors are left alone."""
    first, second = torch.nn.Linear(32, 32), torch.nn.Linear(32, 32)
    second.weight = first.weight
    second.bias.data = first.bias.detach().clone()
    tied = torch.nn.Sequential(first, second)
    path = save_checkpoint(tmp_path, Checkpoint(1, tied.state_dict(), {}), keep=1, published_bits=bits)
    stored = safetensors.torch.load_file(path / WEIGHTS)
    assert stored.keys() - {"0.weight.scale"} == {"0.weight", "0.bias", "1.bias"}
    before = first.weight.detach().clone()
    loaded = load_checkpoint(path)
    assert loaded.bits == stored_bits(stored) == bits
    tied.load_state_dict(loaded.weights)
    assert first.weight is second.weight and first.weight.dtype == torch.float32
    assert (first.weight - before).abs().max() <= before.abs().max() / 127 * 0.501


def test_8_bits_take_a_quarter(tmp_path: Path) -> None:
    """The file of an agent with large matrices has a quarter of the bytes, and half of those of half precision."""
    weights = {
        "embedding": torch.randn(2000, 100),
        "layer.weight": torch.randn(256, 128),
        "layer.bias": torch.ones(256),
    }
    size = {
        bits: (
            save_checkpoint(tmp_path / str(bits), Checkpoint(1, weights, {}), keep=1, published_bits=bits) / WEIGHTS
        ).stat()
        for bits in (8, 16, 32)
    }
    assert 0.25 < size[8].st_size / size[32].st_size < 0.26
    assert 0.5 < size[16].st_size / size[32].st_size < 0.51


def rewrite(path: Path, tensors: dict[str, Tensor], stored: Any) -> None:
    """Replace weights and their description in a checkpoint of a published run, with a manifest that matches them.

    An ellipsis leaves out the description.
    """
    (path / WEIGHTS).write_bytes(safetensors.torch.save(tensors))
    state = json.loads((path / PLAIN_STATE).read_text())
    state = {"step": state["step"], "state": state["state"], **({} if stored is ... else {"stored": stored})}
    (path / PLAIN_STATE).write_text(json.dumps(state))
    manifest = json.loads((path / MANIFEST).read_text())
    for name in (WEIGHTS, PLAIN_STATE):
        data = (path / name).read_bytes()
        manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (path / MANIFEST).write_text(json.dumps(manifest))


FORM = {"int8": ["m"], "same": {"n": "m"}}
OTHER_TENSORS: dict[str, tuple[dict[str, Tensor | None], str]] = {
    "no scales": ({"m.scale": None}, r"m\.scale should hold the scales of 32 rows.*found none"),
    "one scale": ({"m.scale": torch.ones(1).half()}, r"m\.scale .*found float16 \(1,\)"),
    "scales as float32": ({"m.scale": torch.ones(32)}, r"m\.scale .*found float32 \(32,\)"),
    "infinite scales": ({"m.scale": torch.full((32,), float("inf")).half()}, r"m\.scale .*finite numbers"),
    "no matrix": ({"m": None}, "m should be a matrix of 8 bits .found none"),
    "a matrix of floats": ({"m": torch.ones(32, 32)}, "m should be a matrix of 8 bits .found float32"),
    "a vector": ({"m": torch.ones(32).to(torch.int8)}, "m should be a matrix of 8 bits .found int8"),
    "a tied one twice": ({"n": torch.ones(32, 32)}, "n should be that of m"),
}
OTHER_FORMS: dict[str, tuple[Any, str]] = {
    "none": (None, "how the weights are stored"),
    "another key": ({"int4": ["m"]}, "how the weights are stored"),
    "other types": ({"int8": 3}, "how the weights are stored"),
    "tied to nothing": ({"int8": ["m"], "same": {"n": "k"}}, "n should be that of k"),
}


def refusal(tmp_path: Path, changed: dict[str, Tensor | None], form: Any) -> str:
    """Return the error of weights with changed tensors, or another description, and matching digests."""
    matrix = random_matrix(32, 32)
    path = save_checkpoint(tmp_path, Checkpoint(1, {"m": matrix, "n": matrix}, {}), keep=1, published_bits=8)
    tensors: dict[str, Tensor | None] = {**safetensors.torch.load_file(path / WEIGHTS)}
    rewrite(path, {name: value for name, value in tensors.items() if value is not None}, FORM)
    assert load_checkpoint(path).weights.keys() == {"m", "n"}
    rewrite(path, {name: value for name, value in (tensors | changed).items() if value is not None}, form)
    with pytest.raises(CheckpointError) as problem:
        load_newest(tmp_path, pytest.fail)
    assert path.is_dir()
    return str(problem.value)


@pytest.mark.parametrize("harm", OTHER_TENSORS)
def test_scales_and_matrices_that_do_not_belong_together_are_one_error(harm: str, tmp_path: Path) -> None:
    """Such a file is refused in a line that names what is wrong, and is not set aside."""
    changed, told = OTHER_TENSORS[harm]
    message = refusal(tmp_path, changed, FORM)
    assert re.search(told, message) and "Put the published run back from a copy" in message and "\n" not in message


@pytest.mark.parametrize("harm", OTHER_FORMS)
def test_another_description_is_one_error(harm: str, tmp_path: Path) -> None:
    """A description that this version does not know is refused in a line."""
    form, told = OTHER_FORMS[harm]
    message = refusal(tmp_path, {}, form)
    assert re.search(told, message) and "\n" not in message


def test_a_file_without_a_description_is_read_as_it_is(tmp_path: Path) -> None:
    """A run that was published before weights were described has them in half precision."""
    matrix = torch.randn(32, 32)
    path = save_checkpoint(tmp_path, Checkpoint(1, {"m": matrix}, {}), keep=1, published_bits=16)
    rewrite(path, safetensors.torch.load_file(path / WEIGHTS), ...)
    assert "stored" not in json.loads((path / PLAIN_STATE).read_text())
    loaded = load_checkpoint(path)
    assert loaded.bits == 16 and torch.equal(loaded.weights["m"], matrix.half())
