"""run: experiments as files, the graph of their steps, and the store of what is done."""
