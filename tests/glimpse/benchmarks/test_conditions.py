"""Tests of the conditions of a benchmark: load of other processes, the machine's speed, and the processor's name."""

import json
import os
import time
from pathlib import Path

import pytest
import torch

from glimpse.benchmarks import conditions
from glimpse.benchmarks.bench_page import bench_page, in_products, other_load
from glimpse.benchmarks.conditions import ConditionsMeter, product_gflops
from glimpse.runs import processor


def test_load_is_what_others_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5 s of processor time in 2 s, 1 s of them this process's, others used 2 cores; quick calls share a result."""
    now, busy = iter([0.0, 2.0, 2.0, 2.1]), iter([10.0, 14.0, 14.0, 14.1])
    monkeypatch.setattr(conditions, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(conditions, "product_gflops", lambda device: 50.0)
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    meter = ConditionsMeter(torch.device("cpu"))
    assert (first := meter.since_last()).load == 2.0 and first.gflops == 50.0
    assert meter.since_last() is first


def test_own_work_is_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor time of this process, and of processes that it waited for, is taken out."""
    if conditions._busy_seconds() is None:
        assert ConditionsMeter(torch.device("cpu")).since_last().load is None
        return
    ticks = iter(["cpu  1000 0 200 5 0 0 0", "cpu  1500 0 300 9 0 0 0"])
    monkeypatch.setattr(Path, "read_text", lambda self: next(ticks))
    times = iter([(1.0, 1.0, 0.0, 0.0, 0.0), (3.0, 1.0, 1.0, 0.0, 0.0)])
    monkeypatch.setattr(os, "times", lambda: next(times))
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    before, after = conditions._busy_seconds(), conditions._busy_seconds()
    assert before == 10.0 and after == 13.0


def test_the_speed_is_of_one_thread() -> None:
    """The number of threads is as before, and the speed is finite."""
    threads = torch.get_num_threads()
    assert 0 < product_gflops(torch.device("cpu")) < 1e5
    assert torch.get_num_threads() == threads


def test_relative_values() -> None:
    """Rates are per GFLOP, times in GFLOP; shares and old rows have none."""
    row = {"value": 200.0, "unit": "images/s", "gflops": 50.0, "load": 0.26}
    assert (in_products(row), other_load(row)) == ("4", "0.3")
    assert in_products({**row, "unit": "ms"}) == "10 GFLOP"
    assert [in_products({**row, "unit": "%"}), in_products({**row, "unit": "GFLOP/s"})] == ["", ""]
    old = {"value": 200.0, "unit": "images/s"}
    assert (in_products(old), other_load(old)) == ("", "")


def test_generations_of_a_processor_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual machine's name says little; family and model are added where they are known."""
    listed = "processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD  EPYC\n\nmodel : 9\n"
    monkeypatch.setattr(Path, "read_text", lambda self: listed)
    assert processor.processor_model() == "AMD EPYC (family 26, model 2)"
    monkeypatch.setattr(Path, "read_text", lambda self: (_ for _ in ()).throw(OSError()))
    assert processor.processor_model() and "family" not in processor.processor_model()
    assert processor.describe_processor().startswith(processor.processor_model() + ", ")


def test_each_section_says_where_it_is_from() -> None:
    """Sections of two machines name their own ones; what an old row does not have is said, and is no empty column."""
    row = {"name": "new", "setting": "s", "value": 200.0, "unit": "images/s", "gflops": 50.0, "load": 0.26}
    told = {"device": "Fast, 2 threads", "date": "2026-11-29", "commit": "abc"}
    old = {"name": "training, share of the GEMM floor", "setting": "s", "value": 60.0, "unit": "%", "device": "Slow"}
    head, *sections = bench_page([{**row, **told}, old]).split("\n## ")
    assert "Fast" not in head and "Slow" not in head
    assert sections[0].splitlines()[2:5] == [
        "On Fast, 2 threads; recorded 2026-11-29, code abc.",
        "",
        "| setting | value | unit | in products | load |",
    ]
    assert "On Slow; recorded on an unknown day. The processor's model, its speed" in sections[1]
    assert "1024 x 1024 on a CPU" in sections[1] and "| setting | value | unit |\n" in sections[1]


def test_the_shipped_page_is_made_of_the_shipped_rows() -> None:
    """Nothing is edited by hand, and each section has its day and commit."""
    results = Path(__file__).parents[3] / "results"
    page = bench_page(json.loads((results / "bench.json").read_text()))
    assert (results / "bench.md").read_text() == page and "unknown day" not in page and "pieces" not in page
