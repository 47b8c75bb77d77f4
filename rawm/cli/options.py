"""Options, examples and loading that several verbs share."""

import gc
from typing import Annotated

import typer

from rawm import study as studies
from rawm.errors import UserError
from rawm.runs.run import Run

Study = Annotated[str, typer.Option(help="Label of a file in config/studies/.")]
Method = Annotated[str, typer.Option(help="Label of a file in config/methods/.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the run.")]
Device = Annotated[
    str, typer.Option(envvar="RAWM_DEVICE", help="auto, cpu, cuda, cuda:1 or mps; auto takes a GPU if there is one.")
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of torch.")]
Corpus = Annotated[str, typer.Option(help="Label of a file in config/corpora/.")]

Uri = Annotated[
    str | None,
    typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow tracking URI; default: the one in config/config.yaml."),
]


def example(*lines: str) -> str:
    return "[bold]Examples[/bold]\n\n" + "\n\n".join(f"  $ {line}" for line in lines)


def load_run(study: str, method: str, seed: int) -> Run:
    """Load a study and choose one of its runs; raises UserError where it has no such method or seed."""
    loaded = studies.load_study(study)
    if method not in loaded.methods:
        raise UserError(f"--method {method}: is not a method of study {study}; it has {', '.join(loaded.methods)}")
    if seed not in loaded.settings.seeds:
        seeds = ", ".join(map(str, loaded.settings.seeds))
        raise UserError(f"--seed {seed}: is not a seed of study {study}; it has {seeds}")
    return Run(loaded, method, seed)


def import_torch():
    """Import torch and keep the garbage collector away from it, which makes short commands a quarter faster."""
    gc.disable()
    import torch

    gc.freeze()
    gc.enable()
    return torch


def use_torch(device: str, threads: int):
    """Set the threads of torch and return the device; on a GPU use deterministic kernels."""
    torch = import_torch()
    from rawm.training.task import choose_device

    torch.set_num_threads(threads)
    where = choose_device(device)
    if where.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
    return where
