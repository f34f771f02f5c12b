"""Files that a device gives or takes without a login: FTP and TFTP."""
