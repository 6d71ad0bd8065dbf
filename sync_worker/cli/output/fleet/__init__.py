"""Text output of the commands of `fleet`."""
