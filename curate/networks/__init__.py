"""Networks: what a model is, the models, and a network together with what it needs to be used."""
