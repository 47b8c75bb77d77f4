"""
Features: manifest + audio -> results/features/<frontend>/<corpus>/<split>.safetensors

Reads the manifest, the audio it lists, config/frontends/<frontend>.yaml and the weights that it names; of the corpus
file only max_seconds counts. Where config/config.yaml asks for shards, their jobs share the work, and a killed run goes
on with the shards that it lacks.
"""


rule extract_features:
    """Compute the features of all splits of a corpus, or join their shards."""
    input:
        manifest="results/manifests/{corpus}.parquet",
        frontend="config/frontends/{frontend}.yaml",
        weights=frontend_weights,
        imported=imported_features,
        shards=feature_shards,
    output:
        expand("results/features/{{frontend}}/{{corpus}}/{split}.safetensors", split=paths.SPLITS),
    log:
        "results/logs/extract_features/{frontend}/{corpus}.log",
    benchmark:
        "results/benchmarks/extract_features/{frontend}/{corpus}.tsv"
    threads: frontend_threads
    params:
        code=frontend_code,
        max_seconds=lambda wildcards: load_corpus(wildcards).max_seconds or "all",
        join=joined_shards,
    shell:
        "rawm extract --frontend {wildcards.frontend} --corpus {wildcards.corpus} {params.join} --threads {threads}"
        " > {log} 2>&1"


rule extract_shard:
    """Compute the features of one part of all splits of a corpus."""
    input:
        manifest="results/manifests/{corpus}.parquet",
        frontend="config/frontends/{frontend}.yaml",
        weights=frontend_weights,
    output:
        temp(
            expand("results/features/{{frontend}}/{{corpus}}/shards/{{shard}}/{split}.safetensors", split=paths.SPLITS)
        ),
    log:
        "results/logs/extract_shard/{frontend}/{corpus}/{shard}.log",
    benchmark:
        "results/benchmarks/extract_shard/{frontend}/{corpus}/{shard}.tsv"
    threads: frontend_threads
    params:
        code=frontend_code,
        max_seconds=lambda wildcards: load_corpus(wildcards).max_seconds or "all",
    shell:
        "rawm extract --frontend {wildcards.frontend} --corpus {wildcards.corpus} --shard {wildcards.shard}"
        " --threads {threads} > {log} 2>&1"
