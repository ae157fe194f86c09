"""Whether NVIDIA's driver is here and shows a GPU: asked in a second, with nothing installed.

`python -m bench.plan.driver` is what nox asks before it makes the environments of the CUDA builds,
in its own interpreter; so only the standard library is imported here.
"""

import subprocess
import sys

LONGEST_S = 8.0
ASK = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
code, count = cuda.cuInit(0), ctypes.c_int()
if code == 0:
    code = cuda.cuDeviceGetCount(ctypes.byref(count))
print(code, count.value)
"""
"""In a process of its own: a broken driver may hang, and a sound one starts threads."""
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


def lacking() -> "str | None":
    """What `--device cuda` lacks here, for a person; None where the driver shows a GPU."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", ASK],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return f"NVIDIA's driver (libcuda.so.1) did not answer within {LONGEST_S:.0f} s"
    if done.returncode:
        return "NVIDIA's driver (libcuda.so.1) is not installed"
    code, count = (int(word) for word in done.stdout.split())
    if code not in (0, NO_DEVICE):
        return f"NVIDIA's driver does not start (CUDA error {code})"
    return None if code == 0 and count else "NVIDIA's driver shows no GPU (CUDA_VISIBLE_DEVICES?)"


def refusal() -> "str | None":
    """The line that says so; None where there is a GPU."""
    why = lacking()
    return why and f"--device cuda: {why}; allowed here: cpu"


def main() -> None:
    """Exit code 2 and one line where there is no GPU."""
    line = refusal()
    if line:
        print(f"error: {line}. To install for another machine: nox --install-only", file=sys.stderr)
        raise SystemExit(2)


if __name__ == "__main__":
    main()
