"""Semi-supervised semantic segmentation with prototype-based consistency regularization."""

__version__ = "0.2.0"
