"""Options, examples and loading that several verbs share."""

from typing import Annotated

import typer

from rawm import study as studies
from rawm.errors import UserError

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


def load_study(name: str | None, method: str | None = None, seed: int | None = None) -> studies.Study:
    """Load a study and check that it has this method and seed; with a seed, tasks are in the order of that seed."""
    study = studies.load_study(name or studies.load_main().study)
    if method is not None and method not in study.methods:
        raise UserError(f"--method {method}: is not a method of study {study.name}; it has {', '.join(study.methods)}")
    if seed is not None and seed not in study.settings.seeds:
        seeds = ", ".join(map(str, study.settings.seeds))
        raise UserError(f"--seed {seed}: is not a seed of study {study.name}; it has {seeds}")
    return study if seed is None else study.ordered(seed)


def use_torch(device: str, threads: int):
    """Set the threads of torch and return the device; on a GPU use deterministic kernels."""
    import torch

    from rawm.training.loop import choose_device

    torch.set_num_threads(threads)
    where = choose_device(device)
    if where.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
    return where
