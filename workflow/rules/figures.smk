"""
Tables and figures: scores, metrics and memories of all runs, and how sure they are -> results/<study>/{tables,figures}

Nothing is trained here: `snakemake --cores 1 -R make_tables draw_figures` makes them again.
"""


rule make_tables:
    """Comparison of methods and pairs of them, task-by-task matrices and runs, as CSV, Markdown and LaTeX."""
    input:
        metrics=lambda wildcards: all_metrics(wildcards.study),
        intervals="results/{study}/intervals.json",
        study="config/studies/{study}.yaml",
        stream=stream_file,
        methods=method_files,
    output:
        expand("results/{{study}}/tables/{name}", name=TABLES),
    log:
        "results/{study}/logs/make_tables.log",
    benchmark:
        "results/{study}/benchmarks/make_tables.tsv"
    params:
        code=code_hash("rawm.tables"),
    shell:
        "rawm tables --study {wildcards.study} > {log} 2>&1"


rule draw_figures:
    """All figures of a study, as SVG and PNG."""
    input:
        metrics=lambda wildcards: all_metrics(wildcards.study),
        checkpoints=lambda wildcards: all_checkpoints(wildcards.study),
        intervals="results/{study}/intervals.json",
        features=drawn_features,
        study="config/studies/{study}.yaml",
        stream=stream_file,
        methods=method_files,
    output:
        expand("results/{{study}}/figures/{name}.png", name=FIGURES),
        **{
            name: report(
                f"results/{{study}}/figures/{name}.svg",
                caption=f"../report/{name}.rst",
                category="Figures",
                labels={"figure": name.replace("_", " ")},
            )
            for name in FIGURES
        },
    log:
        "results/{study}/logs/draw_figures.log",
    benchmark:
        "results/{study}/benchmarks/draw_figures.tsv"
    params:
        code=code_hash("rawm.figures"),
        measure=lambda wildcards: load_study(wildcards.study).measure.title,
        worse=lambda wildcards: load_study(wildcards.study).measure.worse,
    shell:
        "rawm figures --study {wildcards.study} > {log} 2>&1"
