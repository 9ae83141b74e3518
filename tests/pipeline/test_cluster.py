"""The profiles and the container's recipe; and, where a Slurm runs jobs here (slurm.sh starts one), the pipeline on it.

`python -m pytest -m slurm -s` prints what Slurm's accounting says of every job.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import tiny
from gates import PATIENCE

from semiproto.provenance.artifacts import sha256_file

PROFILES = sorted(path.name for path in (tiny.ROOT / "workflow/profiles").iterdir())
WHERE_SNAKEMAKE_RUNS = {"machine", "split", "folds", "tables", "outcome", "figures", "report"}
RUN = "tiny/8/supervised/seed0"

Job = dict[str, str]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_plans_what_a_run_without_one_does(profile, empty):
    assert empty.planned("--workflow-profile", f"workflow/profiles/{profile}") == empty.planned() != {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set-resources", "train:nodes=2"], "nodes: 2 (train): a job is one command on one node"),
        (["--default-resources", "tasks=2"], "tasks: 2 (default-resources): a job is one command on one node"),
    ],
)
def test_more_than_one_node_is_refused_before_a_job_is_sent(options, said, empty):
    result = empty.run("snakemake", "--workflow-profile", "workflow/profiles/slurm", *options, check=False)
    assert result.returncode == 1 and said in result.stdout
    assert not (empty.path / "data").exists()


def test_the_recipe_of_the_container_keeps_the_rules_of_its_linter():
    hadolint = Path(sys.executable).parent / "hadolint"
    result = subprocess.run([hadolint, tiny.ROOT / "Dockerfile"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


PREDICTED = f"results/predict/{RUN}"


def with_new_images(checkout, shards: int) -> dict[str, str]:
    """Asks for masks of the set's own images; those of one `predict`, by their digests."""
    images, section = "data/raw/tiny/files/JPEGImages", {"variant": "supervised", "shards": shards, "window": 64}
    checkout.edit(lambda tree: tree.update(predict=section | {"folder": images}))
    checkout.run("semiproto", "predict", f"models/semi/{RUN}", images, "-o", "masks", "--window", "64")
    return masks(checkout.path / "masks")


def masks(folder: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in folder.iterdir()}


def test_a_folder_in_shards_gets_the_masks_of_one_predict(checkout):
    expected = with_new_images(checkout, 2)
    assert checkout.planned() == {"predict_shard": 2, "predict_folder": 1}
    checkout.snakemake(f"{PREDICTED}/receipt.json")
    assert masks(checkout.path / PREDICTED / "masks") == expected and len(expected) == 26
    assert checkout.planned() == {}


# ------------------------------------------------------------------------------------------------ on a real Slurm


@pytest.fixture
def slurm() -> None:
    if not shutil.which("sinfo") or subprocess.run("sinfo", capture_output=True, timeout=PATIENCE).returncode:
        pytest.skip("no Slurm answers; tests/pipeline/slurm.sh starts one")


def on_slurm(test: Callable[..., None]) -> Callable[..., None]:
    """Marks a test that runs where a Slurm answers."""
    return pytest.mark.slurm(pytest.mark.usefixtures("slurm")(test))


def submit(checkout, *options: str, check: bool = True) -> tuple[str, list[Job]]:
    """Runs the profile with little memory: what Snakemake printed, and Slurm's records of the jobs by start."""
    profile = ["--workflow-profile", "workflow/profiles/slurm", "--slurm-keep-successful-logs"]
    quick = ["--slurm-init-seconds-before-status-checks", "5", "--default-resources", "nodes=1", "mem_mb=500"]
    log = checkout.run("snakemake", *profile, *quick, *options, check=check).stdout
    run_id = re.search(r"SLURM run ID: (\S+)", log)[1]
    columns = "JobID,Comment%40,State,ExitCode,Start,End,AllocTRES%50,NNodes"
    records = ["sacct", "--allocations", "--name", run_id, "--format", columns]
    print(subprocess.run(records, check=True, capture_output=True, text=True).stdout)
    table = subprocess.run([*records, "--parsable2"], check=True, capture_output=True, text=True).stdout
    return log, sorted(csv.DictReader(io.StringIO(table), delimiter="|"), key=lambda job: job["Start"])


def rule(job: Job) -> str:
    return job["Comment"].removeprefix("rule_").partition("_wildcards_")[0]


def at_once(jobs: list[Job]) -> int:
    """The most jobs that ran at the same time."""
    return max(sum(other["Start"] <= job["Start"] < other["End"] for other in jobs) for job in jobs)


def weights(checkout) -> dict[str, str]:
    files = sorted(checkout.path.glob("models/**/*.safetensors"))
    return {str(file.relative_to(checkout.path)): sha256_file(file) for file in files}


