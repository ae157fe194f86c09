"""The command line: `python -m bench list | doctor | run | train | generate | report | compare`."""

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

import backends
from backends.protocol import DEVICES
from bench.commands import doctor as doctor_
from bench.commands import listing
from bench.commands.converge_options import converge
from bench.commands.reporting import report as report_
from bench.commands.running import run_and_show
from bench.compare import calibration as calibration_
from bench.compare.comparing import compare as compare_
from bench.compare.comparing import limit_of
from bench.plan.arguments import output_path, plan_of, read_arguments, records_folder
from bench.plan.cells import Plan
from bench.plan.records import strict
from bench.plan.resuming import take_up
from bench.plan.selection import HEADLINE, interpreters, resolve_device, select_one, select_rows
from bench.report import comparison as comparison_
from bench.report import printing, streams
from bench.results.provenance import provenance
from bench.results.reading import read_runs, rounds_of
from bench.workers.cleaning import Cleaned, clean
from bench.workers.pool import ROOT, missing_packages
from spec.errors import UserError

app = typer.Typer(
    help="One GAN, defined once, run through PyTorch, Keras and Flax: proved equal, then timed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
WRONG_OPTION: type[Exception] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)
"""Of click, or of typer's own copy of it: whichever this typer has."""
Json = Annotated[bool, typer.Option("--json", help="print JSON for a program to read")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
Calibration = Annotated[
    Path, typer.Option(help="what is recorded of machines", show_default="results/calibration.json")
]
Python = Annotated[list[str], typer.Option("--python", help="ROW=PATH of a row's interpreter")]


@app.command("list")
def list_(json_: Json = False, device: Device = "cpu") -> None:
    """The workloads with their parameter counts, and the rows with their modes."""
    found = listing.listing(select_one("device", device, DEVICES))
    _print(found, json_, listing.show)


@app.command()
def doctor(json_: Json = False, device: Device = "auto", python: Python = []) -> None:  # noqa: B006
    """Versions, devices, one training step per installed row, one plot written."""
    pythons = interpreters(python)
    present = [
        r for r in backends.names() if not missing_packages(r, pythons.get(r, sys.executable))
    ]
    chosen = resolve_device(device, present, pythons)
    found = doctor_.diagnose(chosen, pythons, ROOT / "results" / "doctor.png")
    _print(found, json_, doctor_.show)
    if not found["ok"]:
        raise typer.Exit(1)


@app.command()
def report(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="JSON files that `bench run` or `converge` wrote, folders that `train` wrote"
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(help="the page; else beside the first of them")
    ] = None,
    conformance: Annotated[
        Path | None, typer.Option(help="folder of checks; else `conformance` beside a file")
    ] = None,
) -> None:
    """Write one page of results, trainings and times to a target; it needs no network to be read.

    Results have a picture as SVG beside it, trainings one as PNG.
    """
    streams.line(f"page: {report_(files, output, conformance)}")


