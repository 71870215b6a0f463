"""Adapter package: roads."""
