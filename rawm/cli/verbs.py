"""All verbs of the command `rawm`: each parses its options and calls one function."""

import platform
import signal
import sys
from typing import Annotated

import typer

from rawm.cli import configuration, corpora, detection, features, results, runs, scores, tracking
from rawm.config.shown import shortened
from rawm.errors import UserError
from rawm.files import UNWRITABLE

PACKAGES = ("rawm", "torch", "snakemake", "mlflow", "numpy")  # whose versions `rawm --version` prints
LONGEST = 2000  # characters of a sentence, which may show what a file holds

app = typer.Typer(
    name="rawm",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Continual learning for fake-speech detection. `snakemake --cores N` runs a whole study; each of its jobs is "
    "one of these commands, which can also be run alone.",
)
for verbs in (configuration, corpora, features, runs, results, scores, tracking, detection):
    app.add_typer(verbs.app)


def print_versions(asked: bool) -> None:
    """Print what a report of a mistake needs to say, and end."""
    if asked:
        from rawm.provenance import versions

        found = versions(PACKAGES) | {"Python": platform.python_version()}
        print(*map(" ".join, found.items()), platform.platform(), sep="\n")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=print_versions, is_eager=True, help="Print versions and exit.")
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Run a verb; print errors that a user can mend without a traceback and exit with status 1."""
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        app()
    except UserError as error:
        for line in str(error).splitlines():
            print(f"rawm: {shortened(line, LONGEST)}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:  # of temporary files; results are written by `rawm.files.atomic`
        if error.errno not in UNWRITABLE:
            raise
        print(f"rawm: {error.filename or 'a temporary file'}: {UNWRITABLE[error.errno]}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except ImportError:
        if interrupted:  # a library in C that was just being loaded makes an ImportError of it
            sys.exit(130)
        raise
