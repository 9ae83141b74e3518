# Before the long run: what the pseudo-labels will be worth, on images that the measured models did not see. No training
# waits for it; its jobs go first, so that what it says can be read before the rest has run.


rule folds:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json"],
        files=existing(DATA, "files"),
    output:
        expand(f"{FOLD}/{{name}}", fold=FOLDS, name=LIST_FILES, allow_missing=True),
    params:
        *code("data.folds"),
        config=step(P.FoldsConfig),
        split=SPLIT,
        out=str(Path(FOLD).parent),
    priority: 1
    shell:
        "{SEMIPROTO} folds --config {params.config:q} --data {DATA} --split-dir {params.split} --out {params.out}"


use rule pretrain as pretrain_fold with:
    input:
        receipts=[f"{DATA}/receipt.json", f"{FOLD}/receipt.json"],
        files=existing(DATA, "files"),
        weights=WEIGHTS,
    output:
        multiext(f"{FOLD_MODEL}/", *PRETRAINED_FILES),
    params:
        *code("models.pretrain"),
        config=step(P.PretrainConfig),
        split=FOLD,
        out=FOLD_MODEL,
        checkpoints=paths.checkpoints_of(paths.FOLD_MODEL, dataset=DATASET),
    priority: 1


# Lists whose val.txt is measured, and the model that did not see it: of each fold, or of the split.
UNSEEN = [[folder.replace("{fold}", str(n)) for folder in (FOLD, FOLD_MODEL)] for n in FOLDS] or [[SPLIT, PRETRAINED]]


rule forecast:
    input:
        receipts=[f"{folder}/receipt.json" for folder in (DATA, SPLIT, *sum(UNSEEN, []))],
        files=existing(DATA, "files"),
        models=[ancient(f"{model}/model.safetensors") for _, model in UNSEEN],
    output:
        multiext(f"{FORECAST}/", "forecast.csv", "forecast.json", "forecast.png", "forecast.pdf", "receipt.json"),
    params:
        *code("results.forecast"),
        config=P.canonical(P.forecast_config(PARAMS)),
        parts=[f"--unseen {lists} --model {model}" for lists, model in UNSEEN],
        split=SPLIT,
        out=FORECAST,
    threads: MODEL_THREADS
    resources:
        gpu=MODEL_GPUS,
    priority: 1
    shell:
        "{SEMIPROTO} forecast --config {params.config:q} --data {DATA} --split-dir {params.split} {params.parts}"
        " --out {params.out}"
        " --compute {COMPUTE:q}"
