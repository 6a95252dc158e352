"""The folders of runs, and what is written to them."""

from crossemo.runs.folder import claim_version, find_checkpoint, folder_of_runs

__all__ = ["claim_version", "find_checkpoint", "folder_of_runs"]
