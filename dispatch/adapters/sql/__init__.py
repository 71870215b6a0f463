"""Adapter package: sql."""
