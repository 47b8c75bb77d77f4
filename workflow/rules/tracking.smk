"""
Tracking: finished files -> MLflow

The files are the truth and MLflow is their mirror: training never waits for a server, and one job uploads the whole
study. `snakemake --cores 1 -R log_to_mlflow` fills a new or lost store again.
"""


rule log_to_mlflow:
    """Mirror every run of a study to MLflow; runs that are there already stay as they are."""
    input:
        metrics=lambda wildcards: all_metrics(wildcards.study),
        checkpoints=lambda wildcards: all_checkpoints(wildcards.study),
        tables=expand("results/{{study}}/tables/{name}", name=TABLES),
        figures=expand("results/{{study}}/figures/{name}.{format}", name=FIGURES, format=["svg", "png"]),
        study="config/studies/{study}.yaml",
        stream=stream_file,
        methods=method_files,
        detector=detector_file,
        frontend=frontend_file,
        manifests=manifests,
    output:
        receipt="results/{study}/tracking.json",
    log:
        "results/{study}/logs/log_to_mlflow.log",
    benchmark:
        "results/{study}/benchmarks/log_to_mlflow.tsv"
    resources:
        mlflow=1,
    params:
        store=TRACKING_STORE,
        code=code_hash("rawm.tracking"),
    shell:
        "rawm track --study {wildcards.study} --receipt {output.receipt} > {log} 2>&1"
