"""What is peculiar to each family of encoders."""
