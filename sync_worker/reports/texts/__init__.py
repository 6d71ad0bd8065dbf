"""Sentences about reports that the commands and the console share."""
