"""Models: one file each, with the recipe that trains it well unless the user says otherwise."""
