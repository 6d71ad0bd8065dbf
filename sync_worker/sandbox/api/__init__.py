"""The endpoints of the portal, one noun per file; `table.ENDPOINTS` lists them all."""
