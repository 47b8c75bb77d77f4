"""
Features: manifest + audio -> results/features/<frontend>/<corpus>/<split>.safetensors

Reads the manifest, the audio it lists and the weights of a neural front-end. Where config/config.yaml asks for shards,
their jobs share the work, and a killed run continues with the missing shards.
"""


rule extract_features:
    """Compute the features of all splits of a corpus, or join their shards."""
    input:
        manifest="results/manifests/{corpus}.parquet",
        weights=of_frontend(jobs.weight_files),
        imported=of_features(jobs.imported_features),
        shards=feature_shards,
    output:
        expand("results/features/{{frontend}}/{{corpus}}/{split}.safetensors", split=paths.SPLITS),
    log:
        "results/logs/extract_features/{frontend}/{corpus}.log",
    benchmark:
        "results/benchmarks/extract_features/{frontend}/{corpus}.tsv"
    conda:
        "../envs/rawm.yaml"
    threads: of_frontend(jobs.extraction_threads)
    params:
        settings=of_features(jobs.features_settings),
        code=of_frontend(jobs.features_code),
        join=lambda wildcards, input: f"--join={MAIN.shards}" if input.shards else "",
    shell:
        "rawm extract --frontend {wildcards.frontend:q} --corpus {wildcards.corpus:q} {params.join:q}"
        " --threads {threads:q} > {log:q} 2>&1"


rule augment_features:
    """Compute the features of changed copies of a corpus' training data, by config/augmentations/."""
    input:
        manifest="results/manifests/{corpus}.parquet",
        weights=of_frontend(jobs.weight_files),
    output:
        "results/features/{frontend}/{corpus}/augmented/{augmentation}/train.safetensors",
    log:
        "results/logs/augment_features/{frontend}/{corpus}/{augmentation}.log",
    benchmark:
        "results/benchmarks/augment_features/{frontend}/{corpus}/{augmentation}.tsv"
    conda:
        "../envs/rawm.yaml"
    threads: of_frontend(jobs.extraction_threads)
    params:
        label=lambda wildcards: augmentation_label(wildcards.augmentation),
        settings=of_augmented(jobs.augmented_settings),
        code=of_augmented(jobs.augmented_code),
    shell:
        "rawm extract --frontend {wildcards.frontend:q} --corpus {wildcards.corpus:q} --augment {params.label:q}"
        " --threads {threads:q} > {log:q} 2>&1"


rule extract_shard:
    """Compute the features of one part of all splits of a corpus."""
    input:
        manifest="results/manifests/{corpus}.parquet",
        weights=of_frontend(jobs.weight_files),
    output:
        temp(
            expand("results/features/{{frontend}}/{{corpus}}/shards/{{shard}}/{split}.safetensors", split=paths.SPLITS)
        ),
    log:
        "results/logs/extract_shard/{frontend}/{corpus}/{shard}.log",
    benchmark:
        "results/benchmarks/extract_shard/{frontend}/{corpus}/{shard}.tsv"
    conda:
        "../envs/rawm.yaml"
    threads: of_frontend(jobs.extraction_threads)
    params:
        settings=of_features(jobs.features_settings),
        code=of_frontend(jobs.features_code),
    shell:
        "rawm extract --frontend {wildcards.frontend:q} --corpus {wildcards.corpus:q} --shard {wildcards.shard:q}"
        " --threads {threads:q} > {log:q} 2>&1"
