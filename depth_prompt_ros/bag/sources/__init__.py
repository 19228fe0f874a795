"""What is learned from and evaluated, out of recordings: pictures with depth, with masks, and video."""
