//! The arithmetic of `make bench`.

#[path = "../../benches/envoy/figures.rs"]
mod figures;

use figures::{ORDERS, Quartiles, order, percent_different, verdict};

fn quartiles(low: f64, median: f64, high: f64) -> Quartiles {
    Quartiles { low, median, high }
}

#[test]
fn quartiles_do_not_depend_on_the_order_and_are_interpolated() {
    assert_eq!(Quartiles::of([5.0, 1.0, 4.0, 2.0, 3.0]), quartiles(2.0, 3.0, 4.0));
    assert_eq!(Quartiles::of((0..11).map(f64::from)), quartiles(2.5, 5.0, 7.5));
    assert_eq!(Quartiles::of([1.0, 2.0]), quartiles(1.25, 1.5, 1.75));
    assert_eq!(Quartiles::of([7.0]), quartiles(7.0, 7.0, 7.0));
}

#[test]
fn a_ratio_is_quotable_if_both_quartiles_lie_within_a_tenth_of_the_median() {
    assert!(quartiles(0.92, 1.0, 1.08).is_quotable());
    assert!(!quartiles(0.89, 1.0, 1.0).is_quotable());
    assert!(!quartiles(1.0, 1.0, 1.11).is_quotable());
    // A ratio of noise.
    assert!(!quartiles(0.0, 0.0, 0.0).is_quotable());
    assert!(!quartiles(-1.0, -1.0, -1.0).is_quotable());
    assert!(!quartiles(f64::NAN, f64::NAN, f64::NAN).is_quotable());
}

#[test]
fn the_report_claims_nothing_of_a_ratio_that_is_not_quotable() {
    let (good, bad) = (quartiles(0.95, 1.0, 1.05), quartiles(0.8, 1.0, 1.2));
    assert_eq!(verdict(good, None), "");
    assert_eq!(verdict(good, Some(1.0)), "≤ 1");
    assert_eq!(verdict(good, Some(0.9)), "≤ 0.9: **missed**");
    assert_eq!(verdict(bad, None), "not quotable: quartiles 40 % apart");
    assert_eq!(verdict(bad, Some(0.9)), "≤ 0.9; not quotable: quartiles 40 % apart");
    assert_eq!(verdict(bad, Some(2.0)), "≤ 2; not quotable: quartiles 40 % apart");
}

#[test]
fn two_runs_differ_by_a_part_of_their_mean() {
    assert_eq!(percent_different(9.0, 11.0), 20.0);
    assert_eq!(percent_different(11.0, 9.0), 20.0);
    assert_eq!(percent_different(3.0, 3.0), 0.0);
}

#[test]
fn each_order_occurs_equally_often() {
    for round in 0..4 {
        for start in [0, ORDERS] {
            let mut orders: Vec<_> = (start..start + ORDERS).map(|slice| order(round, slice)).collect();
            orders.sort_unstable();
            assert_eq!(
                orders,
                [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]],
                "round {round}"
            );
        }
    }
    let first = |round| (0..2 * ORDERS).map(|slice| order(round, slice)).collect::<Vec<_>>();
    assert_ne!(first(0), first(1));
}
