"""When a node works: on the latest frame, at the pace of the next stage, or when it is asked."""
