"""The command, whose subcommands are the functions below. It reads options and hands over."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from trustprobe.errors import TrustprobeError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
bench_app = typer.Typer(no_args_is_help=True, help="A board on the desk, before it is judged.")
app.add_typer(bench_app, name="bench")

Bench = Annotated[str, typer.Option(help="Where the sample is plugged in: a name of lab_config/benches/, or a file.")]
ProductName = Annotated[str | None, typer.Option("--product", help="The declaration; by default the bench's product.")]
ProfileName = Annotated[
    str, typer.Option("--profile", help="The rule book: a name of lab_config/profiles/, or a file.")
]
Out = Annotated[Path, typer.Option(help="Where the folder of the run is made.")]
Defects = Annotated[
    list[str] | None,
    typer.Option("--defect", help="Plant this defect of the virtual device: see virtual_lab/*/defects.yaml."),
]
Capabilities = Annotated[
    list[str] | None, typer.Option("--capability", help="Run only this capability; every other case is NOT_RUN.")
]
Unpowered = Annotated[bool, typer.Option("--unpowered", help="Leave the virtual device switched off.")]
Loopback = Annotated[bool, typer.Option("--loopback", help="Run the virtual device without network namespaces.")]
Html = Annotated[bool, typer.Option("--html/--no-html", help="Make the Allure HTML report.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print every row and every case, not only what is not PASS.")
]
Markdown = Annotated[Path | None, typer.Option(help="Write the table into this page, as docs/soundness.md has it.")]
Device = Annotated[str, typer.Option(help="The virtual device: reference or firmware.")]
Own = Annotated[bool, typer.Option("--own", help="Ask of each defect the cases of its own capabilities only.")]
BoardBench = Annotated[
    str, typer.Option("--bench", help="The bench of a board: a name of lab_config/benches/, or a file.")
]
Step = Annotated[
    str | None, typer.Argument(help="A step of `trustprobe bench steps`, or console or network; by default all.")
]
Hardened = Annotated[
    bool, typer.Option("--hardened", help="Beside --defect, ask the device without a defect: nothing may fail there.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Take what an earlier matrix found here with the same software, and go on.")
]
Jobs = Annotated[int, typer.Option(min=1, max=16, help="Runs side by side: they wait more than they compute.")]
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
    """Judge a product: exit 0 CONFORMING, 1 NONCONFORMING, 2 INCOMPLETE or not run at all."""
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
    """Plant each defect in turn, and see that exactly its cases fail: exit 0 when every one is found."""
    from trustprobe.cli.matrix import run_matrix

    code = run_matrix(
        out, tuple(defect or ()), jobs, markdown, device=device, own=own, hardened=hardened, resume=resume
    )
    raise typer.Exit(code)


@bench_app.command()
def check(bench: BoardBench, step: Step = None, product: ProductName = None) -> None:
    """See whether what the bench file names is plugged in and answers: exit 0, or 2 and what to do. Judges nothing."""
    from trustprobe.cli.bench.check import check_bench

    raise typer.Exit(check_bench(step, bench, product))


@bench_app.command()
def steps() -> None:
    """List the steps of `trustprobe bench check`, and what each of them sends."""
    from trustprobe.cli.bench.check import steps_help

    typer.echo(steps_help())


@app.command()
def mud(
    folder: Annotated[Path, typer.Argument(help="The folder of a run, as out/latest.")],
    url: Annotated[str, typer.Option(help="Where the manufacturer will publish the file.")] = "https://example.com/mud",
) -> None:
    """Draft a MUD file (RFC 8520) of what the device sent in a run, for its manufacturer to review."""
    from trustprobe.cli.mud import draft_of_run

    text, strange = draft_of_run(folder, url)
    typer.echo(text, nl=False)
    for about in strange:
        typer.echo(f"not declared, review before you publish: {about}", err=True)


@app.command()
def send(
    message: Annotated[Path, typer.Argument(help="A message that a run has kept: evidence/.../NAME.json.")],
    bench: Bench = "reference",
    product: ProductName = None,
    defect: Defects = None,
    loopback: Loopback = False,
) -> None:
    """Send a malformed message of a run again: exit 0 where its service answers as before, 1 where it does not."""
    from trustprobe.cli.send import send as send_again

    raise typer.Exit(send_again(message, bench, product, tuple(defect or ()), loopback=loopback))


@app.command()
def schema() -> None:
    """Print the JSON Schema of product, bench, profile, answers and results, for editors and other tools."""
    from lab_config.bench import Bench as BenchFile
    from lab_config.papers import Answers
    from lab_config.product import Product
    from lab_config.rules import Profile
    from reports.results import json_schema

    kinds = (Product, BenchFile, Profile, Answers)
    files = {kind.__name__.lower(): kind.model_json_schema() for kind in kinds}
    typer.echo(json.dumps(files | {"results": json_schema()}, indent=2))


def main() -> None:
    """Run the command; every error is one sentence on standard error, and exit code 2."""
    try:
        app()
    except TrustprobeError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
