"""The pipeline from Python: pictures, depth and a camera as people have them in, depth and clouds out."""
