"""Output of the commands: text on the terminal, Markdown, CSV, HTML, JSON."""
