"""Ottla: the streaming log you install with pip."""
