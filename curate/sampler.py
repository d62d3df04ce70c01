"""The sampler by its public name: `from curate.sampler import ManifestSampler`. Its code is in manifests/."""

from curate.manifests.sampler import ManifestSampler

__all__ = ["ManifestSampler"]
