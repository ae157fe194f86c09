"""`list`: the workloads and rows that there are, counted from real states."""

from typing import Any

from rich.console import Console

import backends
import spec
from backends.protocol import MODES, Settings, absent_mode
from bench.report.printing import table
from spec.state import init_state, parameter_count


def listing(device: str) -> dict[str, Any]:
    """Workloads with parameter counts, rows with their modes; for people and for programs."""
    return {
        "workloads": [_workload(name) for name in spec.names()],
        "backends": [_backend(row, device) for row in backends.names()],
    }


def _workload(name: str) -> dict[str, Any]:
    """Counts come from a state exported by the reference, not from a formula."""
    workload = spec.load(name)
    settings = Settings("eager", "float64", "cpu", 1)
    program = backends.load(backends.ORACLE).program(workload, settings)
    exported = program.export_state(program.import_state(init_state(workload, 0)))
    return {
        "name": name,
        "title": workload.title,
        "parameters": {
            network: parameter_count(workload, network, exported) for network in workload.networks
        },
        "multiply_adds": {n: network.multiply_adds() for n, network in workload.networks.items()},
        "batch_size": workload.schedule.batch_size,
        "updates_per_iteration": workload.updates_per_iteration,
        "optimizers": {n: optimizer.kind for n, optimizer in workload.optimizers.items()},
        "data": {n: s.kind for n, s in workload.sources.items() if hasattr(s, "sampling")},
        "document": workload.provenance.document if workload.provenance else None,
        "spec_hash": workload.spec_hash,
    }


def _backend(row: str, device: str) -> dict[str, Any]:
    modes = {}
    for mode in MODES:
        absent = {name: absent_mode(row, mode, spec.load(name), device) for name in spec.names()}
        reasons = {name: f"{a.kind}: {a.reason}" for name, a in absent.items() if a}
        modes[mode] = {
            "workloads": [n for n in spec.names() if n not in reasons],
            "absent": reasons,
        }
    return {"name": row, "missing_here": list(backends.missing(row)), "modes": modes}


def show(console: Console, found: dict[str, Any]) -> None:
    """Two tables."""
    table(console, "Workloads", [_shown(workload) for workload in found["workloads"]])
    lines: list[dict[str, str]] = []
    for b in found["backends"]:
        here = f"missing {', '.join(b['missing_here'])}" if b["missing_here"] else "yes"
        modes: dict[str, str] = {mode: _mode(b["modes"][mode]) for mode in MODES}
        lines.append({"row": b["name"], **modes, "in this interpreter": here})
    table(console, "Rows", lines)


def _shown(workload: dict[str, Any]) -> dict[str, str]:
    counts = (f"{name} {count:,}" for name, count in workload["parameters"].items())
    return {
        "workload": workload["name"],
        "parameters": "\n".join(counts),
        "batch": str(workload["batch_size"]),
        "updates": str(workload["updates_per_iteration"]),
        "data": ", ".join(dict.fromkeys(workload["data"].values())),
        "document": workload["document"] or "",
    }


def _mode(mode: dict[str, Any]) -> str:
    if not mode["absent"]:
        return "yes"
    kind = next(iter(mode["absent"].values())).partition(":")[0]
    return kind if not mode["workloads"] else f"yes; {kind}: {', '.join(mode['absent'])}"
