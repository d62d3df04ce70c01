"""Training: one loop, its batches, its schedules, and the network with what it needs to be used."""
