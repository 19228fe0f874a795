"""Running graphs in ONNX Runtime, TensorRT or PyTorch, exporting them, and building engines."""
