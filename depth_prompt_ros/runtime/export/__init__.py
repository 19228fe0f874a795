"""Export of PyTorch modules as ONNX graphs."""
