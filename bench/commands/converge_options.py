"""The options of `converge`, as they are typed."""

from pathlib import Path
from typing import Annotated

import typer

from bench.plan.selection import interpreters
from bench.report import printing


def converge(
    workload: Annotated[
        str, typer.Option(help="names or .toml paths, by comma")
    ] = "gaussian,mlp_square",
    backend: Annotated[
        str, typer.Option(help="rows, by comma, or all; `reference` only by its name")
    ] = "all",
    mode: Annotated[str, typer.Option(help="eager, compiled or multistep")] = "compiled",
    precision: Annotated[str, typer.Option(help="float32 or float64")] = "float32",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    set_: Annotated[
        list[str], typer.Option("--set", help="PLACE=VALUE put into every workload file")
    ] = [],  # noqa: B006
    seeds: Annotated[int, typer.Option(help="the first so many of the published list")] = 10,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="other seeds, on which a target is chosen")
    ] = False,
    to_end: Annotated[
        bool, typer.Option("--to-end", help="go on to the longest, past the target")
    ] = False,
    minutes: Annotated[float | None, typer.Option(help="at most; then it can be gone on")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of real samples")] = None,
    output: Annotated[
        Path | None, typer.Option(help="the result's JSON; one that is there is gone on with")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="another result, whose rows are compared with these")
    ] = None,
    python: Annotated[
        list[str], typer.Option("--python", help="ROW=PATH of a row's interpreter")
    ] = [],  # noqa: B006
) -> None:
    """Train each row to a target from several seeds; say which rows need equally long."""
    from bench.commands.converging import converge as converge_  # half a second that it needs
    from bench.convergence.asked import Given

    given = Given(
        workload,
        backend,
        mode,
        precision,
        device,
        tuple(set_),
        seeds,
        calibrate,
        to_end,
        minutes,
        data,
        output,
        against,
        interpreters(python),
    )
    if code := converge_(given, printing.console()):
        raise typer.Exit(code)
