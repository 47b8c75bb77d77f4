"""
Tables and figures: scores, metrics and memories of all runs, and how sure they are -> results/<study>/{tables,figures}

Nothing is trained here: `snakemake --cores 1 -R make_tables draw_figures` makes them again.
"""

from rawm.reports.about import about, seed_count

#: Where the report shows each figure. It sorts headings and figures by name, so numbers put them in order.
SECTIONS = {
    "1 Overview": ["comparison", "stream"],
    "2 Results": ["average", "calibration", "critical_difference", "det", "matrices"],
    "3 What was forgotten": ["learning_vs_forgetting", "confusion", "embeddings"],
    "4 Inside the projectors": ["projector_spectra", "projector_rank", "subspaces"],
}
config["about"] = about(STUDY)  # all that report/workflow.rst can read is the configuration


rule make_tables:
    """Comparison of methods and pairs of them, task-by-task matrices and runs, as CSV, Markdown, LaTeX and HTML."""
    input:
        metrics=of_study(runs.all_metrics),
        intervals="results/{study}/intervals.json",
    output:
        expand("results/{{study}}/tables/{name}", name=[name for name in TABLES if name.endswith((".md", ".tex"))]),
        **{
            f"{table}_{suffix}": report(
                f"results/{{study}}/tables/{table}.{suffix}",
                caption=f"../report/table_{table}.rst",
                category="5 Tables",
                labels={"table": f"{number} {table}", "as": kind},
            )
            for number, table in enumerate(tables.NAMES, 1)
            for suffix, kind in {"html": "a page", "csv": "csv file"}.items()
        },
    log:
        "results/{study}/logs/make_tables.log",
    benchmark:
        "results/{study}/benchmarks/make_tables.tsv"
    conda:
        "../envs/rawm.yaml"
    params:
        settings=of_study(jobs.report_settings),
        code=code_hash("rawm.reports.tables:make"),
        seeds=of_study(seed_count),
    shell:
        "rawm tables --study {wildcards.study:q} > {log:q} 2>&1"


rule draw_figures:
    """All figures of a study, as SVG and PNG."""
    input:
        metrics=of_study(runs.all_metrics),
        checkpoints=of_study(runs.all_checkpoints),
        intervals="results/{study}/intervals.json",
        data=of_study(jobs.figure_inputs),
    output:
        expand("results/{{study}}/figures/{name}.png", name=FIGURES),
        **{
            name: report(
                f"results/{{study}}/figures/{name}.svg",
                caption=f"../report/{name}.rst",
                category=section,
                labels={"figure": f"{number} {name.replace('_', ' ')}"},
            )
            for section, names in SECTIONS.items()
            for number, name in enumerate(names, 1)
        },
    log:
        "results/{study}/logs/draw_figures.log",
    benchmark:
        "results/{study}/benchmarks/draw_figures.tsv"
    conda:
        "../envs/rawm.yaml"
    params:
        settings=of_study(jobs.figure_settings),
        code=code_hash("rawm.reports.figures:make"),
        seeds=of_study(seed_count),
        direction=of_study(lambda study: study.measure.direction),
        measure=of_study(lambda study: study.measure.title),
        worse=of_study(lambda study: study.measure.worse),
    shell:
        "rawm figures --study {wildcards.study:q} > {log:q} 2>&1"
