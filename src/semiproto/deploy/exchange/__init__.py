"""Predicted masks in the formats of labelling tools, to be corrected there."""

from typing import Literal

ToolFormat = Literal["voc", "coco", "cvat", "labelme", "labelstudio", "yolo"]
"""Here, because the command line needs it before it needs torch."""
