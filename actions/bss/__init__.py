"""The operator's systems (TM Forum Open APIs): the client, and a sandbox of the same shapes."""
