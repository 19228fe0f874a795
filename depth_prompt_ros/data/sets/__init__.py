"""Sets of pictures and stereo pairs on disk, rendered or prepared."""
