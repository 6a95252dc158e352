"""How many points a leaky protocol is worth."""
