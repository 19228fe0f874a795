"""Rendered scenes with exact depth: ray tracer, shapes, textures, light, arrangements."""
