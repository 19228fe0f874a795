"""How far metric depth of whole pictures is off."""