@on_slurm
def test_the_whole_experiment_gives_the_weights_of_a_local_run(empty, finished):
    expected = {name: count for name, count in empty.planned().items() if name not in WHERE_SNAKEMAKE_RUNS}
    _, jobs = submit(empty)
    assert Counter(map(rule, jobs)) == expected
    assert {(job["State"], job["NNodes"]) for job in jobs} == {("COMPLETED", "1")}
    assert at_once([job for job in jobs if rule(job) == "train"]) > 1
    assert weights(empty) == weights(finished)
    assert empty.planned() == {}


def retrain_locally(checkout, steps: int, processes: int) -> str:
    """Trains one run longer, saved by nothing but a signal, and takes it away again: the hash of its weights."""

    def change(tree: dict) -> None:
        tree["semi"] |= {"steps": steps, "checkpoint_every": steps}
        tree["compute"]["processes"] = processes
        tree["experiments"] = [{"split": 8, "variants": ["supervised"], "seeds": [0]}]

    checkout.edit(change)
    checkout.snakemake(f"models/semi/{RUN}/receipt.json")
    trained = sha256_file(checkout.path / f"models/semi/{RUN}/model.safetensors")
    shutil.rmtree(checkout.path / f"models/semi/{RUN}")
    return trained


def cancel_in_the_middle(checkout) -> None:
    """scancel of the training job, once it has trained for a while."""
    while not (checkout.path / f"checkpoints/semi/{RUN}/history.csv").exists():
        time.sleep(0.2)
    (job,) = running("rule_train_wildcards_8_supervised_0")
    subprocess.run(["scancel", job], check=True)


def running(comment: str) -> list[str]:
    """The numbers of the jobs that run and whose comment begins so."""
    queue = ["squeue", "--noheader", "--states=running", "--format=%i %k"]
    lines = subprocess.run(queue, check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split()[0] for line in lines if line.split()[1].startswith(comment)]


def kill_a_shard(checkout, sent: Future) -> None:
    """SIGKILL to one job, once there is a mask; nothing where all have ended before one was seen to run."""
    while not sent.done():
        if any((checkout.path / PREDICTED).glob("masks/*.png")) and (jobs := running("rule_predict_shard")):
            subprocess.run(["scancel", "--signal=KILL", "--full", jobs[0]], check=False)
            return
        time.sleep(0.2)


@on_slurm
def test_shards_one_of_which_was_killed_give_the_masks_of_one_predict(checkout):
    expected = with_new_images(checkout, 8)
    with ThreadPoolExecutor() as pool:
        sent = pool.submit(submit, checkout, "--", f"{PREDICTED}/receipt.json")
        kill_a_shard(checkout, sent)
        _, jobs = sent.result()
    states = Counter(job["State"].split()[0] for job in jobs)
    assert states.pop("COMPLETED") == 8 and sum(states.values()) <= 1  # it may have ended before the signal came
    assert masks(checkout.path / PREDICTED / "masks") == expected


@on_slurm
@pytest.mark.parametrize(("how", "steps", "processes"), [("CANCELLED", 400, 2), ("TIMEOUT", 20000, 1)])
def test_a_stopped_training_is_sent_again_and_goes_on(how, steps, processes, checkout):
    undisturbed = retrain_locally(checkout, steps, processes)
    limit = ["--set-resources", "train:runtime=1"] if how == "TIMEOUT" else []
    with ThreadPoolExecutor() as pool:
        running = pool.submit(submit, checkout, *limit, "--retries", "99", "--", f"models/semi/{RUN}/receipt.json")
        if how == "CANCELLED":
            cancel_in_the_middle(checkout)
        _, jobs = running.result()
    *stopped, last = [job for job in jobs if rule(job) == "train"]
    assert stopped and last["State"] == "COMPLETED"
    assert all(job["State"].startswith(how) and f"cpu={processes}" in job["AllocTRES"] for job in stopped)
    log = checkout.path / f".snakemake/slurm_logs/rule_train/8_supervised_0/{jobs[1]['JobID']}.log"
    step = re.search(rf"goes on at step (\d+) of {steps}", log.read_text())[1]
    print(f"the second job goes on at step {step} of {steps}")
    assert int(step) > 0
    assert sha256_file(checkout.path / f"models/semi/{RUN}/model.safetensors") == undisturbed


@on_slurm
@pytest.mark.parametrize(("gpus", "together"), [(1, 2), (2, 1)])
def test_gpus_are_asked_for_and_not_shared(gpus, together, checkout):
    """The GPUs of slurm.sh are none that torch can use, so a job ends when it has said so: what it was given counts."""
    checkout.edit(lambda tree: tree["compute"].update(gpus=gpus))
    shutil.rmtree(checkout.path / "models/pretrain")
    _, jobs = submit(checkout, "--retries", "0", "--until", "pretrain", check=False)
    assert [rule(job) for job in jobs] == ["pretrain", "pretrain"]
    assert all(f"cpu={gpus}" in job["AllocTRES"] and f"gres/gpu={gpus}" in job["AllocTRES"] for job in jobs)
    assert at_once(jobs) == together
