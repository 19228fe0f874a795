"""A frozen CLIP that gives metric depth by a learned prompt and a small decoder (2402.03251), and CLIPSeg."""
