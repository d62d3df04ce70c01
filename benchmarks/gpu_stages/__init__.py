"""The stages of benchmarks/gpu.py, in order of worth: what each measures, and how a day at a GPU goes."""
