# What the trained models score, where their features lie, and what their prototypes stand for.


rule evaluate:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json", f"{TRAINED}/receipt.json"],
        files=existing(DATA, "files"),
        model=existing(TRAINED, "model.safetensors", "student.safetensors"),
        pretrained=warm_start,
    output:
        multiext(
            f"{EVALUATED}/",
            "metrics.json",
            "confusion.csv",
            "images.csv",
            "calibration.csv",
            "validation.csv",
            "history.csv",
            "machine.csv",
        ),
        predictions=directory(f"{EVALUATED}/predictions"),
        receipt=f"{EVALUATED}/receipt.json",
    params:
        *code("results.evaluate"),
        config=step(P.EvaluateConfig),
        split=SPLIT,
        model=TRAINED,
        pretrained=lambda wildcards, input: option("--pretrained", input.pretrained),
        out=EVALUATED,
    threads: TRAIN_THREADS
    resources:
        gpu=TRAIN_GPUS,
    shell:
        "{SEMIPROTO} evaluate --config {params.config:q} --data {DATA} --split-dir {params.split} --model {params.model}"
        " {params.pretrained} --out {params.out} --compute {COMPUTE:q}"


def compared(name):
    """A file of each variant that t-SNE compares on a split."""
    return lambda wildcards: [
        f"{TRAINED}/{name}".format(split=wildcards.split, variant=variant, seed=wildcards.seed)
        for variant in TSNE_VARIANTS[wildcards.split]
    ]


rule tsne:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json"],
        files=existing(DATA, "files"),
        runs=compared("receipt.json"),
        models=lambda wildcards: [ancient(file) for file in compared("student.safetensors")(wildcards)],
    output:
        multiext(f"{TSNE}/", "points.csv", "compactness.csv"),
        receipt=f"{TSNE}/receipt.json",
    params:
        *code("results.tsne"),
        config=step(P.TsneConfig),
        split=SPLIT,
        models=lambda wildcards, input: [f"--model {Path(file).parent.as_posix()}" for file in input.runs],
        out=TSNE,
    threads: MODEL_THREADS
    resources:
        gpu=MODEL_GPUS,
    shell:
        "{SEMIPROTO} tsne --config {params.config:q} --data {DATA} --split-dir {params.split} {params.models}"
        " --out {params.out} --compute {COMPUTE:q}"


rule patches:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json", f"{TRAINED}/receipt.json"],
        files=existing(DATA, "files"),
        model=existing(TRAINED, "student.safetensors"),
    output:
        multiext(f"{PATCHES}/", "prototypes.csv", "patches.csv", "labeled.png", "unlabeled.png"),
        receipt=f"{PATCHES}/receipt.json",
    params:
        *code("results.patches"),
        config=step(P.PatchesConfig),
        split=SPLIT,
        model=TRAINED,
        out=PATCHES,
    threads: MODEL_THREADS
    resources:
        gpu=MODEL_GPUS,
    shell:
        "{SEMIPROTO} patches --config {params.config:q} --data {DATA} --split-dir {params.split} --model {params.model}"
        " --out {params.out} --compute {COMPUTE:q}"
