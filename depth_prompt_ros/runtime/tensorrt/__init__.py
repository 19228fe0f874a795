"""Execution of graphs by TensorRT: engines, their cache, CUDA buffers."""
