"""Brokers as processes: killed, stopped, started twice, and reached through a port forward."""
