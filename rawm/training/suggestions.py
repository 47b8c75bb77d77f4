"""Which values a search tries next: rounds of Optuna's suggestions, for each method apart.

Trials of a method are asked in rounds, and each suggestion has a seed of its own, so that neither the number of workers
nor an interruption changes what is tried. Optuna's journal is their memory.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawm import paths
from rawm.config.search import Range, Space
from rawm.errors import UserError
from rawm.metrics.measure import EER
from rawm.seeding import derive
from rawm.study.searches import Search, chosen_space

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna import Trial
    from optuna.trial import FrozenTrial

ROUND = 4  # trials of one method that are asked before the first of them is finished


def open_study(search: Search, name: str) -> "OptunaStudy":
    """Open Optuna's memory of some trials, or make it; the search's lock must be held."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    journal = journal_of(search)
    mend(journal)
    try:
        return optuna.create_study(
            storage=optuna.storages.JournalStorage(JournalFileBackend(str(journal))),
            study_name=name,
            direction="minimize" if search.study.measure is EER else "maximize",
            load_if_exists=True,
        )
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise UserError(
            f"{journal}: not readable ({error}); delete {journal.parent} and run `rawm tune {search.name}` again"
        ) from None


def journal_of(search: Search) -> Path:
    """Optuna's memory of the trials of a search."""
    return paths.tuning(search.name) / "optuna.log"


def mend(journal: Path) -> None:
    """Remove what a killed process may leave: the journal's lock, for which others would wait, and half a line."""
    journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
    if journal.is_file() and not (content := journal.read_bytes()).endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def finished(study: "OptunaStudy") -> "list[FrozenTrial]":
    """Trials whose score is known, in the order in which they were asked."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]


def next_round(search: Search, method: str, study: "OptunaStudy") -> list[tuple[int, dict[str, Any]]]:
    """Numbers and values of the trials to train next: those that were left running, and new ones to fill the round."""
    import optuna

    spaces, asked, running = search.spaces[method], len(finished(study)), []
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name != "RUNNING":
            continue
        if (values := restored(spaces, trial.params)) is None:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # stopped while it was asked
        else:
            running.append((trial.number, values))
            asked += 1
    while asked < search.settings.trials and (asked % ROUND or not running):
        study.sampler = optuna.samplers.TPESampler(
            multivariate=True,
            group=True,
            constant_liar=True,
            seed=derive(search.settings.seed, method, asked) % 2**32,
        )
        trial = study.ask()
        running.append((trial.number, suggested(spaces, trial)))
        asked += 1
    return running


def suggested(spaces: dict[str, Space], trial: "Trial") -> dict[str, Any]:
    """Ask Optuna for a value of each key, in their order."""
    return _values(spaces, lambda name, space: _ask(trial, name, space))


def restored(spaces: dict[str, Space], params: dict[str, Any]) -> dict[str, Any] | None:
    """The values of a trial that was asked before, from its parameters; None if it was stopped in the middle of it."""
    try:
        return _values(spaces, lambda name, _: params[name])
    except KeyError:
        return None


def _values(spaces: dict[str, Space], number_of: Callable[[str, Range | list[Any]], Any]) -> dict[str, Any]:
    """Key -> value, given Optuna's number for each name: in a range, or the position in a list."""
    values: dict[str, Any] = {}
    for key, space in spaces.items():
        chosen = chosen_space(space, values)
        if chosen is None:
            continue
        # The ranges of different cases are different parameters.
        name = key if isinstance(space, Range | list) else f"{key} ({space.by} = {values.get(space.by)})"
        number = number_of(name, chosen)
        values[key] = drawn(chosen, number) if isinstance(chosen, Range) else chosen[number]
    return values


def _ask(trial: "Trial", name: str, space: Range | list[Any]) -> float:
    if isinstance(space, list):
        return trial.suggest_categorical(name, range(len(space)))
    low, high = space.low, space.high
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=space.scale == "log")
    if space.scale == "log_complement":
        low, high = 1 - high, 1 - low
    return trial.suggest_float(name, low, high, log=space.scale != "linear")


def drawn(space: Range, number: float) -> float:
    """Convert Optuna's number to the value to try: three significant digits, as a file shows them.

    For the scale log_complement, the number is 1 - value.
    """
    short = float(f"{number:.3g}")
    if space.scale == "log_complement":
        return round(1 - short, 12)
    return int(short) if isinstance(number, int) else short
