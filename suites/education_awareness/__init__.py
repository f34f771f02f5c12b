"""PEA: customers learn how to use the product securely, and what they buy."""
