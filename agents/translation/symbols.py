"""The pieces that mean something to who translates: the numbers that worlds of parallel texts give them."""

UNKNOWN, BEGIN, END = 1, 2, 3
