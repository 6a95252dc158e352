"""Clips as waveforms, batches and Lightning datamodules."""
