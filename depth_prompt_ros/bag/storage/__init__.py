"""Recordings as files, MCAP, sqlite3 and ROS 1: read as far as they go, written so that they stay readable."""
