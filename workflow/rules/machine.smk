# What a job asks for: of this machine, or of a cluster.
from semiproto.process import cards

# Settings of this machine: part of no rule's params, so that changing them reruns nothing.
COMPUTE = P.canonical(PARAMS.compute)
# Of this machine; a cluster hands out its own.
CARDS = 0 if workflow.non_local_exec or PARAMS.compute.gpus == 0 else len(cards.visible())
if CARDS and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", CARDS)


def require_one_machine():
    """A job is one command on one machine, which starts its own processes: more nodes or tasks would stand idle."""
    if CARDS and PARAMS.compute.gpus != "auto" and PARAMS.compute.gpus > CARDS:
        raise WorkflowError(f"compute.gpus: {PARAMS.compute.gpus}, and this machine has {CARDS}; lower it")
    settings = workflow.resource_settings
    for where, resources in {"default-resources": settings.default_resources, **settings.overwrite_resources}.items():
        for name in {"nodes", "tasks"} & set(resources or ()):
            if (asked := resources[name].value) != 1:
                raise WorkflowError(
                    f"{name}: {asked} ({where}): a job is one command on one node, which starts its processes itself;"
                    f" set {name} to 1, and compute.gpus to the GPUs of a node that are to share a training"
                )


require_one_machine()


def threads_of(processes, lists, gpus):
    """Threads of a job of so many processes, each of which loads so many lists of images.

    On one machine a job on GPUs takes as large a share of the cores as of the GPUs, but for one core that is left to
    jobs on the CPU. A cluster gives a job no core that was not asked for: the loader processes count too.
    """

    def threads(wildcards):
        if workflow.non_local_exec:
            return processes * (PARAMS.compute.threads + lists * PARAMS.compute.workers)
        if CARDS:
            return max(1, (workflow.cores - 1) * gpus(wildcards) // CARDS)
        return workflow.cores if PARAMS.compute.gpus not in (0, "auto") else processes * PARAMS.compute.threads

    return threads


def gpus_of(count):
    """GPUs that a job asks for. On this machine Snakemake starts no more jobs than have GPUs, and each takes its own."""

    def gpus(wildcards):
        if not workflow.non_local_exec:
            return min(count or CARDS, CARDS)
        if PARAMS.compute.gpus == "auto":
            raise WorkflowError("compute.gpus: auto says nothing to a cluster; set the GPUs of a training job, or 0")
        return count

    return gpus


GPUS = 0 if PARAMS.compute.gpus == "auto" else PARAMS.compute.gpus
TRAIN_GPUS, MODEL_GPUS = gpus_of(GPUS), gpus_of(1 if PARAMS.compute.gpus == "auto" else min(GPUS, 1))
TRAIN_THREADS = threads_of(GPUS or PARAMS.compute.processes, lists=2, gpus=TRAIN_GPUS)
MODEL_THREADS = threads_of(1, lists=0, gpus=MODEL_GPUS)
