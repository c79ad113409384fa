"""Damage to files: bytes that are cut, replaced, doubled, or put in."""

import random


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Returns bytes with one to four damages, as `chance` draws them."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(found) + 1)
        how = chance.choice(["cut", "replace", "replace", "insert", "double", "flip"])
        part = chance.randbytes(chance.randint(1, 8))
        if how == "cut" and chance.random() < 0.3:
            del found[place:]
        elif how == "replace":
            found[place : place + len(part)] = part
        elif how == "insert":
            found[place:place] = part
        elif how == "double":
            found[place:place] = found[place : place + 64]
        elif found:
            found[place % len(found)] ^= 1 << chance.randrange(8)
    return bytes(found)
