"""What a command does with a config, for each kind of experiment."""
