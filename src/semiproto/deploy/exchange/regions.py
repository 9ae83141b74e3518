"""The connected regions of a mask and their outlines, along the edges of pixels, so that nothing of them is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

Array = np.ndarray
EIGHT = np.ones((3, 3), bool)
"""Neighbours that touch at a corner count as connected."""
STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])
"""An edge's directions in x and y: right along the top of a pixel, down its right side, left below it, up again."""
STARTS = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
"""Where each of these edges of a pixel starts."""
INWARD = np.array([(0, 0.5), (-0.5, 0), (0, -0.5), (0.5, 0)])
"""From each of these edges to the middle of the pixel."""


@dataclass(frozen=True)
class Loop:
    """The corners of a closed line along the edges of pixels, int [n, 2] as x and y, with the region on its right."""

    corners: Array
    arriving: Array
    """Direction of the edge that ends in each corner."""
    leaving: Array
    """Direction of the edge that starts there."""

    def area(self) -> float:
        """Number of pixels inside; negative for the edge of a hole."""
        x, y = self.corners.T
        return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2

    def middles(self) -> Array:
        """The same line through the middles of the region's pixels, int [n, 2]: pixel 0 has its middle at 0."""
        return (self.within(0.5) - 0.5).astype(int)

    def within(self, margin: float) -> Array:
        """The same line so many pixels inside the region, float [n, 2]."""
        moved: Array = self.corners + 2 * margin * (INWARD[self.arriving] + INWARD[self.leaving])
        return moved


@dataclass(frozen=True)
class Region:
    """Connected pixels of one class: `inside` is bool [h, w], with its first row and column at top and left."""

    index: int
    top: int
    left: int
    inside: Array

    @cached_property
    def loops(self) -> list[Loop]:
        """The outline, and then the edges of the holes, in the image's coordinates."""
        found = _loops(self.inside)
        corner = np.array([self.left, self.top])
        moved = [Loop(corner + one.corners, one.arriving, one.leaving) for one in found]
        return sorted(moved, key=lambda one: -one.area())

    @cached_property
    def filled(self) -> Array:
        """The pixels within the outline, those of holes too, bool [h, w]."""
        if len(self.loops) == 1:
            return self.inside
        outside, _ = ndimage.label(~np.pad(self.inside, 1), EIGHT)
        within: Array = outside[1:-1, 1:-1] != outside[0, 0]
        return within

    def place(self) -> tuple[slice, slice]:
        height, width = self.inside.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def regions(mask: Array, classes: list[int], structure: Array | None = None) -> list[Region]:
    """The regions of some classes of a mask [H, W]. structure: which neighbours are connected; None: not diagonal."""
    found = []
    for index in classes:
        labelled, _ = ndimage.label(mask == index, structure)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labelled), start=1):
            found.append(Region(index, rows.start, columns.start, labelled[rows, columns] == number))
    return found


def enclosed(background: list[Region], drawn: list[Region], size: tuple[int, int]) -> list[Region]:
    """The regions of the background that lie within the outline of another region of an image of `size`."""
    covered = np.zeros(size, bool)
    for region in drawn:
        covered[region.place()] |= region.filled
    return [region for region in background if covered[region.place()][region.inside].any()]


def _loops(inside: Array) -> list[Loop]:
    """The closed lines around the pixels of a region without diagonal connections."""
    start, direction = _edges(inside)
    following = _following(start, direction, inside.shape)
    return [_loop(order, start, direction) for order in _cycles(following.tolist())]


def _edges(inside: Array) -> tuple[Array, Array]:
    """Start int [n, 2] and direction int [n] of each edge between a pixel inside and one outside, sorted by both."""
    padded = np.pad(inside, 1)
    around = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    starts = []
    for neighbour, offset in zip(around, STARTS, strict=True):
        rows, columns = np.nonzero(inside & ~neighbour)
        starts.append(np.stack([columns, rows], axis=1) + offset)
    return np.concatenate(starts), np.repeat(np.arange(4), [len(one) for one in starts])


def _following(start: Array, direction: Array, shape: tuple[int, ...]) -> Array:
    """The edge that each edge leads to: around the same pixel where two start, so that corners connect nothing."""

    def key(direction: Array, corner: Array) -> Array:
        number: Array = (direction * (shape[0] + 1) + corner[:, 1]) * (shape[1] + 1) + corner[:, 0]
        return number

    known, end = key(direction, start), start + STEPS[direction]
    following = np.full(len(start), -1)
    for turn in (1, 0, 3):
        wanted = key((direction + turn) % 4, end)
        place = np.searchsorted(known, wanted).clip(max=len(known) - 1)
        fits = (known[place] == wanted) & (following < 0)
        following[fits] = place[fits]
    return following


def _cycles(following: list[int]) -> Iterator[list[int]]:
    seen = [False] * len(following)
    for first in range(len(following)):
        order, edge = [], first
        while not seen[edge]:
            seen[edge] = True
            order.append(edge)
            edge = following[edge]
        if order:
            yield order


def _loop(order: list[int], start: Array, direction: Array) -> Loop:
    leaving = direction[order]
    arriving = np.roll(leaving, 1)
    turns = leaving != arriving
    return Loop(start[order][turns], arriving[turns], leaving[turns])
