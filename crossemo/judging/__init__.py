"""Other people's models on this data's folds."""
