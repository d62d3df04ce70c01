"""A package that brings a policy to curate."""
