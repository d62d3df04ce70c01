"""Selection: what a strategy ranks once, and what a policy selects again and again."""
