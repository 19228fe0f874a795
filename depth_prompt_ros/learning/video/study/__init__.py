"""What depth and masks learned from video are worth: rendered workspaces with movers, and real video."""
