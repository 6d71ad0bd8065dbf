"""Shared values of the sandbox: clock, ids, timestamps, configuration, portal data, HTTP responses."""
