"""From image messages to arrays: encodings, compression, sizes before memory, depth on its picture."""
