"""Workers of a command line: processes of this machine, or tasks of a Ray cluster."""

from glimpse.sweeps.jobs import LocalWorkers, Workers
from glimpse.sweeps.ray_workers import RayWorkers


def choose_workers(size: int | None, ray: str | None) -> Workers:
    """Return the workers of `--workers N` and `--ray ADDRESS`.

    Raises:
        UserError: if Ray is not there, or no cluster answers.
    """
    return LocalWorkers(size or 1) if ray is None else RayWorkers(ray, size)
