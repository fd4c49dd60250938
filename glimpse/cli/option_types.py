"""What the words behind options may be. argparse tells the user what is wrong with others."""

import argparse
import re


def device(text: str) -> str:
    """A device by name; which there are is known later."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"expected auto, cpu, cuda or cuda:N, got {text!r}")
    return text


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def share(text: str) -> float:
    """A share above 0 and up to 1."""
    if not re.fullmatch(r"1|1\.0+|0?\.\d{1,8}", text) or not float(text):
        raise argparse.ArgumentTypeError(f"expected a share above 0 and up to 1, such as 0.2, got {text!r}")
    return float(text)


def at_least_zero(text: str) -> float:
    """A number of at least 0."""
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", text):
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text!r}")
    return float(text)
