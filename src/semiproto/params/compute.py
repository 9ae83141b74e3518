"""Parameters of this machine. No result depends on them beyond rounding, and changing one reruns nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from semiproto.params.section import Section


class ComputeParams(Section):
    gpus: Literal["auto"] | Annotated[int, Field(ge=0, le=64)] = Field(
        description="GPUs of a training run, one process each; they share the batch; 0: the CPU; auto: the largest"
        " number present that divides the batch"
    )
    processes: int = Field(
        ge=1, le=64, description="processes of a training run or an evaluation on the CPU; they share the images; 1"
    )
    threads: int = Field(
        ge=1, le=256, description="CPU threads of a process; with 1, as many runs go in parallel as there are cores"
    )
    workers: int = Field(
        ge=0, le=64, description="loader processes per list and training process; 0 loads in the training process"
    )
    compile: bool = Field(
        description="true: torch.compile for student and teacher; a start of minutes, then faster steps"
    )
    checkpointing: Literal["none", "blocks"] = Field(
        default="none",
        description="blocks: the residual or transformer blocks keep their input alone and are computed again in the"
        " backward pass: about half the memory of a step for a fifth more arithmetic, and the same result (Chen et al.,"
        " 2016); none",
    )
    downloads: str = Field(min_length=1, description="folder for downloaded archives; they are kept and reused")
    mirror: str | None = Field(description="URL or folder to try first for every file; null: the publishers only")
    offline: bool = Field(
        description="true: no connection is made; missing files of a set are listed with the place to put them, and"
        " timm's weights come from this machine's caches"
    )
    tensorboard: str | None = Field(
        description="folder for TensorBoard's files (pip install 'semiproto[tensorboard]'), or null"
    )
    dvclive: str | None = Field(
        default=None,
        description="folder for DVCLive's files, which `dvc exp show` and the editor's plots read while a training runs"
        " (pip install 'semiproto[dvclive]'), or null; one that git does not ignore, or DVC does not see it",
    )

    @model_validator(mode="before")
    @classmethod
    def _on_one_node(cls, given: Any) -> Any:
        if isinstance(given, dict) and "nodes" in given:
            raise ValueError(
                "nodes: a training on several nodes is not supported; remove it, and set gpus to those of one node"
            )
        return given

    @model_validator(mode="after")
    def _compiled_or_computed_again(self) -> ComputeParams:
        if self.compile and self.checkpointing != "none":
            raise ValueError(
                f"checkpointing {self.checkpointing} does not go with compile, which decides itself what is computed"
                " again; set compile to false, or checkpointing to none"
            )
        return self
