"""
Features: manifest + audio -> results/features/<frontend>/<corpus>/<split>.safetensors

Reads the manifest, the audio it lists and config/frontends/<frontend>.yaml.
"""


def frontend_code(wildcards):
    """Hash of the code that computes features."""
    return code_hash("rawm.features", f"rawm.frontends.{rawm.config.load_frontend(wildcards.frontend).type}")


rule extract_features:
    """Compute the features of one split of a corpus."""
    input:
        manifest="results/manifests/{corpus}.parquet",
        frontend="config/frontends/{frontend}.yaml",
    output:
        features="results/features/{frontend}/{corpus}/{split}.safetensors",
    params:
        code=frontend_code,
    log:
        "results/logs/extract_features/{frontend}/{corpus}_{split}.log",
    benchmark:
        "results/benchmarks/extract_features/{frontend}/{corpus}_{split}.tsv"
    threads: 1
    shell:
        "rawm extract --frontend {wildcards.frontend} --corpus {wildcards.corpus} --split {wildcards.split}"
        " --threads {threads} > {log} 2>&1"
