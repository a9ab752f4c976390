"""What the benchmarks share: the machine, the figures and their JSON, a table, peak memory.

Every benchmark takes `--json FILE` and `--quick`, prints where it ran, and writes

    {"machine": {...}, "figures": {name: {"ours", "peer", "ratio", "unit", "better", ...}}}
"""

import json
import os
import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

GIB = 2**30


@dataclass(frozen=True)
class Figure:
    """Medians of our side and its peer in one unit, and whatever else belongs beside them.

    `ratio` says how many times better ours is, in the direction of `better`: above 1 is a win.

    >>> Figure("dot", ours=50.0, peer=100.0, unit="ms", better="lower").ratio
    2.0
    """

    name: str
    ours: float
    peer: float
    unit: str
    better: Literal["higher", "lower"]
    goal: float | None = None  # the least ratio that was promised
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times better ours is; infinite or NaN where the divisor is 0."""
        above, below = self.ours, self.peer
        if self.better == "lower":
            above, below = below, above
        if below:
            return above / below
        return float("inf") if above else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Return the figure as the contract has it, `beside` among its keys."""
        told = {
            "ours": self.ours,
            "peer": self.peer,
            "ratio": self.ratio,
            "unit": self.unit,
            "better": self.better,
        }
        if self.goal is not None:
            told["goal"] = self.goal
        return told | {key: value for key, value in self.beside.items() if key not in told}


def write_json(path: Path, machine: Mapping[str, Any], figures: Sequence[Figure]) -> None:
    """Write machine and figures to `path`; its folder is made where it is missing.

    Raises `ValueError` where two figures have one name or a value is not finite: JSON has no NaN.
    """
    named = {figure.name: figure.to_json() for figure in figures}
    if len(named) < len(figures):
        raise ValueError(f"two figures have one name: {[figure.name for figure in figures]}")
    told = {"machine": dict(machine), "figures": named}
    text = json.dumps(told, indent=2, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", "utf-8")


def machine(packages: Sequence[str]) -> dict[str, Any]:
    """Return what the timings depend on: processor, memory, system, versions, load at the start."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": round(pages * page / GIB, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
        "load_average": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def table(figures: Sequence[Figure]) -> Table:
    """Return the figures as a table for the terminal."""
    drawn = Table(title="medians")
    drawn.add_column("figure")
    for column in ("ours", "peer", "ratio", "goal"):
        drawn.add_column(column, justify="right")
    drawn.add_column("unit")
    for figure in figures:
        goal = "" if figure.goal is None else f">= {figure.goal:g}"
        drawn.add_row(
            figure.name,
            f"{figure.ours:,.0f}",
            f"{figure.peer:,.0f}",
            f"{figure.ratio:.1f}",
            goal,
            figure.unit,
        )
    return drawn


def console() -> Console:
    """Return a console that does not wrap lines where the output is a file."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=160)


def spread(ours: Sequence[float], peer: Sequence[float]) -> dict[str, float]:
    """Return the least, median and greatest ratio over rounds that were measured side by side.

    >>> spread([10.0, 12.0, 8.0], [2.0, 2.0, 2.0])
    {'ratio_low': 4.0, 'ratio_median': 5.0, 'ratio_high': 6.0}
    """
    ratios = [mine / theirs for mine, theirs in zip(ours, peer, strict=True)]
    return {
        "ratio_low": min(ratios),
        "ratio_median": median(ratios),
        "ratio_high": max(ratios),
    }


def forget_peak() -> None:
    """Start the process's peak memory afresh, where the system can (Linux)."""
    refs = Path("/proc/self/clear_refs")
    if refs.exists():
        refs.write_text("5", "utf-8")


def peak_gib() -> float:
    """Return the peak resident memory in GiB: since `forget_peak`, else since the start."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / GIB
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if platform.system() == "Darwin" else 1024) / GIB  # bytes there, KiB elsewhere
