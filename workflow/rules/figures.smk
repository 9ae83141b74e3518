# Tables, figures and the report: everything here reads small files only.
from semiproto.data.published import catalog
from semiproto.report.figures.registry import stems

EVALUATIONS = [str(Path(path).parent) for path in of_runs(f"{EVALUATED}/receipt.json")]
PROJECTIONS = [str(Path(path).parent) for path in of_starts(f"{TSNE}/receipt.json", TSNE_RUNS)]
PROTOTYPES_SEEN = [str(Path(path).parent) for path in of_runs(f"{PATCHES}/receipt.json", PATCH_RUNS)]
TABLES = [
    f"{paths.TABLES}/{name}"
    for name in (
        "runs.csv",
        "summary.csv",
        "summary.md",
        "summary.tex",
        "verdict.csv",
        "verdict_classes.csv",
        "per_class.csv",
        "published.csv",
        "unfinished.csv",
        "calibration.csv",
        "validation.csv",
        "history.csv",
        "metrics.json",
    )
]
# Receipts of what is in git lie beside its folder: they say when and where it was made.
TABLES_RECEIPT, OUTCOME_RECEIPT = (str(receipt_file(Path(path))) for path in (paths.TABLES, paths.OUTCOME))
# What was measured of the machine: kept by DVC and out of git, since two equal runs differ in it.
MACHINE = [f"{paths.MACHINE}/{name}" for name in ("runs.csv", "history.csv", "receipt.json")]
SPLITS = sorted({run[0] for run in RUNS})
FIGURES = [f"{paths.FIGURES}/{stem}.{kind}" for stem in stems(SPLITS) for kind in ("png", "pdf")]


def in_report(files, category):
    """Marks what `snakemake --report` shows, under a category; it has no use for a PDF beside the PNG."""
    marked = dict(caption=f"../report/{category}.rst", category=category)
    unshown = (".pdf", RECEIPT)
    return [f if f.endswith(unshown) else report(f, labels={"file": Path(f).name}, **marked) for f in files]


def repeated(name, values):
    """An option given once per value."""
    return [f"{name} {value}" for value in values]


rule tables:
    input:
        receipts=[f"{folder}/receipt.json" for folder in EVALUATIONS],
        metrics=[f"{folder}/{name}" for folder in EVALUATIONS for name in ("metrics.json", "validation.csv")],
        images=[ancient(f"{folder}/images.csv") for folder in EVALUATIONS],
    output:
        in_report(TABLES, "tables"),
        receipt=TABLES_RECEIPT,
    params:
        *code("results.tables"),
        evaluations=repeated("--evaluation", EVALUATIONS),
    shell:
        "{SEMIPROTO} tables {params.evaluations} --out {paths.TABLES}"


rule machine:
    input:
        receipts=[f"{folder}/receipt.json" for folder in EVALUATIONS],
        history=[f"{folder}/machine.csv" for folder in EVALUATIONS],
    output:
        MACHINE,
    params:
        *code("results.machine"),
        evaluations=repeated("--evaluation", EVALUATIONS),
    shell:
        "{SEMIPROTO} machine {params.evaluations} --out {paths.MACHINE}"


rule outcome:
    input:
        runs=f"{paths.TABLES}/runs.csv",
        receipt=ancient(TABLES_RECEIPT),
        forecasts=of_starts(f"{FORECAST}/forecast.json", FORECASTS),
    output:
        table=paths.OUTCOME,
        receipt=OUTCOME_RECEIPT,
    params:
        *code("results.outcome"),
        forecasts=repeated("--forecast", of_starts(FORECAST, FORECASTS)),
    shell:
        "{SEMIPROTO} outcome --tables {paths.TABLES} {params.forecasts} --out {output.table}"


# `snakemake --cores all figures` draws them from tables and small images alone.
rule figures:
    input:
        tables=TABLES,
        receipt=ancient(TABLES_RECEIPT),
        receipts=[f"{folder}/receipt.json" for folder in EVALUATIONS + PROJECTIONS + PROTOTYPES_SEEN],
        predictions=[ancient(f"{folder}/predictions") for folder in EVALUATIONS],
        scores=[f"{folder}/images.csv" for folder in EVALUATIONS],
        health=of_runs(f"{TRAINED}/health.csv"),
        points=[f"{folder}/{name}" for folder in PROJECTIONS for name in ("points.csv", "compactness.csv")],
        patches=[f"{folder}/{name}" for folder in PROTOTYPES_SEEN for name in ("prototypes.csv", "labeled.png", "unlabeled.png")],
        forecasts=of_starts(f"{FORECAST}/receipt.json", FORECASTS),
        files=existing(DATA, "files"),
    output:
        in_report(FIGURES, "figures"),
        receipt=f"{paths.FIGURES}/receipt.json",
    params:
        *code("results.figures"),
        evaluations=repeated("--evaluation", EVALUATIONS),
        health=lambda wildcards, input: repeated("--health", input.health),
        tsne=repeated("--tsne", PROJECTIONS),
        patches=repeated("--patches", PROTOTYPES_SEEN),
        forecasts=repeated("--forecast", of_starts(FORECAST, FORECASTS)),
    shell:
        "{SEMIPROTO} figures --tables {paths.TABLES} {params.evaluations} --data {DATA} {params.health} {params.tsne}"
        " {params.patches} {params.forecasts} --out {paths.FIGURES}"


# The runs' receipts and those of all that they came from, the last step first.
RECEIPTS = (
    of_runs(f"{EVALUATED}/receipt.json")
    + of_runs(f"{TRAINED}/receipt.json")
    + [path for step in (PROTOTYPES, FEATURES, PRETRAINED) for path in of_starts(f"{step}/receipt.json")]
    + expand(f"{SPLIT}/receipt.json", split=SPLITS)
    + [f"{DATA}/receipt.json"]
    + [f"{folder}/receipt.json" for folder in PROJECTIONS + PROTOTYPES_SEEN]
)
# The paper has a file for each family of splits; other sets are compared with its first table.
PAPER = catalog.experiment(PARAMS.splits.family)


rule report:
    input:
        tables=[*TABLES, paths.OUTCOME],
        made=[ancient(TABLES_RECEIPT), ancient(OUTCOME_RECEIPT)],
        machine=MACHINE,
        drawn=f"{paths.FIGURES}/receipt.json",
        figures=[ancient(figure) for figure in FIGURES],
        receipts=RECEIPTS,
        predictions=[ancient(f"{folder}/predictions") for folder in EVALUATIONS],
        scores=[ancient(f"{folder}/{name}") for folder in EVALUATIONS for name in ("images.csv", "confusion.csv")],
        files=existing(DATA, "files"),
        paper=f"experiments/{PAPER}.yaml",
    output:
        page=in_report([paths.REPORT], "report"),
        receipt=str(Path(paths.REPORT).with_suffix(f".{RECEIPT}")),
    params:
        *code("results.report"),
        receipts=lambda wildcards, input: repeated("--receipt", input.receipts),
        evaluations=repeated("--evaluation", EVALUATIONS),
    shell:
        "{SEMIPROTO} report --tables {paths.TABLES} --figures {paths.FIGURES} {params.receipts} --paper {input.paper}"
        " --machine {paths.MACHINE} {params.evaluations} --data {DATA} --out {output.page}"
