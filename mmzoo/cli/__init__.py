"""The command line: arguments and flags, and the exit code."""