@app.command()
def run(
    context: typer.Context,
    workload: Annotated[
        str, typer.Option(help="names or .toml paths, by comma, or all")
    ] = HEADLINE,
    backend: Annotated[str, typer.Option(help="rows, by comma, or all")] = "all",
    mode: Annotated[
        str | None,
        typer.Option(
            help="eager, compiled, multistep, by comma, or all; else all, quick: compiled"
        ),
    ] = None,
    precision: Annotated[str, typer.Option(help="float32, float64, by comma")] = "float32",
    batch_size: Annotated[str, typer.Option(help="sizes, by comma; else the workload's")] = "",
    device: Device = "auto",
    set_: Annotated[
        list[str], typer.Option("--set", help="PLACE=VALUE put into every workload file")
    ] = [],  # noqa: B006
    blocks: Annotated[int | None, typer.Option(help="timed blocks a cell")] = None,
    turns: Annotated[
        int | None, typer.Option(help="rounds of a block, 3; up to 15, short ones, for compare")
    ] = None,
    rounds_like: Annotated[
        Path | None, typer.Option(help="a result to compare with: turns and rounds as there")
    ] = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="each cell's peak memory too, in a process of its own")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="two blocks, no costs, compiled modes unless --mode")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="folder of the samples of mnist, cifar10 or images")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="the result's JSON file")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="take up an interrupted run: its .json or .records")
    ] = None,
    python: Python = [],  # noqa: B006
    prove_anew: Annotated[
        bool, typer.Option("--prove-anew", help="prove what is recognised by its bits too")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="only read the arguments and say what was understood")
    ] = False,
    json_: Json = False,
) -> None:
    """Prove every cell, then time it; print the table and write the JSON."""
    pythons = interpreters(python)
    if resume is not None:
        _resume(context, resume, pythons, check, json_)
        return
    if rounds_like is not None and turns is not None:
        raise UserError("--turns: with --rounds-like they are that result's; leave --turns out")
    asked = read_arguments(
        workload=workload,
        backend=backend,
        mode=mode,
        precision=precision,
        batch_size=batch_size,
        device=device,
        put=set_,
        blocks=blocks,
        turns=turns,
        like=None if rounds_like is None else rounds_of(rounds_like),
        quick=quick,
        memory=memory,
        prove_anew=prove_anew,
        data=data,
    )
    target = output_path(output)
    if check:
        for line in asked.lines():
            streams.line(line, error=json_)
        return
    rows, missing = select_rows(backend, pythons)
    chosen = resolve_device(device, rows, pythons)
    console = printing.console(sys.stderr if json_ else sys.stdout)
    for row, why in missing.items():
        printing.say(console, f"absent {row}: {why}")
    plan = plan_of(asked, rows, chosen, pythons, records_folder(target))
    _execute(plan, missing, target, console, json_)


@app.command()
def train(
    workload: Annotated[str | None, typer.Option(help="a name or a .toml path")] = None,
    backend: Annotated[str | None, typer.Option(help="a row")] = None,
    mode: Annotated[
        str | None, typer.Option(help="eager, compiled or multistep; else compiled")
    ] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or float64")] = None,
    batch_size: Annotated[int | None, typer.Option(help="else the workload's")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda")] = None,
    set_: Annotated[
        list[str], typer.Option("--set", help="PLACE=VALUE put into the workload file")
    ] = [],  # noqa: B006
    seed: Annotated[int | None, typer.Option(help="of first weights and all draws; else 0")] = None,
    draws: Annotated[
        str | None, typer.Option(help="own, as is timed; or spec, the same in every row")
    ] = None,
    iterations: Annotated[int | None, typer.Option(help="else as the document says")] = None,
    minutes: Annotated[float | None, typer.Option(help="of training in all, at most")] = None,
    interval: Annotated[int | None, typer.Option(help="iterations between records")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of real samples")] = None,
    output: Annotated[Path | None, typer.Option(help="the run's folder")] = None,
    resume: Annotated[Path | None, typer.Option(help="go on with a run, by its folder")] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="say what would stop a training, and go on")
    ] = False,
    python: Python = [],  # noqa: B006
) -> None:
    """Train one GAN in one row to its end; keep its metrics, samples, checkpoints and page."""
    from bench.commands.training import train as train_  # half a second that only it needs
    from bench.training.asked import Given

    code = train_(
        Given(
            workload,
            backend,
            mode,
            precision,
            batch_size,
            device,
            tuple(set_),
            seed,
            draws,
            iterations,
            minutes,
            interval,
            data,
            output,
            resume,
            interpreters(python),
            keep_going,
        ),
        printing.console(),
    )
    if code:
        raise typer.Exit(code)


app.command()(converge)


