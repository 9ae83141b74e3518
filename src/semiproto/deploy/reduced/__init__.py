"""ONNX files with less precision, and what that costs."""
