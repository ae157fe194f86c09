"""`python -m bench list | run | doctor | compare | calibrate`."""

import sys

try:
    from bench.cli import main
except ModuleNotFoundError as missing:
    print(
        f"error: {missing.name} is not installed in this interpreter; run the command through nox "
        "(nox -s bench, list or doctor), or install the `bench` group of pyproject.toml",
        file=sys.stderr,
    )
    raise SystemExit(2) from None

if __name__ == "__main__":
    main()
