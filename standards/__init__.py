"""The requirement catalogues and the mapping between them, as data, and the one module that reads them."""
