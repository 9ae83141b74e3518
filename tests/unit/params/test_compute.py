"""What may be said of the machine."""

import pytest

from semiproto import params as parameters


@pytest.mark.parametrize("gpus", [-1, "all", 65])
def test_gpus_are_auto_or_a_number(edited, refused, gpus):
    refused(edited({"compute.gpus": gpus}), "compute.gpus", repr(gpus))


@pytest.mark.parametrize("gpus", ["auto", 0, 8])
def test_gpus_that_are_allowed(edited, gpus):
    assert parameters.validate(edited({"compute.gpus": gpus}), "params.yaml").compute.gpus == gpus
