use super::*;
use crate::kernel::refusal::{Refusal, RefusalCode};

fn day(d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, d).unwrap()
}

#[test]
fn a_rectification_takes_only_the_steps_of_the_table() {
    use RectificationState::*;
    use Step::*;
    // Every state against every step; what is not named here is refused.
    let open = |state, step| match (state, step) {
        (Open, Assign) => Some(Assigned),
        (Assigned, Submit) => Some(Submitted),
        (Submitted, Close) => Some(Closed),
        (Submitted, Return) => Some(Assigned),
        (Closed, Review) => Some(Closed),
        (Closed, Reopen) => Some(Assigned),
        (Open | Assigned | Submitted, Waive) => Some(Waived),
        _ => None,
    };
    for &from in RectificationState::ALL {
        for step in Step::ALL {
            let refused = RectificationError::NoSuchStep { from, step };
            assert_eq!(
                from.after(step),
                open(from, step).ok_or(refused),
                "{from:?} {step:?}"
            );
            if let Ok(to) = from.after(step) {
                assert_eq!(to, step.target());
            }
        }
    }
}

#[test]
fn a_refused_step_names_where_it_stands_and_what_is_open() {
    let refusal = |state: RectificationState, step| Refusal::from(state.after(step).unwrap_err());
    let close = refusal(RectificationState::Assigned, Step::Close);
    assert_eq!(close.code, RefusalCode::InvalidTransition);
    assert_eq!(
        close.message.en,
        "Cannot go from ASSIGNED to CLOSED; allowed from here: SUBMITTED, WAIVED"
    );
    let review = refusal(RectificationState::Waived, Step::Review);
    assert_eq!(review.code, RefusalCode::InvalidTransition);
    assert!(
        review
            .message
            .en
            .ends_with("WAIVED: cannot review; allowed from here: none")
    );
    // Submitted, it can be taken to ASSIGNED, but not by this step.
    let reopen = refusal(RectificationState::Submitted, Step::Reopen);
    assert_eq!(
        reopen.message.en,
        "The rectification is SUBMITTED: cannot reopen; allowed from here: close (CLOSED), return (ASSIGNED), \
         waive (WAIVED)"
    );
}

#[test]
fn the_next_review_is_later_than_today() {
    let today = day(10);
    assert_eq!(next_review(Some(day(11)), today, 90), Ok(day(11)));
    assert_eq!(
        next_review(Some(today), today, 90),
        Err(RectificationError::ReviewTooSoon(today))
    );
    assert_eq!(
        next_review(None, today, 90),
        Ok(NaiveDate::from_ymd_opt(2026, 6, 8).unwrap())
    );
    assert_eq!(next_review(None, NaiveDate::MAX, 90), Ok(NaiveDate::MAX));
    assert_eq!(check_due(today, today), Ok(()));
    assert_eq!(
        check_due(day(9), today),
        Err(RectificationError::DueInThePast(today))
    );
}

#[test]
fn an_items_code_has_letters_digits_and_hyphens() {
    for code in ["R-ORG-05", "T-RURAL-1", "x"] {
        assert!(crate::kernel::text::is_item_code(code), "{code}");
    }
    for code in ["", "R ORG", "R.ORG", "组织", &"A".repeat(33)] {
        assert!(!crate::kernel::text::is_item_code(code), "{code}");
    }
}
