"""
Features: manifest + audio -> results/features/<frontend>/<corpus>/<split>.safetensors

Reads the manifest, the audio it lists and config/frontends/<frontend>.yaml; of the corpus file only max_seconds counts.
"""


rule extract_features:
    """Compute the features of all splits of a corpus."""
    input:
        manifest="results/manifests/{corpus}.parquet",
        frontend="config/frontends/{frontend}.yaml",
    output:
        expand("results/features/{{frontend}}/{{corpus}}/{split}.safetensors", split=paths.SPLITS),
    log:
        "results/logs/extract_features/{frontend}/{corpus}.log",
    benchmark:
        "results/benchmarks/extract_features/{frontend}/{corpus}.tsv"
    threads: 1
    params:
        code=frontend_code,
        max_seconds=lambda wildcards: load_corpus(wildcards).max_seconds or "all",
    shell:
        "rawm extract --frontend {wildcards.frontend} --corpus {wildcards.corpus} --threads {threads} > {log} 2>&1"
