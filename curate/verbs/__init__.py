"""The verbs: what curate does. Each is a plain function and a command of the same name."""
