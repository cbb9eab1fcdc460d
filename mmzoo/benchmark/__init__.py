"""Latency, memory and multiply-adds of exported files, and the input pipeline."""
