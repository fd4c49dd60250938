"""Types of command-line options; argparse prints their errors."""

import argparse
import re


def device(text: str) -> str:
    """Parse a device's name; whether it exists is checked later."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"expected auto, cpu, cuda or cuda:N, got {text!r}")
    return text


def count(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def fraction(text: str) -> float:
    """Parse a fraction above 0 and up to 1."""
    if not re.fullmatch(r"1|1\.0+|0?\.\d{1,8}", text) or not float(text):
        raise argparse.ArgumentTypeError(f"expected a fraction above 0 and up to 1, such as 0.2, got {text!r}")
    return float(text)


def at_least_zero(text: str) -> float:
    """Parse a number of at least 0."""
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", text):
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text!r}")
    return float(text)
