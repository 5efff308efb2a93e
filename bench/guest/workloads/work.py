"""Objects, dictionaries, text and big numbers."""

import json
import re
from collections import Counter


class Tree:
    def __init__(self, depth):
        self.children = [Tree(depth - 1) for _ in range(3)] if depth > 0 else []
        self.value = depth

    def sum(self):
        return self.value + sum(child.sum() for child in self.children)


def queens(size, row=0, columns=0, left=0, right=0):
    if row == size:
        return 1
    count, free = 0, ~(columns | left | right) & ((1 << size) - 1)
    while free:
        place = free & -free
        free ^= place
        count += queens(size, row + 1, columns | place, (left | place) << 1, (right | place) >> 1)
    return count


with open("/work/text") as file:
    lines = [next(file) for _ in range(2000)]
counter = Counter(word for line in lines for word in re.findall(r"[a-z]+", line))
print(json.dumps(counter.most_common(20)))
print(len(json.dumps([{"line": line.split()} for line in lines], indent=1)))
print(Tree(8).sum(), queens(7))
print(pow(3, 20000) % 1000000007, len(str(7**4000)))
