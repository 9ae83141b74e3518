# The whole pipeline: `snakemake --cores all`. Parameters: params.yaml. Rules, in the order of reading: workflow/rules/.
include: "workflow/rules/common.smk"
include: "workflow/rules/machine.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/prototypes.smk"
include: "workflow/rules/forecast.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/suggest.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/stages.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        rules.stage_data.input,
        rules.stage_pretrain.input,
        rules.stage_prototypes.input,
        rules.stage_forecast.input,
        rules.stage_train.input,
        rules.stage_evaluate.input,
        rules.stage_figures.input,
        [path for pattern in rules.suggest.output for path in of_runs(pattern, SUGGEST_RUNS)],
        [path for pattern in rules.predict_folder.output for path in of_runs(pattern, PREDICT_RUNS)],


# Not in the jobs of a cluster, which read this file too while others write.
if workflow.is_main_process:
    folders = [Path(file).parent for file in rules.all.input if Path(file).name == RECEIPT]
    try:
        integrity.check_clock(folders)
        in_git = [Path(paths.TABLES), Path(paths.OUTCOME)]
        # Hard links: an image that was edited in place has changed there too.
        linked = [Path(DATA)] if getattr(PARAMS.dataset, "storage", "") == "link" else []
        # Masks: a shard that was stopped has changed them, and those that are there are compared once more.
        predicted = [Path(folder) for folder in of_runs(PREDICTED, PREDICT_RUNS)]
        derived = [*in_git, *linked, *predicted]
        made = [*folders, *in_git, Path(paths.REPORT)]
        stale = integrity.check(made, paths.DIGESTS, derived=derived)
        outdated = explain.outdated(made, Experiment(PARAMS))
        if FINGERPRINT is not None and FINGERPRINT != (recorded(Path(DATA)) or FINGERPRINT):
            outdated[Path(DATA)] = f"{DATA}: the files in {PARAMS.dataset.path} changed since"
        for shard in filter(lambda shard: receipt_file(shard).exists(), ALL_SHARDS):
            if read_receipt(shard)["facts"].get("folder") != NEW_IMAGES:
                outdated[shard] = f"{shard}: the files in {PARAMS.predict.folder} changed since"
    except UserError as error:
        raise WorkflowError(str(error)) from None
    force_in_dag(stale, outdated)


onstart:
    locks.record_holder(Path())


onsuccess:
    print(f"\ntable    {paths.TABLES}/summary.md\nfigures  {paths.FIGURES}/\nreport   {paths.REPORT}")
