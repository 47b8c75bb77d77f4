"""
Model: the best run -> results/<study>/model/, a folder that `rawm detect` uses, here or on another machine.

Studies whose detectors cannot score recordings, since their classes or features are others, have none.
"""

from rawm.detection.bundle import FILES


def model_files(study):
    """Files of the study's model; none where its detectors cannot score recordings."""
    usable = study.detects_fakes and study.frontend.type != "stored"
    return [f"results/{study.name}/model/{name}" for name in FILES] if usable else []


def model_options(wildcards):
    """What config/config.yaml says of the model's run."""
    chosen = MAIN.model.model_dump(exclude_none=True)
    return " ".join(f"--{key} {value}" for key, value in chosen.items())


rule export_model:
    """Detector, memory and description of the run that config/config.yaml names, or of the best on development data."""
    input:
        metrics=of_study(runs.all_metrics),
        checkpoints=of_study(runs.all_checkpoints),
    output:
        expand("results/{{study}}/model/{name}", name=FILES),
    log:
        "results/{study}/logs/export_model.log",
    benchmark:
        "results/{study}/benchmarks/export_model.tsv"
    params:
        settings=of_study(lambda study: jobs.model_settings(study, MAIN.model)),
        code=code_hash("rawm.detection.export:best_of", "rawm.detection.export:export"),
        options=model_options,
    shell:
        "rawm export --study {wildcards.study} {params.options} > {log} 2>&1"
