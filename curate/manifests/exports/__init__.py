"""Export formats: one file each, for what a manifest selects in the format of another tool."""