@app.command()
def generate(
    from_: Annotated[Path, typer.Option("--from", help="a run's folder, or a checkpoint's file")],
    backend: Annotated[str | None, typer.Option(help="a row; else the one that trained")] = None,
    mode: Annotated[str | None, typer.Option(help="else compiled")] = None,
    precision: Annotated[str | None, typer.Option(help="else that of the training")] = None,
    device: Device = "auto",
    count: Annotated[int, typer.Option(help="samples of each network that makes some")] = 64,
    output: Annotated[Path | None, typer.Option(help="a .npz file; else in the run")] = None,
    data: Annotated[
        Path | None, typer.Option(help="folder of real samples, where they are inputs")
    ] = None,
    python: Python = [],  # noqa: B006
) -> None:
    """Make samples with a trained GAN, in any row from a training in any other: .npz and .png."""
    from bench.commands.generating import generate as generate_

    pythons = interpreters(python)
    for path in generate_(from_, backend, mode, precision, device, count, output, data, pythons):
        streams.line(str(path))


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(help="a result, or a folder of results of one revision")],
    new: Annotated[Path, typer.Argument(help="likewise")],
    fail_slower: Annotated[
        str | None, typer.Option(help="5%: exit 1 where a cell is surely slower by more, or fails")
    ] = None,
    calibration: Calibration = calibration_.CALIBRATION,
    json_: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="for a pull request")] = False,
) -> None:
    """Which cells of NEW are faster or slower than in OLD, by the JSON files of their runs."""
    limit = limit_of(fail_slower)
    if json_ and markdown:
        raise UserError("--json and --markdown: give one of the two")
    found = compare_(
        read_runs(old), read_runs(new), calibration_.read_calibration(calibration), limit
    )
    if json_:
        streams.line(comparison_.as_json(found))
    elif markdown:
        streams.line(comparison_.markdown(found))
    else:
        comparison_.show(printing.console(), found)
    if found.fails:
        raise typer.Exit(1)


@app.command()
def calibrate(files: list[Path], calibration: Calibration = calibration_.CALIBRATION) -> None:
    """Record how much runs of one revision differ on this machine, from three results or more."""
    runs = [run for path in files for run in read_runs(path)]
    machine = calibration_.calibrate(runs)
    name = calibration_.machine_of(runs[0])
    calibration_.record(calibration, name, machine)
    for what, sd in (("normalised", machine.sd_normalised), ("as timed", machine.sd_raw)):
        shown = "unknown, no control is in all" if sd is None else f"{sd:.2%}"
        streams.line(f"run-to-run standard deviation, {what}: {shown}")
    streams.line(
        f"from {machine.runs} runs of {machine.cells} cells, recorded for {name}: {calibration}"
    )


def _resume(
    context: typer.Context, path: Path, pythons: dict[str, str], check: bool, json_: bool
) -> None:
    """Measure what is missing of an interrupted run, under its own plan."""
    with_it = {"resume", "python", "check", "json_"}
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and name not in with_it:
            option = f"--{name.strip('_').replace('_', '-')}"
            raise UserError(f"{option}: a run that is resumed keeps its plan; leave {option} out")
    plan = take_up(path, pythons)
    if not check:
        target = Path(plan.folder).with_suffix(".json")
        _execute(plan, {}, target, printing.console(sys.stderr if json_ else sys.stdout), json_)


def _execute(
    plan: Plan, missing: dict[str, str], target: Path, console: Console, json_: bool
) -> None:
    """Measure, show and save; exit code 1 where a cell failed, 130 and 143 after a signal."""
    code, result = run_and_show(plan, missing, target, console, provenance())
    if json_:
        streams.line(json.dumps(clean(strict(result)), allow_nan=False))
    if code:
        raise typer.Exit(code)


def _print(found: dict[str, Any], as_json: bool, show: Any) -> None:
    if as_json:
        streams.line(json.dumps(found, indent=1, default=str))
    else:
        show(printing.console(), found)


def main() -> None:
    """Run a command; what a person did wrong is one line and exit code 2.

    What is printed ends up in logs that others read: it holds no secret.
    """
    streams.escaping(sys.stdout)  # typer prints help itself
    streams.escaping(sys.stderr)
    sys.stdout, sys.stderr = Cleaned(sys.stdout), Cleaned(sys.stderr)  # type: ignore[assignment]
    try:
        raise SystemExit(app(standalone_mode=False))
    except UserError as error:
        streams.line(f"error: {error}", error=True)
        raise SystemExit(2) from None
    except WRONG_OPTION as wrong:
        # Shown by typer itself it would be in UTF-8 where the stream is ASCII.
        told, usage = io.StringIO(), cast(Any, wrong)
        usage.show(told)
        streams.line(told.getvalue().rstrip("\n"), error=True)
        raise SystemExit(usage.exit_code) from None
