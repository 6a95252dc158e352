"""Lightning callbacks: the training stages and what a run writes."""
