"""Things whose shape and place are known exactly: what rays hit of them, and the file that describes them."""
