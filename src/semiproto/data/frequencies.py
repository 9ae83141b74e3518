"""How often the labelled masks show each class, and what is done for the rare ones: class weights, repeated images."""

from __future__ import annotations

import numpy as np

from semiproto.data.dataset import Images

Array = np.ndarray


def class_pixels(images: Images, classes: int) -> Array:
    """Pixels of each class in each mask, int64 [images, classes]; void ones are in no class."""
    masks = (images.mask(position).ravel() for position in range(len(images)))
    return np.stack([np.bincount(mask, minlength=256)[:classes] for mask in masks])


def median_frequency_weights(pixels: Array, largest: float) -> Array:
    """Weights of the classes by median-frequency balancing (Eigen & Fergus, ICCV 2015), float64 [classes].

    freq(c) = pixels of c / pixels of the images that show c, and weight(c) = median of freq / freq(c), kept between
    1 / largest and largest (chosen). A class that no mask shows weighs 1; it has no pixel to weigh.
    """
    shown = pixels > 0
    frequency = pixels.sum(0) / np.maximum(1, (shown * pixels.sum(1, keepdims=True)).sum(0))
    seen = frequency > 0
    weights = np.ones(len(frequency))
    weights[seen] = np.clip(np.median(frequency[seen]) / frequency[seen], 1 / largest, largest)
    return weights


def repeat_factors(pixels: Array, threshold: float) -> Array:
    """How often each image is drawn in a turn, on average (LVIS; Gupta et al., CVPR 2019), float64 [images].

    With f(c) the share of the images that show class c: r(c) = max(1, sqrt(threshold / f(c))), and an image has the
    largest factor of its classes.
    """
    shown = pixels > 0
    of_class = np.sqrt(threshold / np.maximum(shown.mean(0), 1 / len(shown)))
    repeats: Array = np.where(shown, of_class, 1).max(axis=1).clip(min=1)
    return repeats
