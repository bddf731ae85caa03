"""One set of figures for all workers of a server: each tells them to the process that started them, over a pair of Unix
sockets that has no name anybody else could open, and any of them can ask for what they come to.
"""

from __future__ import annotations
