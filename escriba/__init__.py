"""The command line: recordings on this machine to text files beside them, by a server's public HTTP API."""
