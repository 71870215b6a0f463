"""Adapter package: ws."""
