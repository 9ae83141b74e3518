# Masks for a folder of new images: off unless params.yaml has the section predict. No result depends on them, so DVC keeps
# none.
PREDICTED, SHARD = (place(dataset=DATASET) for place in (paths.PREDICTED, paths.SHARD))
SHARDS = range(PARAMS.predict.shards if PARAMS.predict is not None else 0)
ALL_SHARDS = [Path(SHARD.format(split=s, variant=v, seed=n, shard=k)) for s, v, n in PREDICT_RUNS for k in SHARDS]
if PARAMS.predict is not None and not Path(PARAMS.predict.folder).is_dir():
    raise WorkflowError(f"{PARAMS.predict.folder}: no such folder of images; correct predict.folder, or set predict to null")
# Masks of images whose content is as it was are kept: `predict` looks.
NEW_IMAGES = integrity.tree_state(Path(PARAMS.predict.folder))[0] if PARAMS.predict is not None else None


# On a cluster it runs where Snakemake runs: seconds.
localrules:
    predict_folder,


# The masks are no output of the rule: Snakemake would remove those that are there before it resumes.
rule predict_shard:
    input:
        receipt=f"{TRAINED}/receipt.json",
        model=existing(TRAINED, "model.safetensors", "card.json"),
    output:
        multiext(f"{SHARD}/", "images.csv", "receipt.json"),
    params:
        *code("results.predictions"),
        config=lambda wildcards: step(P.PredictConfig),
        images=NEW_IMAGES,
        model=TRAINED,
        out=SHARD,
    threads: MODEL_THREADS
    resources:
        gpu=MODEL_GPUS,
    shell:
        "{SEMIPROTO} predict-shard --config {params.config:q} --model {params.model} --out {params.out} --compute {COMPUTE:q}"


rule predict_folder:
    input:
        shards=lambda wildcards: [SHARD.format(shard=n, **wildcards) + "/receipt.json" for n in SHARDS],
    output:
        multiext(f"{PREDICTED}/", "images.csv", "receipt.json"),
    params:
        *code("results.predictions"),
        config=lambda wildcards: step(P.PredictConfig),
        shards=lambda wildcards, input: [f"--shard {Path(receipt).parent.as_posix()}" for receipt in input.shards],
        out=PREDICTED,
    shell:
        "{SEMIPROTO} predict-folder --config {params.config:q} {params.shards} --out {params.out}"
