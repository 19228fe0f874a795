"""Readers of published object data sets: each lists its samples and reads one."""
