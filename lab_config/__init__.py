"""Product declarations, benches and profiles: the models, and the YAML that is read into them."""
