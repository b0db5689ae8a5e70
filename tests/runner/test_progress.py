"""How far a sweep is."""

from pgan_ray.runner import SweepState


def test_time_left_needs_a_pace_of_each_stage() -> None:
    state = SweepState(generators=2, victims=10, trials={"a": 0.0, "b": 0.0}, trial_costs={"a": 3.0, "b": 1.0})
    state.victims_cost = 5.0
    assert state.remaining_s(2) is None
    state.trials["a"] = 0.5
    state.training.add(30.0, 1.5)
    assert state.remaining_s(2) is None
    state.evaluating.add(4.0, 1.0)
    # The second trial is a third of the first.
    assert state.remaining_s(2) == (30 + 20 + 5 * 4) / 2
    state.trials, state.victims_done, state.victims_failed = {"a": 1.0, "b": 1.0}, 9, 1
    assert state.remaining_s(2) == 0
