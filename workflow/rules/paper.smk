"""
Papers: printed numbers + finished runs -> results/paper/<published>.{csv,md,tex}, figures, and an index with verdicts

Reads config/published/<published>.yaml and the studies it names: the paper's own where its corpora are on disk, else
those on open data that stand in. `snakemake --cores 2 paper` makes all of them,
`snakemake --cores 2 results/paper/rawm_ablation.md` one.

Steps:
1. compare_published: one printed table or figure, ours beside it
2. draw_published: our numbers as a figure, where there is one
3. index_published: all of them, with how many numbers were reproduced
"""


rule paper:
    """Every printed table and figure with ours beside it."""
    input:
        index="results/paper/index.md",
        drawings=published_drawings,


rule compare_published:
    """A printed table or figure with ours beside it and a verdict on every number, as CSV, Markdown and LaTeX."""
    input:
        published="config/published/{published}.yaml",
        runs=published_runs,
    output:
        expand("results/paper/{{published}}.{format}", format=SUFFIXES),
    log:
        "results/logs/compare_published/{published}.log",
    benchmark:
        "results/benchmarks/compare_published/{published}.tsv"
    params:
        code=code_hash("rawm.reports.paper.tables"),
    shell:
        "rawm paper {wildcards.published} > {log} 2>&1"


rule draw_published:
    """Our numbers of a printed figure, or of a table that is easier to see, as SVG and PNG."""
    input:
        published="config/published/{published}.yaml",
        runs=published_runs,
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
    params:
        code=code_hash("rawm.reports.paper.figures"),
        about=published_caption,
    shell:
        "rawm paper {wildcards.published} --draw > {log} 2>&1"


rule index_published:
    """All printed tables and figures, with how many of their numbers were reproduced."""
    input:
        tables=expand("results/paper/{published}.csv", published=PUBLISHED),
        published=expand("config/published/{published}.yaml", published=PUBLISHED),
    output:
        index="results/paper/index.md",
        csv="results/paper/index.csv",
    log:
        "results/logs/index_published.log",
    benchmark:
        "results/benchmarks/index_published.tsv"
    params:
        code=code_hash("rawm.reports.paper.index"),
    shell:
        "rawm paper --index > {log} 2>&1"
