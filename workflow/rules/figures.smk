# Tables, figures and the report: everything here reads small files only.

EVALUATIONS = [str(Path(path).parent) for path in of_runs(f"{EVALUATED}/receipt.json")]
PROJECTIONS = [str(Path(path).parent) for path in of_starts(f"{TSNE}/receipt.json", TSNE_RUNS)]
TABLES = [
    f"results/tables/{name}"
    for name in (
        "runs.csv",
        "summary.csv",
        "summary.md",
        "differences.csv",
        "per_class.csv",
        "validation.csv",
        "history.csv",
        "metrics.json",
        "receipt.json",
    )
]
# One set of figures; with several splits, one for each.
SPLITS = sorted({run[0] for run in RUNS})
SUFFIXES = [""] if len(SPLITS) == 1 else [f"-{split}" for split in SPLITS]
FIGURES = [
    f"results/figures/{name}{suffix}.{kind}"
    for name in ("curves", "gain", "per_class", "samples", "tsne")
    for suffix in SUFFIXES
    for kind in ("png", "pdf")
]


def repeated(name, values):
    """An option given once per value."""
    return [f"{name} {value}" for value in values]


TABLES_CODE = sources("analysis/compare.py")


rule tables:
    input:
        receipts=[f"{folder}/receipt.json" for folder in EVALUATIONS],
        metrics=[f"{folder}/{name}" for folder in EVALUATIONS for name in ("metrics.json", "validation.csv")],
        code=TABLES_CODE,
    output:
        TABLES,
    params:
        code=contents(TABLES_CODE),
        evaluations=repeated("--evaluation", EVALUATIONS),
    shell:
        "{SEMIPROTO} tables {params.evaluations} --out results/tables"


FIGURES_CODE = sources("analysis/figures.py", "analysis/compare.py", "data/layout.py")


rule figures:
    input:
        tables=TABLES,
        receipts=[f"{folder}/receipt.json" for folder in EVALUATIONS + PROJECTIONS],
        samples=[ancient(f"{folder}/samples") for folder in EVALUATIONS],
        points=[f"{folder}/{name}" for folder in PROJECTIONS for name in ("points.csv", "compactness.csv")],
        files=existing(DATA, "files"),
        code=FIGURES_CODE,
    output:
        FIGURES,
        receipt="results/figures/receipt.json",
    params:
        code=contents(FIGURES_CODE),
        evaluations=repeated("--evaluation", EVALUATIONS),
        tsne=repeated("--tsne", PROJECTIONS),
    shell:
        "{SEMIPROTO} figures --tables results/tables {params.evaluations} --data {DATA} {params.tsne}"
        " --out results/figures"


REPORT_CODE = sources("analysis/report.py", "analysis/report.html", "analysis/compare.py")


rule report:
    input:
        tables=TABLES,
        drawn="results/figures/receipt.json",
        figures=[ancient(figure) for figure in FIGURES],
        receipts=of_runs(f"{TRAINED}/receipt.json"),
        code=REPORT_CODE,
    output:
        page="results/report.html",
        receipt="results/report.receipt.json",
    params:
        code=contents(REPORT_CODE),
        receipts=lambda wildcards, input: repeated("--receipt", input.receipts),
    shell:
        "{SEMIPROTO} report --tables results/tables --figures results/figures {params.receipts} --out {output.page}"
