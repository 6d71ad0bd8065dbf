"""Lead scoring and grading as code for HubSpot."""

from __future__ import annotations

__version__ = "0.1.0"
