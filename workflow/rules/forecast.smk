# Before the long run: what the pseudo-labels will be worth, on images that the measured models did not see. No training
# waits for it; its jobs go first, so that what it says can be read before the rest has run.


rule folds:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json"],
        files=existing(DATA, "files"),
        code=SPLIT_CODE,
    output:
        expand(f"{FOLD}/{{name}}", fold=FOLDS, name=LIST_FILES, allow_missing=True),
    params:
        config=step(P.FoldsConfig),
        code=contents(SPLIT_CODE),
        split=SPLIT,
        out=str(Path(FOLD).parent),
    priority: 1
    shell:
        "{SEMIPROTO} folds --config {params.config:q} --data {DATA} --split {params.split} --out {params.out}"


use rule pretrain as pretrain_fold with:
    input:
        receipts=[f"{DATA}/receipt.json", f"{FOLD}/receipt.json"],
        files=existing(DATA, "files"),
        weights=WEIGHTS,
        code=rules.pretrain.input.code,
    output:
        multiext(f"{FOLD_MODEL}/", *PRETRAINED_FILES),
    params:
        config=step(P.PretrainConfig),
        code=contents(rules.pretrain.input.code),
        split=FOLD,
        out=FOLD_MODEL,
        checkpoints=f"checkpoints/folds/{DATASET}/{{split}}/seed{{seed}}/fold{{fold}}",
    priority: 1


# Lists whose val.txt is measured, and the model that did not see it: of each fold, or of the split.
UNSEEN = [[folder.replace("{fold}", str(n)) for folder in (FOLD, FOLD_MODEL)] for n in FOLDS] or [[SPLIT, PRETRAINED]]


FORECAST_CODE = DATA_CODE + MODEL_CODE + sources(
    *(f"analysis/{name}.py" for name in ("forecast", "advice", "outlook", "drawing", "evaluate", "pseudo_labels", "evaluations")),
    "analysis/forecast-evidence.csv",
)


rule forecast:
    input:
        receipts=[f"{folder}/receipt.json" for folder in (DATA, SPLIT, *sum(UNSEEN, []))],
        files=existing(DATA, "files"),
        models=[ancient(f"{model}/model.safetensors") for _, model in UNSEEN],
        code=FORECAST_CODE,
    output:
        multiext(f"{FORECAST}/", "forecast.csv", "forecast.json", "forecast.png", "forecast.pdf", "receipt.json"),
    params:
        config=P.canonical(P.forecast_config(PARAMS)),
        code=contents(FORECAST_CODE),
        parts=[f"--unseen {lists} --model {model}" for lists, model in UNSEEN],
        split=SPLIT,
        out=FORECAST,
    threads: MODEL_THREADS
    resources:
        gpu=MODEL_GPUS,
    priority: 1
    shell:
        "{SEMIPROTO} forecast --config {params.config:q} --data {DATA} --split {params.split} {params.parts}"
        " --dataset {DATASET} --labels {wildcards.split} --seed {wildcards.seed} --out {params.out}"
        " --compute {COMPUTE:q}"
