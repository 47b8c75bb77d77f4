"""
Tracking: finished files -> MLflow

The files are the truth and MLflow is their mirror: training never waits for a server, and one job uploads the whole
study. `snakemake --cores 1 -R log_to_mlflow` fills a new or lost store again.
"""


rule log_to_mlflow:
    """Mirror every run of a study to MLflow; runs that are there already stay as they are."""
    input:
        metrics=of_study(runs.all_metrics),
        checkpoints=of_study(runs.all_checkpoints),
        tables=expand("results/{{study}}/tables/{name}", name=TABLES),
        figures=expand("results/{{study}}/figures/{name}.{format}", name=FIGURES, format=["svg", "png"]),
        manifests=of_study(jobs.manifests),
        model=of_study(model_files),
    output:
        receipt="results/{study}/tracking.json",
    log:
        "results/{study}/logs/log_to_mlflow.log",
    benchmark:
        "results/{study}/benchmarks/log_to_mlflow.tsv"
    localrule: True
    conda:
        "../envs/rawm.yaml"
    resources:
        mlflow=1,
    params:
        store=TRACKING_STORE,
        settings=of_study(jobs.tracking_settings),
        code=code_hash("rawm.tracking:log_study"),
    shell:
        "rawm track --study {wildcards.study:q} --receipt {output.receipt:q} > {log:q} 2>&1"
