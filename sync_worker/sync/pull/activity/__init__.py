"""Reads of what contacts did: email events, page views, form submissions, attendances."""
