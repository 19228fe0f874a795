"""Results on a timeline in Rerun: pictures, masks, depth, provenance and clouds."""
