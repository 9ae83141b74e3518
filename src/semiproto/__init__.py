"""Semi-supervised semantic segmentation with prototype-based consistency regularization."""

__version__ = "0.1.0"
