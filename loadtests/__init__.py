"""Load, fault and benchmark runs; each measures its ceiling in the same run."""
