"""What is measured covers the image."""


def test_windows_that_leave_gaps_are_refused(edited, refused):
    """Pixels that no window covers would be predicted as class 0."""
    refused(edited({"evaluate.window": {"size": 32, "stride": 33}}), "evaluate.window")


def test_an_unknown_part_of_the_images(edited, refused):
    refused(edited({"forecast.images": "test"}), "forecast.images", "'test'")


def test_a_score_that_does_not_exist(edited, refused):
    refused(edited({"suggest": {"variant": "prototype", "by": "entropy", "count": 5}}), "suggest.by", "'entropy'")
