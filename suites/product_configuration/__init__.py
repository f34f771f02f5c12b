"""PC: settings change for the authorised, and for nobody else."""
