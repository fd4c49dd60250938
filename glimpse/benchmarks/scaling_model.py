"""What more machines would give, computed from costs that were measured on one.

Two questions have different answers: how long an update takes that N ranks share, and how long many runs take on N
nodes of which now and then one fails.
"""

import heapq
import math
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class UpdateCosts:
    """Costs of one update, in seconds.

    fixed: what does not depend on the batch.
    per_example: of each example.
    message: of one message between two ranks, however short.
    per_byte: of each byte of a message.
    """

    fixed: float
    per_example: float
    message: float
    per_byte: float

    def update(self, batch: int, ranks: int, size: int) -> float:
        """Return the seconds of an update of `batch` examples by `ranks` processes, whose gradient has `size` bytes."""
        return self.fixed + self.per_example * math.ceil(batch / ranks) + self.exchange(ranks, size)

    def exchange(self, ranks: int, size: int) -> float:
        """Return the seconds in which ranks sum `size` bytes in a ring.

        Each sends 2 (N - 1) messages of an N-th of the bytes (Patarasuk and Yuan, 2009, "Bandwidth optimal all-reduce
        algorithms for clusters of workstations").
        """
        return 2 * (ranks - 1) * (self.message + self.per_byte * size / ranks)


def line_through(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """Return value at zero and slope of the line through two points (x, y); neither is negative."""
    slope = max(0.0, (second[1] - first[1]) / (second[0] - first[0]))
    return max(0.0, first[1] - slope * first[0]), slope


@dataclass(frozen=True)
class Cluster:
    """Nodes that train runs, one each at a time, and fail at random.

    nodes: how many.
    between_failures: mean seconds until a node fails; infinite if none does.
    restart: seconds until a node trains: to start a run, and to start again after it failed.
    save_every: seconds of training between two checkpoints. What was trained after the last one is lost with a node.
    """

    nodes: int
    between_failures: float
    restart: float
    save_every: float


@dataclass(frozen=True)
class Outcome:
    """Seconds until all runs are trained, and the share of the nodes' training that was lost."""

    seconds: float
    lost: float


def simulate_runs(cluster: Cluster, runs: int, run_seconds: float, seed: int = 0) -> Outcome:
    """Simulate a cluster that trains `runs` of `run_seconds` each; failures are exponentially distributed."""
    drawn = random.Random(seed)
    free = [(0.0, node) for node in range(min(cluster.nodes, runs))]
    lost, end = 0.0, 0.0
    for _ in range(runs):
        time, node = heapq.heappop(free)
        left = run_seconds
        while True:
            time += cluster.restart
            failure = drawn.expovariate(1 / cluster.between_failures) if cluster.between_failures < math.inf else left
            if failure >= left:
                break
            saved = failure // cluster.save_every * cluster.save_every
            lost += failure - saved
            left -= saved
            time += failure
        time += left
        end = max(end, time)
        heapq.heappush(free, (time, node))
    return Outcome(end, lost / (lost + runs * run_seconds))
