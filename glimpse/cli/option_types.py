"""Types of command-line options; argparse prints their errors."""

import argparse
import re
from collections.abc import Callable

from glimpse.config.foreign_words import value_meant, why_refused
from glimpse.config.shown_values import shortened


def device(text: str) -> str:
    """Parse a device's name; whether it exists is checked later."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,2})?", text):
        meant = value_meant("device", text)
        hint = f"; did you mean {meant!r}?" if meant else ""
        why = why_refused("device", text)
        reason = f": {why}" if why else ""
        raise argparse.ArgumentTypeError(f"expected auto, cpu, cuda or cuda:N, got {text!r}{reason}{hint}")
    return text


def count_up_to(most: int) -> Callable[[str], int]:
    """Return a parser of a whole number from 1 to `most`."""

    def count(text: str) -> int:
        if not re.fullmatch(r"0*[1-9]\d*", text, re.ASCII):
            raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {shortened(repr(text))}")
        if len(text) > 18 or int(text) > most:
            raise argparse.ArgumentTypeError(f"expected a whole number of at most {most}, got {shortened(text)}")
        return int(text)

    return count


def fraction(text: str) -> float:
    """Parse a fraction above 0 and up to 1."""
    if not re.fullmatch(r"1|1\.0+|0?\.\d{1,8}", text, re.ASCII) or not float(text):
        raise argparse.ArgumentTypeError(f"expected a fraction above 0 and up to 1, such as 0.2, got {text!r}")
    return float(text)


def length_penalty(text: str) -> float:
    """Parse a number from 0 to 10."""
    if not re.fullmatch(r"\d{1,3}(\.\d{1,20})?", text, re.ASCII) or float(text) > 10:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0 and at most 10, got {shortened(repr(text))}")
    return float(text)


def threshold(text: str) -> float:
    """Parse a number of at least 0."""
    if not re.fullmatch(r"\d{0,6}(\.\d{1,20})?", text, re.ASCII) or not text:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, such as 0.05, got {shortened(repr(text))}")
    return float(text)
