"""Use cases: load, ask the core, save. One a function."""
