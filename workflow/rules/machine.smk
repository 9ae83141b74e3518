# What a job asks for: of this machine, or of a cluster.
import shutil

# Settings of this machine: part of no rule's params, so that changing them reruns nothing.
COMPUTE = P.canonical(PARAMS.compute)
USES_GPU = shutil.which("nvidia-smi") if PARAMS.compute.gpus == "auto" else PARAMS.compute.gpus > 0


def threads_of(processes, lists):
    """Threads of a job of so many processes, each of which loads so many lists of images.

    On one machine a job on GPUs takes all cores, so that two never share a GPU, and jobs on the CPU run side by side. A
    cluster hands out GPUs itself, and gives a job no core that was not asked for: the loader processes count too.
    """

    def threads(wildcards):
        if workflow.non_local_exec:
            return processes * (PARAMS.compute.threads + lists * PARAMS.compute.workers)
        return workflow.cores if USES_GPU else processes * PARAMS.compute.threads

    return threads


def gpus_of(count):
    """GPUs that a job asks a cluster for. On one machine nothing limits them, and the step sees for itself."""

    def gpus(wildcards):
        if workflow.non_local_exec and PARAMS.compute.gpus == "auto":
            raise WorkflowError("compute.gpus: auto says nothing to a cluster; set the GPUs of a training job, or 0")
        return count

    return gpus


GPUS = 0 if PARAMS.compute.gpus == "auto" else PARAMS.compute.gpus
TRAIN_GPUS, MODEL_GPUS = gpus_of(GPUS), gpus_of(min(GPUS, 1))
TRAIN_THREADS = threads_of(GPUS or PARAMS.compute.processes, lists=2)
MODEL_THREADS = threads_of(1, lists=0)
