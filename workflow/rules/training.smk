"""
Training: features + the files of the task before -> results/<study>/runs/<method>/seed<seed>/task<task>/

A job depends on the values in `settings` alone: a new task, method or seed retrains nothing. The chain of tasks is the
chain of jobs.
"""


rule train_task:
    """Train one task of one run: detector, what the method remembers, and the loss curve."""
    input:
        data=of_task(jobs.training_inputs),
        previous_detector=previous_task("detector.safetensors"),
        previous_memory=previous_task("memory.safetensors"),
    output:
        detector="results/{study}/runs/{method}/seed{seed}/task{task}/detector.safetensors",
        memory="results/{study}/runs/{method}/seed{seed}/task{task}/memory.safetensors",
        history="results/{study}/runs/{method}/seed{seed}/task{task}/history.jsonl",
    log:
        "results/{study}/logs/train_task/{method}_seed{seed}_task{task}.log",
    benchmark:
        "results/{study}/benchmarks/train_task/{method}_seed{seed}_task{task}.tsv"
    conda:
        "../envs/rawm.yaml"
    threads: 1
    params:
        settings=of_task(jobs.training_settings),
        code=of_task(jobs.training_code),
    shell:
        "rawm train --study {wildcards.study:q} --method {wildcards.method:q} --seed {wildcards.seed:q}"
        " --task {wildcards.task:q} --threads {threads:q} > {log:q} 2>&1"
