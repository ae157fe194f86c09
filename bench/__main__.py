"""`python -m bench list | run | doctor | compare | calibrate`."""

from bench.report import streams

try:
    from bench.cli import main
except ModuleNotFoundError as missing:
    streams.line(
        f"error: {missing.name} is not installed in this interpreter; run the command through nox "
        "(nox -s bench, list or doctor), or install the `bench` group of pyproject.toml",
        error=True,
    )
    raise SystemExit(2) from None

if __name__ == "__main__":
    main()
