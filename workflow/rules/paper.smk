"""
Papers: printed numbers + finished runs -> results/paper/<published>.{csv,md,tex}, figures, and an index with verdicts

Reads the runs of the studies that config/published/<published>.yaml names: the paper's own where its corpora are on
disk, else those on open data that stand in. `snakemake --cores 2 paper` makes all of them,
`snakemake --cores 2 results/paper/rawm_ablation.md` one.

Steps:
1. compare_published: one printed table or figure, ours beside it
2. draw_published: our numbers as a figure, where there is one
3. index_published: all of them, with how many numbers were reproduced
"""

from rawm.reports.escaping import rst


rule paper:
    """Every printed table and figure with ours beside it."""
    input:
        index="results/paper/index.md",
        drawings=lambda wildcards: expand("results/paper/{name}.{suffix}", name=sources.drawn_labels(), suffix=DRAWN),
    localrule: True


rule compare_published:
    """A printed table or figure with ours beside it and a verdict on every number, as CSV, Markdown and LaTeX."""
    input:
        runs=of_published(sources.inputs),
    output:
        expand("results/paper/{{published}}.{format}", format=SUFFIXES),
    log:
        "results/logs/compare_published/{published}.log",
    benchmark:
        "results/benchmarks/compare_published/{published}.tsv"
    conda:
        "../envs/rawm.yaml"
    params:
        settings=of_published(sources.settings),
        code=code_hash("rawm.reports.paper:make"),
    shell:
        "rawm paper {wildcards.published:q} > {log:q} 2>&1"


rule draw_published:
    """Our numbers of a printed figure, or of a table that is easier to see, as SVG and PNG."""
    input:
        runs=of_published(sources.inputs),
    output:
        "results/paper/{published}.png",
        report(
            "results/paper/{published}.svg",
            caption="../report/published.rst",
            category="Papers",
            labels={"figure": "{published}"},
        ),
    log:
        "results/logs/draw_published/{published}.log",
    benchmark:
        "results/benchmarks/draw_published/{published}.tsv"
    conda:
        "../envs/rawm.yaml"
    params:
        settings=of_published(sources.settings),
        code=code_hash("rawm.reports.paper:draw"),
        about=of_published(lambda source: rst(f"{source.file.title} ({source.file.paper}). {source.caption}")),
    shell:
        "rawm paper {wildcards.published:q} --draw > {log:q} 2>&1"


rule index_published:
    """All printed tables and figures, with how many of their numbers were reproduced."""
    input:
        tables=expand("results/paper/{published}.csv", published=PUBLISHED),
    output:
        index="results/paper/index.md",
        csv="results/paper/index.csv",
    log:
        "results/logs/index_published.log",
    benchmark:
        "results/benchmarks/index_published.tsv"
    conda:
        "../envs/rawm.yaml"
    params:
        settings=lambda wildcards: sources.index_settings(),
        code=code_hash("rawm.reports.paper:make_index"),
    shell:
        "rawm paper --index > {log:q} 2>&1"
