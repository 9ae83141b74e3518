"""Python loads this file at the start of every process of a run: what FAULT and TRACE ask for is done there."""

import os

if os.environ.get("FAULT"):
    import fault_at_write  # noqa: F401
if os.environ.get("TRACE"):
    import module_trace  # noqa: F401
