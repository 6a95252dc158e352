"""What leaves a run: folders of models, their cards, and how they are read again."""
