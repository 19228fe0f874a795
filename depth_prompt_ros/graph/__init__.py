"""The PyTorch modules that become the exported graph: prompt, disparity to depth, metric fit."""
