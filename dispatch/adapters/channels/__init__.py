"""Adapter package: channels."""
