"""The method's formulas written a second time, with loops, to check the package against."""

import math

import numpy as np


def cosine_logits(features, prototypes, temperature):
    """(logits [N, C], nearest [N, C]) of features [N, D] and prototypes [C, K, D]."""
    n, (classes, per_class, _) = len(features), prototypes.shape
    logits, nearest = np.zeros((n, classes)), np.zeros((n, classes), dtype=int)
    for i in range(n):
        for c in range(classes):
            scores = []
            for k in range(per_class):
                length = math.sqrt((features[i] ** 2).sum()) * math.sqrt((prototypes[c, k] ** 2).sum())
                scores.append(float((features[i] * prototypes[c, k]).sum()) / length if length else 0.0)
            nearest[i, c] = scores.index(max(scores))
            logits[i, c] = max(scores) / temperature
    return logits, nearest


def updated_prototypes(prototypes, features, targets, keep, momentum):
    """(prototypes, members [C, K]) after one update; the nearest prototype is found here, of the own class."""
    classes, per_class, _ = prototypes.shape
    members = {(c, k): [] for c in range(classes) for k in range(per_class)}
    _, nearest = cosine_logits(features, prototypes, 1.0)
    for i in range(len(features)):
        if keep[i]:
            members[int(targets[i]), nearest[i, int(targets[i])]].append(features[i])
    moved, counts = prototypes.copy(), np.zeros((classes, per_class))
    for (c, k), own in members.items():
        counts[c, k] = len(own)
        if own:
            moved[c, k] = momentum * prototypes[c, k] + (1 - momentum) * sum(own) / len(own)
    return moved, counts


def softmax(logits):
    """Over axis 1 of [B, C, ...]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def true_probabilities(logits, target):
    """(class probability of each pixel's target, position) for the pixels of [B, C, ...] that are not 255."""
    probabilities = softmax(logits)
    return [
        (probabilities[(p[0], int(target[p]), *p[1:])], p) for p in np.ndindex(*target.shape) if int(target[p]) != 255
    ]


def cross_entropy(logits, target):
    values = [-math.log(probability) for probability, _ in true_probabilities(logits, target)]
    return sum(values) / len(values) if values else 0.0


def ohem_pixels(logits, target, threshold, min_kept):
    """Positions of the pixels that OHEM keeps, by sorting."""
    pixels = sorted(true_probabilities(logits, target))
    if len(pixels) <= min_kept:
        return [place for _, place in pixels]
    limit = max(threshold, pixels[min_kept - 1][0])
    return [place for probability, place in pixels if probability <= limit]


def pseudo_label_loss(logits, labels, confidence, tau, normalise):
    probabilities, total, confident = softmax(logits), 0.0, 0
    for p in np.ndindex(*labels.shape):
        if confidence[p] > tau:
            total -= math.log(probabilities[(p[0], int(labels[p]), *p[1:])])
            confident += 1
    return total / max(1, {"all": labels.size, "confident": confident, "inside": (confidence > 0).sum()}[normalise])


def upsampled(image, height, width):
    """[D, h, w] -> [D, height, width], bilinear with align_corners=True."""
    dim, rows, columns = image.shape
    out = np.zeros((dim, height, width))
    for i in range(height):
        for j in range(width):
            y = i * (rows - 1) / (height - 1) if height > 1 else 0.0
            x = j * (columns - 1) / (width - 1) if width > 1 else 0.0
            top, left = min(int(y), rows - 1), min(int(x), columns - 1)
            down, right, v, u = min(top + 1, rows - 1), min(left + 1, columns - 1), y - top, x - left
            above = (1 - u) * image[:, top, left] + u * image[:, top, right]
            below = (1 - u) * image[:, down, left] + u * image[:, down, right]
            out[:, i, j] = (1 - v) * above + v * below
    return out


def iou(prediction, target, classes):
    """Per class, by sets of pixels; nan where a class is in neither."""
    valid = target != 255
    values = []
    for c in range(classes):
        mine, theirs = (prediction == c) & valid, (target == c) & valid
        union = (mine | theirs).sum()
        values.append((mine & theirs).sum() / union if union else float("nan"))
    return np.array(values)
