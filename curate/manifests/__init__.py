"""Manifests: which samples to train on, and why; written, opened, presented and handed on."""
