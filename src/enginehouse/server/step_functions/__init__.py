"""AWS's Step Functions API (AWS JSON 1.0) on the engines of this package. ``model.py`` reads requests."""
