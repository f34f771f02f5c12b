"""Services that were left in the build, each planted as a defect."""
