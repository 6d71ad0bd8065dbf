"""Reports as one HTML file each, which opens without a network: templates, and plots as SVG."""
