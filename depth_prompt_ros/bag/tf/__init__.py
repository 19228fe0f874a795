"""Where cameras and things are: a recording's tf and tracks of poses."""
