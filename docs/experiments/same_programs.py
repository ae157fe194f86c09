"""What two revisions of a row have compiled: is it the same program?

    python docs/experiments/same_programs.py OLD NEW ROW PYTHON WORKLOAD [MODE]

OLD and NEW are checkouts, PYTHON the row's interpreter, MODE compiled or multistep. Of XLA's
optimised modules that have a product or a convolution the instructions are counted, each with its
kind and shape; of PyTorch the C++ kernels that its compiler wrote, each with its text. Printed is
how many there are in each revision, and how many only one of them has: with none, a difference in
speed is not in what is computed. Draws have no product and are left out, and so is what Python does
between programs.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

CHILD = """
import sys
import backends, spec
from backends.protocol import Settings
from spec import data
from spec.state import init_state

row, name, mode = sys.argv[1:]
workload = spec.load(name)
n = workload.chunk_iterations()
program = backends.prepare(row, workload, Settings(mode, "float32", "cpu", n))
placed = program.place(data.synthetic(workload, 1))
program.block_until_ready(program.run(program.import_state(init_state(workload, 1)), placed, 1, n))
"""
INSTRUCTION = re.compile(r"\s*(?:ROOT )?%?[\w.\-]+ = (\S+?)(?:\{[^}]*\})? (\w[\w\-]*)\(")
PRODUCT = re.compile(r" (dot|convolution|custom-call)\(")
NAME = re.compile(r"[a-z0-9]{40,}")
"""Of a kernel's file, by which another names it."""


def compiled(checkout: str, row: str, python: str, *asked: str) -> Counter[object]:
    """What the row of a checkout compiles for a workload and mode, by instruction or kernel."""
    with tempfile.TemporaryDirectory() as folder:
        own = {
            "PYTHONPATH": checkout,
            "KERAS_BACKEND": row.partition("-")[2],
            "XLA_FLAGS": f"--xla_dump_to={folder} --xla_dump_hlo_as_text",
            "TORCHINDUCTOR_CACHE_DIR": f"{folder}/kernels",
        }
        given = [f"{name}={value}" for name, value in own.items() if value]
        command = ["env", *given, python, "-W", "ignore", "-c", CHILD, row, *asked]
        subprocess.run(command, cwd=checkout, check=True, stderr=subprocess.DEVNULL)
        return kernels(Path(folder)) if row == "pytorch" else instructions(Path(folder))


def kernels(folder: Path) -> Counter[object]:
    """The C++ that PyTorch's compiler wrote."""
    return Counter(NAME.sub("", path.read_text()) for path in folder.rglob("*.cpp"))


def instructions(folder: Path) -> Counter[object]:
    """The instructions of XLA's modules that have a product."""
    texts = [path.read_text() for path in folder.glob("*after_optimizations.txt")]
    lines = [line for text in texts if PRODUCT.search(text) for line in text.splitlines()]
    return Counter(found.groups() for line in lines if (found := INSTRUCTION.match(line)))


def main(old: str, new: str, row: str, python: str, workload: str, mode: str = "compiled") -> None:
    """Both revisions, and what only one has."""
    before, now = (compiled(checkout, row, python, workload, mode) for checkout in (old, new))
    print(
        f"{row} {workload} {mode}: {before.total()} and {now.total()}; "
        f"only the older {(before - now).total()}, only the newer {(now - before).total()}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
