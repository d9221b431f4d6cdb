//! The rules against tables, and as algebra where they are.

use proptest::prelude::*;

use super::*;
use crate::kernel::refusal::{Refusal, RefusalCode};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn branch() -> Branch {
    Branch {
        id: BranchId(1),
        code: "HC-0101".to_owned(),
        name: "海虹社区党支部（演示）".to_owned(),
        domain: Domain::Government,
        form: BranchForm::Single,
        status: BranchStatus::Active,
        organization_id: OrganizationId(2),
        founded_on: day("2015-03-01"),
        ended_on: None,
        successor_id: None,
        member_count: 12,
        contact_phone: None,
        term_ends_on: None,
        version: 1,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn other() -> Branch {
    Branch {
        id: BranchId(2),
        ..branch()
    }
}

#[test]
fn villages_and_communities_elect_for_five_years_all_others_for_three() {
    for domain in Domain::ALL {
        let years = match domain {
            Domain::Rural | Domain::Community => 5,
            _ => 3,
        };
        assert_eq!(domain.term_years(), years, "{domain:?}");
        let term = Branch {
            domain: *domain,
            ..branch()
        }
        .elect(None, day("2020-02-29"), None, day("2022-12-31"))
        .unwrap();
        assert_eq!(term.ends_on, day(&format!("{}-02-28", 2020 + years)));
        assert_eq!(term.on_time, None);
    }
}

#[test]
fn an_election_is_on_time_until_the_extended_end_of_the_term_before() {
    let today = day("2022-12-31");
    let first = branch().elect(None, day("2018-06-01"), None, today).unwrap();
    let extended = branch().extend(Some(&first), day("2021-12-01")).unwrap();
    for (previous, elected_on, on_time) in [
        (&first, "2021-06-01", true),
        (&first, "2021-06-02", false),
        (&extended, "2021-06-02", true),
        (&extended, "2021-12-01", true),
        (&extended, "2021-12-02", false),
    ] {
        let term = branch()
            .elect(Some(previous), day(elected_on), None, today)
            .unwrap();
        assert_eq!(term.on_time, Some(on_time), "{elected_on}");
    }
}

#[test]
fn an_election_that_cannot_be_is_refused() {
    let today = day("2022-12-31");
    let elect = |branch: &Branch, on: &str, years| branch.elect(None, day(on), years, today).unwrap_err();
    assert_eq!(
        elect(&branch(), "2023-01-01", None),
        BranchError::InTheFuture("electedOn", today)
    );
    assert_eq!(
        elect(&branch(), "2015-02-28", None),
        BranchError::BeforeFounding("electedOn", day("2015-03-01"))
    );
    for years in [0, -1, 4, i32::MAX, i32::MIN] {
        let error = elect(&branch(), "2020-01-01", Some(years));
        assert_eq!(
            error,
            BranchError::TermYears {
                given: years,
                most: 3
            }
        );
    }
    let temporary = Branch {
        form: BranchForm::Temporary,
        ..branch()
    };
    assert_eq!(
        elect(&temporary, "2020-01-01", None),
        BranchError::TemporaryHasNoTerm("electedOn")
    );
    assert_eq!(
        temporary.extend(None, day("2020-01-01")),
        Err(BranchError::TemporaryHasNoTerm("branchId"))
    );
    let first = branch().elect(None, day("2018-06-01"), None, today).unwrap();
    for on in ["2018-06-01", "2017-06-01"] {
        let again = branch().elect(Some(&first), day(on), None, today);
        assert_eq!(again, Err(BranchError::NotAfterPrevious(day("2018-06-01"))));
    }
}

#[test]
fn an_extension_is_later_than_the_end_and_at_most_a_year() {
    let first = branch()
        .elect(None, day("2018-06-01"), None, day("2022-12-31"))
        .unwrap();
    let extend = |term: &Term, to: &str| branch().extend(Some(term), day(to));
    assert_eq!(
        extend(&first, "2021-06-01"),
        Err(BranchError::NoExtension(day("2021-06-01")))
    );
    assert_eq!(
        extend(&first, "2022-06-02"),
        Err(BranchError::ExtensionTooLong(day("2022-06-01")))
    );
    let once = extend(&first, "2021-09-01").unwrap();
    assert_eq!(once.end(), day("2021-09-01"));
    assert_eq!(
        extend(&once, "2021-08-01"),
        Err(BranchError::NoExtension(day("2021-09-01")))
    );
    // A second extension still counts from the regular end.
    assert_eq!(extend(&once, "2022-06-01").unwrap().end(), day("2022-06-01"));
    assert!(extend(&once, "2022-09-01").is_err());
    assert_eq!(branch().extend(None, day("2022-06-01")), Err(BranchError::NoTerm));
}

#[test]
fn a_merger_that_cannot_be_is_refused_with_its_rule() {
    let ended = |status| Branch { status, ..other() };
    let temporary = |branch: Branch| Branch {
        form: BranchForm::Temporary,
        ..branch
    };
    let merged = Branch {
        status: BranchStatus::Merged,
        ..branch()
    };
    for (from, into, back, code, path) in [
        (
            branch(),
            branch(),
            false,
            RefusalCode::RuleViolation,
            "intoBranchId",
        ),
        (merged, other(), false, RefusalCode::InvalidTransition, "id"),
        (
            branch(),
            ended(BranchStatus::Merged),
            true,
            RefusalCode::RuleViolation,
            "intoBranchId",
        ),
        (
            branch(),
            ended(BranchStatus::Merged),
            false,
            RefusalCode::RuleViolation,
            "intoBranchId",
        ),
        (
            branch(),
            ended(BranchStatus::Dissolved),
            false,
            RefusalCode::RuleViolation,
            "intoBranchId",
        ),
        (
            temporary(branch()),
            other(),
            false,
            RefusalCode::RuleViolation,
            "id",
        ),
        (
            branch(),
            temporary(other()),
            false,
            RefusalCode::RuleViolation,
            "intoBranchId",
        ),
    ] {
        let refusal = Refusal::from(from.check_merge(&into, back).unwrap_err());
        assert_eq!((refusal.code, refusal.path), (code, vec![path.to_owned()]));
    }
    assert_eq!(branch().check_merge(&other(), false), Ok(()));
}

#[test]
fn an_effect_is_dated_between_founding_and_today() {
    let today = day("2022-12-31");
    let check = |on: &str| branch().check_effective(day(on), today);
    assert_eq!(check("2015-03-01"), Ok(()));
    assert_eq!(check("2022-12-31"), Ok(()));
    assert!(check("2015-02-28").is_err());
    assert!(check("2023-01-01").is_err());
}

#[test]
fn a_term_is_due_soon_six_months_before_its_end_and_overdue_the_day_after() {
    let with_end = Branch {
        term_ends_on: Some(day("2022-12-31")),
        ..branch()
    };
    for (today, state) in [
        ("2022-06-29", TermState::InTerm),
        ("2022-06-30", TermState::InTerm),
        ("2022-07-01", TermState::DueSoon),
        ("2022-12-31", TermState::DueSoon),
        ("2023-01-01", TermState::Overdue),
    ] {
        assert_eq!(with_end.term_state(day(today), 6), state, "{today}");
    }
    for without in [
        branch(),
        Branch {
            form: BranchForm::Temporary,
            ..with_end.clone()
        },
        Branch {
            status: BranchStatus::Dissolved,
            ..with_end
        },
    ] {
        assert_eq!(without.term_state(day("2022-12-31"), 6), TermState::NotApplicable);
    }
}

#[test]
fn an_alias_ends_once_and_not_before_it_began() {
    let alias = Alias {
        branch_id: BranchId(1),
        code: "OLD".to_owned(),
        source_code: None,
        since: day("2020-01-01"),
        until: None,
    };
    let ended = alias.end(day("2021-01-01")).unwrap();
    assert_eq!(ended.until, Some(day("2021-01-01")));
    assert_eq!(
        alias.end(day("2020-01-01")).unwrap().until,
        Some(day("2020-01-01"))
    );
    assert_eq!(
        alias.end(day("2019-12-31")),
        Err(BranchError::AliasEndsBeforeItBegins(day("2020-01-01")))
    );
    assert!(ended.end(day("2020-06-01")).is_ok());
    assert_eq!(
        ended.end(day("2021-01-02")),
        Err(BranchError::AliasEnded(day("2021-01-01")))
    );
}

#[test]
fn an_office_line_is_taken_a_mobile_number_or_a_name_is_not() {
    for line in [
        "0592-6051234",
        "(0592) 6051234",
        "０５９２－６０５１２３４",
        "010-12345678",
        "+86 592 6051234",
        "6051234 转 12",
        "60512345",
        "400-123-4567",
        "12371",
    ] {
        assert!(office_line(line).is_ok(), "{line}");
    }
    for line in [
        "13800138000",
        "138 0013 8000",
        "１３８００１３８０００",
        "+8613800138000",
        "013800138000",
        "0592 13800138000",
        "6051234 转 13800138000",
        "张三 6051234",
        "6051234/13800138000",
        "转 12",
        "-",
        "",
        "0592-6051234\u{0}",
    ] {
        let refusal = office_line(line).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::InvalidInput, "{line}");
        assert_eq!(refusal.path, ["contactPhone"]);
    }
}

fn days() -> impl Strategy<Value = NaiveDate> {
    (0u64..4000).prop_map(|n| day("2015-03-01") + chrono::Days::new(n))
}

fn holdings() -> impl Strategy<Value = Holding> {
    (
        prop_oneof![Just(None), Just(Some("A".to_owned())), Just(Some("B".to_owned()))],
        0u64..30,
        proptest::option::of(0u64..30),
    )
        .prop_map(|(source_code, since, length)| {
            let since = day("2020-01-01") + chrono::Days::new(since);
            Holding {
                source_code,
                since,
                until: length.map(|length| since + chrono::Days::new(length)),
            }
        })
}

proptest! {
    /// Two holdings collide exactly when somebody would find two branches under the code on some day.
    #[test]
    fn holdings_collide_when_a_reader_would_find_both_on_one_day(a in holdings(), b in holdings()) {
        let finds = |holding: &Holding, reader: Option<&str>, on: NaiveDate| {
            (holding.source_code.is_none() || holding.source_code.as_deref() == reader)
                && holding.since <= on
                && holding.until.is_none_or(|until| on <= until)
        };
        let both = [None, Some("A"), Some("B")].into_iter().any(|reader| {
            (0..70).any(|n| {
                let on = day("2020-01-01") + chrono::Days::new(n);
                finds(&a, reader, on) && finds(&b, reader, on)
            })
        });
        prop_assert_eq!(a.collides(&b), both);
        prop_assert_eq!(b.collides(&a), both);
    }

    /// Terms that elections open follow each other, and each is on time exactly by the end of the one before.
    #[test]
    fn elections_in_order_are_taken_and_judged_by_the_term_before(mut elected in proptest::collection::vec(days(), 1..6)) {
        elected.sort();
        elected.dedup();
        let today = day("2030-01-01");
        let mut previous: Option<Term> = None;
        for on in elected {
            let term = branch().elect(previous.as_ref(), on, None, today).unwrap();
            prop_assert!(term.ends_on > term.elected_on);
            prop_assert_eq!(term.on_time, previous.as_ref().map(|p| on <= p.end()));
            prop_assert!(branch().elect(Some(&term), on, None, today).is_err());
            previous = Some(term);
        }
    }

    /// With the days, a term only ever goes from IN_TERM to DUE_SOON to OVERDUE.
    #[test]
    fn a_term_state_only_moves_on(end in days(), from in days(), later in 0u64..4000, months in 0u32..24) {
        let rank = |state| match state {
            TermState::InTerm => 0,
            TermState::DueSoon => 1,
            TermState::Overdue => 2,
            TermState::NotApplicable => 3,
        };
        let branch = Branch { term_ends_on: Some(end), ..branch() };
        let before = rank(branch.term_state(from, months));
        let after = rank(branch.term_state(from + chrono::Days::new(later), months));
        prop_assert!(before <= after && after < 3);
    }
}
