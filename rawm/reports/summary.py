"""A study at a glance: the best methods first, and where the rest is."""

from rawm import paths
from rawm.runs.results import Results, Spread, load, spread, spread_sentence
from rawm.study import Study, load_main


def text(study: Study) -> str:
    """The main table of a finished study, where its tables and figures are, and the next commands.

    Raises:
        UserError: a run of the study is not finished.
    """
    results = load(study)
    return f"{heading(results)}\n\n{table(results)}\n\n{pointers(study)}"


def heading(results: Results) -> str:
    """Title of the study, and what the numbers are."""
    measure = results.measure
    better = "lower is better"
    if not measure.lower_is_better:
        better = f"a higher {measure.title} and less forgetting are better"
    return f"{results.study.settings.title}: {measure.title} in %, {spread_sentence(results)}; {better}."


def table(results: Results) -> str:
    """Average, average incremental and forgetting of each method in columns; the best final average first."""
    measure = results.measure
    keys = (measure.average, measure.area, measure.forgetting)
    rows = [
        (results.titles[method], [spread(results.values(method, key)) for key in keys]) for method in results.methods
    ]
    rows.sort(key=lambda row: measure.errors(row[1][0].mean))
    headers = ("method", f"average {measure.title}", f"average incremental {measure.title}", "forgetting")
    lines = [headers, *((title, *map(_shown, spreads)) for title, spreads in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])]) for name, *numbers in lines
    )


def _shown(value: Spread) -> str:
    if value.mean is None:
        return "-"
    mean = f"{value.mean:.1f}".replace("-0.0", "0.0")
    return mean if value.std is None else f"{mean} ± {value.std:.1f}"


def pointers(study: Study) -> str:
    """Where tables, figures and the trained model are, and the commands that use the runs and the model."""
    folder = paths.study(study.name)
    main = study.name == load_main().study
    ui = "make ui" if main else f"make ui STUDY={study.name}"
    detect = "rawm detect FILE" if main else f"rawm detect FILE --model {folder / 'model'}"
    lines = [
        f"Tables:   {folder / 'tables'}",
        f"Figures:  {folder / 'figures'}",
        f"Compare:  {ui}    all runs in MLflow",
    ]
    if (folder / "model").is_dir():
        lines += [f"Model:    {folder / 'model'}", f"Use it:   {detect}    is this recording fake?"]
    return "\n".join(lines)
