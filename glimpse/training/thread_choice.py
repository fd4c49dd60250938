"""Choice of the number of CPU threads during training, by the measured rate."""

from collections.abc import Callable

_WINDOW = 0.3
"""Seconds of a measurement, at least; and `_STEPS` steps, for those of texts differ in length."""
_STEPS = 8
_GAIN = 1.05
"""Another number of threads is taken if it is faster by this factor."""
_FALL = 0.85
"""The rate is measured anew for other numbers of threads once it falls below this share of what it was."""
_HOPELESS = 0.5
"""A measurement below this share of the known rate is ended after two steps."""
_SOON, _LATE = 8.0, 60.0
"""Seconds until more threads are tried again, at first and at most: a core may have become free."""


class ThreadChoice:
    """Number of threads that makes the most steps a second, measured while training goes on.

    Two threads on two free cores are faster than one; where another process uses one of the cores, they wait for each
    other and are several times slower than one. So neighbouring numbers (half, twice) are tried at the start, when the
    rate falls, and now and then while fewer than `most` threads run and a core is free.

    threads: number for the next step; most: largest number that is chosen; chosen: number of the last survey.
    """

    def __init__(self, threads: int, most: int, free: Callable[[], float] | None = None) -> None:
        """Start with a number of threads.

        Args:
            threads: the number at the start.
            most: largest number that may be chosen.
            free: measures the number of cores that no other process uses; by default all are taken to be free.
        """
        self.threads, self.most = threads, most
        self._free = free or (lambda: float(most))
        self._rates: dict[int, float] = {}  # steps per second by number of threads, of the survey under way
        self._surveying = most > 1
        self.chosen, self._rate = threads, 0.0  # of the last survey
        self._wait, self._since = _SOON, 0.0
        self._steps, self._spent, self._skipped = 0, 0.0, True

    def took(self, seconds: float) -> bool:
        """Note the duration of a step that ran with `threads`; then `threads` is the number for the next.

        Returns:
            True if the number was chosen anew: a survey is done.
        """
        if self.most == 1:
            return False
        self._since += seconds
        if self._skipped:  # The first step with another number of threads starts them.
            self._skipped = False
            return False
        self._steps, self._spent = self._steps + 1, self._spent + seconds
        rate = self._steps / self._spent
        if self._spent < _WINDOW * (1 if self._surveying else 3):
            return False
        # A rate that is far too low needs no more steps: on a crowded machine each of them takes seconds.
        known = max(self._rates.values(), default=0.0) if self._surveying else self._rate
        if self._steps < (_STEPS if rate > _HOPELESS * known else 2):
            return False
        self._start_window(skip=False)
        if not self._surveying:
            self._watch(rate)
            return False
        self._rates[self.threads] = rate
        return self._survey()

    def _watch(self, rate: float) -> None:
        """Start a survey if the rate has fallen, or if it is time to try more threads."""
        fallen = rate < _FALL * self._rate and self._since > self._wait / 4
        if fallen or (self.threads < self.most and self._since > self._wait):
            self._rates, self._surveying = {self.threads: rate}, True
            self._survey()
        else:
            self._rate = max(self._rate, (self._rate + rate) / 2)

    def _survey(self) -> bool:
        """Try the next number of threads beside the fastest so far; settle on the fastest if there is none to try."""
        fastest = max(self._rates, key=lambda number: self._rates[number])
        if self._rates[fastest] < _GAIN * self._rates.get(self.chosen, 0.0):
            fastest = self.chosen
        beside = [number for number in (fastest // 2, min(2 * fastest, self.most)) if number and number != fastest]
        untried = [number for number in beside if number not in self._rates]
        if untried and untried[0] > fastest and self._free() < fastest + 0.5:
            untried = []  # More threads would wait for each other.
        self._use(untried[0] if untried else fastest)
        if untried:
            return False
        same = fastest == self.chosen
        self._wait = min(_LATE, 1.5 * self._wait) if same else _SOON
        self.chosen, self._rate = fastest, self._rates[fastest]
        self._since, self._surveying = 0.0, False
        return True

    def _use(self, threads: int) -> None:
        """Run the next steps with a number of threads."""
        self._start_window(skip=threads != self.threads)
        self.threads = threads

    def _start_window(self, skip: bool) -> None:
        """Start to measure the rate."""
        self._steps, self._spent, self._skipped = 0, 0.0, skip
