"""What rendered things look like and are lit by: textures, photographs, environment maps."""
