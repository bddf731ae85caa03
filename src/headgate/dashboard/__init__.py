"""The dashboard: pages made on the server from what administration tells, for people with a browser."""
