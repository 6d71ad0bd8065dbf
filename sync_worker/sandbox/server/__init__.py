"""The HTTP server: routing, middleware, admin endpoints, injected faults."""
