"""The endpoints of the portal, one noun per file; `routes.ENDPOINTS` lists them."""
