"""Bare arrays in, bare arrays out: numerical kernels that know nothing of structures or phases."""
