"""A demo operator: TM Forum v4 shaped APIs over HTTP, in memory, for tests and demonstrations."""
