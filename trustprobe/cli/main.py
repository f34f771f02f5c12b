"""The command, whose subcommands are the functions below. They read options and call the code that does the work."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from trustprobe.cli.guard import guarded

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
bench_app = typer.Typer(no_args_is_help=True, help="Check a connected board before a run.")
app.add_typer(bench_app, name="bench")

Bench = Annotated[str, typer.Option(help="The bench: a name in lab_config/benches/, or a file.")]
ProductName = Annotated[
    str | None, typer.Option("--product", help="The declaration. The default is the product of the bench.")
]
ProfileName = Annotated[
    str, typer.Option("--profile", help="The rule book: a name in lab_config/profiles/, or a file.")
]
Out = Annotated[Path, typer.Option(help="The folder in which the run folder is created.")]
Defects = Annotated[
    list[str] | None,
    typer.Option("--defect", help="Plant this defect in the virtual device. See virtual_lab/*/defects.yaml."),
]
Capabilities = Annotated[
    list[str] | None, typer.Option("--capability", help="Run only this capability. Every other case is NOT_RUN.")
]
Unpowered = Annotated[bool, typer.Option("--unpowered", help="Leave the virtual device switched off.")]
Loopback = Annotated[bool, typer.Option("--loopback", help="Run the virtual device without network namespaces.")]
Html = Annotated[bool, typer.Option("--html/--no-html", help="Create the Allure HTML report.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print every row and every case, not only those that are not PASS.")
]
Markdown = Annotated[Path | None, typer.Option(help="Write the table into this page, for example docs/soundness.md.")]
Device = Annotated[str, typer.Option(help="The virtual device: reference or firmware.")]
Own = Annotated[bool, typer.Option("--own", help="For each defect, run only the cases of its own capabilities.")]
BoardBench = Annotated[
    str, typer.Option("--bench", help="The bench of a board: a name in lab_config/benches/, or a file.")
]
Step = Annotated[
    str | None, typer.Argument(help="A step of `trustprobe bench steps`, or console or network. The default is all.")
]
Hardened = Annotated[
    bool,
    typer.Option("--hardened", help="With --defect, also run the device without a defect. No case may fail there."),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Reuse the results of an earlier matrix here with the same software, and continue."),
]
Jobs = Annotated[int, typer.Option(min=1, max=16, help="Number of parallel runs. They wait more than they compute.")]
JOBS = min(16, 2 * (os.cpu_count() or 1))


@app.command()
def run(
    bench: Bench = "reference",
    product: ProductName = None,
    profile: ProfileName = "device_interfaces",
    out: Out = Path("out"),
    defect: Defects = None,
    capability: Capabilities = None,
    unpowered: Unpowered = False,
    loopback: Loopback = False,
    html: Html = True,
    verbose: Verbose = False,
) -> None:
    """Judge a product. Exit code 0 is CONFORMING, 1 is NONCONFORMING, 2 is INCOMPLETE or not run."""
    from trustprobe.cli.run import RunOptions, run_and_report

    options = RunOptions(
        bench,
        product,
        profile,
        out,
        defects=tuple(defect or ()),
        capabilities=tuple(capability or ()),
        unpowered=unpowered,
        loopback=loopback,
        verbose=verbose,
    )
    raise typer.Exit(run_and_report(options, html=html))


@app.command()
def matrix(
    out: Out = Path("out/matrix"),
    defect: Defects = None,
    jobs: Jobs = JOBS,
    markdown: Markdown = None,
    device: Device = "reference",
    own: Own = False,
    hardened: Hardened = False,
    resume: Resume = False,
) -> None:
    """Plant each defect in turn, and check that exactly its cases fail. Exit code 0 if every defect is found."""
    from trustprobe.cli.matrix import run_matrix

    code = run_matrix(
        out, tuple(defect or ()), jobs, markdown, device=device, own=own, hardened=hardened, resume=resume
    )
    raise typer.Exit(code)


@bench_app.command()
def check(bench: BoardBench, step: Step = None, product: ProductName = None) -> None:
    """Check that the parts in the bench file are connected and answer. Exit code 0, or 2 with the next step to take."""
    from trustprobe.cli.bench.check import check_bench

    raise typer.Exit(check_bench(step, bench, product))


@bench_app.command()
def steps() -> None:
    """List the steps of `trustprobe bench check`, and what each step sends."""
    from trustprobe.cli.bench.check import steps_help

    typer.echo(steps_help())


@app.command()
def mud(
    folder: Annotated[Path, typer.Argument(help="The folder of a run, for example out/latest.")],
    url: Annotated[
        str, typer.Option(help="The URL at which the manufacturer will publish the file.")
    ] = "https://example.com/mud",
) -> None:
    """Draft a MUD file (RFC 8520) from what the device sent in a run, for its manufacturer to review."""
    from trustprobe.cli.mud import draft_of_run

    text, undeclared = draft_of_run(folder, url)
    typer.echo(text, nl=False)
    for about in undeclared:
        typer.echo(f"not declared, review before you publish: {about}", err=True)


@app.command()
def send(
    message: Annotated[Path, typer.Argument(help="A message from the evidence of a run: evidence/.../NAME.json.")],
    bench: Bench = "reference",
    product: ProductName = None,
    defect: Defects = None,
    loopback: Loopback = False,
) -> None:
    """Send a malformed message of a run again. Exit code 0 if its service answers as before, 1 if it does not."""
    from trustprobe.cli.send import send as send_again

    raise typer.Exit(send_again(message, bench, product, tuple(defect or ()), loopback=loopback))


@app.command()
def schema() -> None:
    """Print the JSON Schemas of product, bench, profile, answers and results, for editors and other tools."""
    from lab_config.bench import Bench as BenchFile
    from lab_config.papers import Answers
    from lab_config.product import Product
    from lab_config.rules import Profile
    from reports.results import json_schema

    kinds = (Product, BenchFile, Profile, Answers)
    files = {kind.__name__.lower(): kind.model_json_schema() for kind in kinds}
    typer.echo(json.dumps(files | {"results": json_schema()}, indent=2))


def main() -> None:
    """Run the command. Only a verdict exits 1. Every error is one sentence on standard error, with exit code 2."""
    raise SystemExit(guarded(lambda: app(standalone_mode=False)))


if __name__ == "__main__":
    main()
