"""What may be said of the machine."""

import pytest

from semiproto import params as parameters


@pytest.mark.parametrize("gpus", [-1, "all", 65])
def test_gpus_are_auto_or_a_number(edited, refused, gpus):
    refused(edited({"compute.gpus": gpus}), "compute.gpus", repr(gpus))


@pytest.mark.parametrize("gpus", ["auto", 0, 8])
def test_gpus_that_are_allowed(edited, gpus):
    assert parameters.validate(edited({"compute.gpus": gpus}), "params.yaml").compute.gpus == gpus


def test_what_is_compiled_is_not_computed_again(edited, refused):
    both = {"compute.compile": True, "compute.checkpointing": "blocks"}
    refused(edited(both), "compute", "checkpointing blocks", "compile", "none")
    for changes in ({"compute.compile": True}, {"compute.checkpointing": "blocks"}):
        parameters.validate(edited(changes), "params.yaml")


def test_several_nodes_are_not_supported(tiny, refused):
    tree = tiny.model_dump()
    tree["compute"]["nodes"] = 2
    refused(tree, "compute: nodes: a training on several nodes is not supported")
