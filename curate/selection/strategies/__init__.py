"""Static selection: one file per strategy. A strategy ranks all samples, best first; a budget cuts."""
