"""The schema's history; `make migration NAME=…` writes the next step from the models."""
