"""
Model: the best run -> results/<study>/model/, a folder that `rawm detect` uses, here or on another machine.

Studies whose detectors cannot score recordings, since their classes or features are others, have none.
"""


rule export_model:
    """Detector, memory and description of the run that config/config.yaml names, or of the best on development data."""
    input:
        metrics=of_study(runs.all_metrics),
        checkpoints=of_study(runs.all_checkpoints),
    output:
        expand("results/{{study}}/model/{name}", name=MODEL_FILES),
    log:
        "results/{study}/logs/export_model.log",
    benchmark:
        "results/{study}/benchmarks/export_model.tsv"
    conda:
        "../envs/rawm.yaml"
    params:
        settings=of_study(lambda study: jobs.model_settings(study, MAIN.model)),
        code=code_hash("rawm.detection.export:best_of", "rawm.detection.export:export"),
        options=model_options,
    shell:
        "rawm export --study {wildcards.study:q} {params.options:q} > {log:q} 2>&1"
