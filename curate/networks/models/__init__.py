"""Models: one file each, with the hyperparameters that train it well unless the user says otherwise."""
