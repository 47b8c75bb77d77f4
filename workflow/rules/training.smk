"""
Training: features + the files of the task before -> results/<study>/runs/<method>/seed<seed>/task<task>/

Reads config/methods/<method>.yaml, config/detectors/<detector>.yaml, and of the study and the stream only the values
in `settings`: a new task, method or seed leaves what is trained alone. The chain of tasks is the chain of jobs.
"""


rule train_task:
    """Train one task of one run: detector, what the method remembers, and the loss curve."""
    input:
        method="config/methods/{method}.yaml",
        detector=detector_file,
        features=seen_features,
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
    threads: 1
    params:
        settings=training_settings,
        code=training_code,
    shell:
        "rawm train --study {wildcards.study} --method {wildcards.method} --seed {wildcards.seed}"
        " --task {wildcards.task} --threads {threads} > {log} 2>&1"
