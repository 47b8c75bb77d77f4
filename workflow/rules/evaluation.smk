"""
Evaluation: checkpoints + evaluation features -> scores.parquet and metrics.json of a run, intervals.json of the study

Every checkpoint, and the untrained detector, scores every task, also those not yet seen. How sure the numbers are is
estimated from the scores of all runs together.
"""


rule evaluate_run:
    """Score every task with every checkpoint of a run, and compute its task-by-task matrix and metrics."""
    input:
        checkpoints=run_checkpoints,
        data=of_study(jobs.evaluation_inputs),
    output:
        scores="results/{study}/runs/{method}/seed{seed}/scores.parquet",
        metrics="results/{study}/runs/{method}/seed{seed}/metrics.json",
    log:
        "results/{study}/logs/evaluate_run/{method}_seed{seed}.log",
    benchmark:
        "results/{study}/benchmarks/evaluate_run/{method}_seed{seed}.tsv"
    conda:
        "../envs/rawm.yaml"
    threads: 1
    params:
        settings=of_study(jobs.evaluation_settings),
        code=of_study(jobs.evaluation_code),
    shell:
        "rawm evaluate --study {wildcards.study:q} --method {wildcards.method:q} --seed {wildcards.seed:q}"
        " --threads {threads:q} > {log:q} 2>&1"


rule estimate_uncertainty:
    """Intervals of every method's numbers, paired differences between methods, and their ranks."""
    input:
        metrics=of_study(runs.all_metrics),
        manifests=of_study(jobs.manifests),
    output:
        "results/{study}/intervals.json",
    log:
        "results/{study}/logs/estimate_uncertainty.log",
    benchmark:
        "results/{study}/benchmarks/estimate_uncertainty.tsv"
    conda:
        "../envs/rawm.yaml"
    threads: 2
    params:
        settings=of_study(jobs.uncertainty_settings),
        code=code_hash("rawm.runs.uncertainty:make"),
    shell:
        "rawm intervals --study {wildcards.study:q} --threads {threads:q} > {log:q} 2>&1"
