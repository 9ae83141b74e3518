# Targets of the seven DVC stages. Together they name every kept artefact: what no target names would go stale unseen.


# On a cluster these run where Snakemake runs: nothing to do, or seconds.
localrules:
    split,
    folds,
    tables,
    machine,
    outcome,
    figures,
    report,
    stage_data,
    stage_pretrain,
    stage_prototypes,
    stage_forecast,
    stage_train,
    stage_evaluate,
    stage_figures,
    all,


rule stage_data:
    input:
        rules.data.output,
        expand(rules.split.output, split=sorted({run[0] for run in RUNS})),


rule stage_pretrain:
    input:
        [path for pattern in rules.pretrain.output for path in of_starts(pattern)],


rule stage_prototypes:
    input:
        [path for pattern in rules.features.output for path in of_starts(pattern)],
        [path for pattern in rules.prototypes.output for path in of_starts(pattern)],


rule stage_forecast:
    input:
        [path for pattern in rules.folds.output for path in of_starts(pattern, FORECASTS)],
        [path for fold in FOLDS for pattern in rules.pretrain_fold.output for path in of_starts(pattern, FORECASTS, fold)],
        [path for pattern in rules.forecast.output for path in of_starts(pattern, FORECASTS)],


rule stage_train:
    input:
        [path for pattern in rules.train.output for path in of_runs(pattern)],


rule stage_evaluate:
    input:
        [path for pattern in rules.evaluate.output for path in of_runs(pattern)],
        [path for pattern in rules.tsne.output for path in of_starts(pattern, TSNE_RUNS)],
        [path for pattern in rules.patches.output for path in of_runs(pattern, PATCH_RUNS)],


rule stage_figures:
    input:
        rules.tables.output,
        rules.machine.output,
        rules.outcome.output,
        rules.figures.output,
        rules.report.output,
