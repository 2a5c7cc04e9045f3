"""BLIP-2: a frozen image encoder and a Q-Former, for those who install `fairbench[blip2]`."""
