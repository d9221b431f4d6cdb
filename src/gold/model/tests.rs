//! The rules of the gold selection against tables of their own.

use std::collections::BTreeMap;

use super::*;
use crate::kernel::refusal::{Refusal, RefusalCode};

#[test]
fn an_application_takes_only_the_steps_of_the_table() {
    use GoldState::*;
    // Every state against every step; what is not named here is refused.
    let open = |state, step| match (state, step) {
        (Applied, Step::Recommend) => Some(Recommended),
        (Applied, Step::NotRecommend) => Some(NotRecommended),
        (Recommended, Step::Award) => Some(Awarded),
        (Recommended, Step::Decline) => Some(Declined),
        (Applied | Recommended, Step::Withdraw) => Some(Withdrawn),
        (Applied | Recommended, Step::Veto) => Some(Vetoed),
        (Applied | Recommended | Vetoed, Step::EndOfBranch) => Some(Withdrawn),
        (Awarded, Step::Revoke) => Some(Revoked),
        _ => None,
    };
    for &state in GoldState::ALL {
        for step in Step::ALL {
            let refused = match (state, step) {
                (Vetoed, Step::Recommend | Step::Award) => GoldError::Vetoed,
                _ => GoldError::NoSuchStep {
                    from: state,
                    to: step.target(),
                },
            };
            assert_eq!(
                state.after(step),
                open(state, step).ok_or(refused),
                "{state:?} {step:?}"
            );
        }
        assert_eq!(state.is_open(), state.after(Step::EndOfBranch).is_ok());
    }
}

#[test]
fn a_refused_step_names_where_it_stands_and_what_is_open() {
    let refusal = Refusal::from(GoldState::Applied.after(Step::Award).unwrap_err());
    assert_eq!(refusal.code, RefusalCode::InvalidTransition);
    assert!(refusal.message.en.contains("APPLIED to AWARDED"), "{refusal:?}");
    assert!(
        refusal
            .message
            .en
            .contains("RECOMMENDED, NOT_RECOMMENDED, WITHDRAWN"),
        "{refusal:?}"
    );
    let refusal = Refusal::from(GoldState::Vetoed.after(Step::Withdraw).unwrap_err());
    assert!(refusal.message.en.ends_with("none"), "{refusal:?}");
    let refusal = Refusal::from(GoldState::Vetoed.after(Step::Award).unwrap_err());
    assert_eq!(refusal.code, RefusalCode::VetoOpen);
}

#[test]
fn the_best_so_many_percent_are_rounded_down_and_never_nobody() {
    for (of, percent, expected) in [
        (118, 30, 35),
        (10, 30, 3),
        (9, 30, 2),
        (3, 30, 1),
        (1, 30, 1),
        (0, 30, 1),
        (200, 100, 200),
        (7, 1, 1),
    ] {
        assert_eq!(places(of, percent), expected, "{percent} % of {of}");
    }
}

#[test]
fn the_last_places_are_kept_for_domains_under_their_minimum() {
    // Quota, minimums, awarded; then for each domain whether one more is taken.
    type Row = (i64, [i64; 3], [i64; 3], [bool; 3]);
    let table: [Row; 9] = [
        (3, [0, 0, 0], [0, 0, 0], [true, true, true]),
        (3, [0, 0, 0], [2, 1, 0], [false, false, false]),
        (3, [1, 0, 0], [0, 2, 0], [true, false, false]),
        (3, [1, 0, 0], [0, 1, 0], [true, true, true]),
        (3, [1, 1, 0], [0, 0, 1], [true, true, false]),
        (3, [1, 1, 1], [0, 0, 0], [true, true, true]),
        (3, [1, 1, 1], [1, 0, 0], [false, true, true]),
        // Minimums that no quota covers, as after a revocation: the domains themselves go on.
        (3, [2, 2, 0], [0, 0, 1], [true, true, false]),
        (3, [2, 2, 0], [2, 0, 1], [false, false, false]),
    ];
    for (quota, minimums, awarded, taken) in table {
        let map = |counts: [i64; 3]| -> BTreeMap<usize, i64> { counts.into_iter().enumerate().collect() };
        for (domain, expected) in taken.into_iter().enumerate() {
            let found = check_quota(quota, &map(minimums), &map(awarded), domain);
            assert_eq!(
                found.is_ok(),
                expected,
                "{quota} {minimums:?} {awarded:?} {domain}: {found:?}"
            );
        }
    }
    let kept = check_quota(2, &BTreeMap::from([('a', 1), ('b', 1)]), &BTreeMap::new(), 'c');
    let lacking = vec![('a', 1), ('b', 1)];
    assert_eq!(kept, Err(QuotaFault::Kept { left: 2, lacking }));
}

fn eligible() -> Eligibility {
    Eligibility {
        year: 2022,
        health_check: CheckStanding::Pass,
        points: PointsStanding {
            period: "2022".to_owned(),
            rank: Some(35),
            of: 118,
            percent: 30,
            places: 35,
        },
        brand: BrandStanding {
            published: true,
            required: true,
        },
        vetoed: false,
    }
}

#[test]
fn each_criterion_fails_by_itself_and_says_so_with_figures() {
    assert!(eligible().is_eligible());
    let rank = |rank| Eligibility {
        points: PointsStanding {
            rank,
            ..eligible().points
        },
        ..eligible()
    };
    let check = |health_check| Eligibility {
        health_check,
        ..eligible()
    };
    let brand = |published, required| Eligibility {
        brand: BrandStanding { published, required },
        ..eligible()
    };
    let vetoed = Eligibility {
        vetoed: true,
        ..eligible()
    };
    for (eligibility, failing, words) in [
        (check(CheckStanding::None), 0, "none on record"),
        (check(CheckStanding::Pending), 0, "no outcome yet"),
        (check(CheckStanding::Fail), 0, "failed"),
        (
            rank(Some(36)),
            1,
            "rank 36 of 118 in its field, needs 35 or better",
        ),
        (rank(None), 1, "takes no part"),
        (brand(false, true), 2, "none published"),
        (vetoed, 3, "one is open"),
    ] {
        assert!(!eligibility.is_eligible());
        for (place, criterion) in eligibility.criteria().into_iter().enumerate() {
            assert_eq!(criterion.met, place != failing, "{criterion:?}");
            assert_eq!(criterion.is_veto, place == 3);
            if place == failing {
                assert!(criterion.sentence.en.contains(words), "{criterion:?}");
                let refusal = Refusal::from(GoldError::NotMet(criterion));
                let code = if place == 3 {
                    RefusalCode::VetoOpen
                } else {
                    RefusalCode::RuleViolation
                };
                assert_eq!(refusal.code, code);
            }
        }
    }
    assert!(brand(false, false).is_eligible());
}

#[test]
fn a_veto_that_came_and_went_leaves_the_decisions_with_who_took_them() {
    let step = |state, by: &str| StepTaken {
        application_id: GoldApplicationId(1),
        state,
        at: DateTime::UNIX_EPOCH,
        by: by.to_owned(),
        opinion: None,
    };
    let steps = [
        step(GoldState::Applied, "secretary"),
        step(GoldState::Vetoed, "admin"),
        step(GoldState::Applied, "admin"),
        step(GoldState::Recommended, "officer"),
        step(GoldState::Vetoed, "admin"),
        step(GoldState::Recommended, "admin"),
    ];
    assert_eq!(who_decided(&steps).collect::<Vec<_>>(), ["secretary", "officer"]);
}
