"""What a report draws of a search."""

from pgan_ray.report.search import Contest, course
from pgan_ray.spec import load_sweep
from tests.searches import search_file, trial


def test_the_best_so_far_is_steps_that_go_below_zero_where_every_trial_does_good() -> None:
    search = load_sweep(search_file(search__trials=3)).search
    assert search is not None
    found = [trial(0, -0.02, alpha=0.1), trial(1, -0.04, alpha=0.2), trial(2, 0.01, alpha=0.3)]
    chart = course(search, Contest(search.series), {one.key: one for one in found})
    assert chart.holds
    assert chart.lines[0].y == (-2, -2, 1)
    assert chart.y_min < -2 < 1 < chart.y_max
    assert course(search, Contest(search.series), {found[2].key: found[2]}).y_min == 0
