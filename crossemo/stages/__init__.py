"""Analysis 2: training in stages, from one domain to the other."""
