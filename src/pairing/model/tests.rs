use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn every_state_and_step_stands_in_the_table_or_is_refused_in_words() {
    use PairingState::*;
    for &state in PairingState::ALL {
        for step in Step::ALL {
            let expected = match (state, step) {
                (Proposed, Step::Accept | Step::Approve) => Some(Proposed),
                (Proposed, Step::Activate) => Some(Active),
                (Proposed, Step::Reject) => Some(Rejected),
                (Active, Step::RecordActivity) => Some(Active),
                (Active, Step::Complete) => Some(Completed),
                (Active, Step::Terminate) => Some(Terminated),
                _ => None,
            };
            match (state.after(step), expected) {
                (Ok(to), Some(expected)) => assert_eq!(to, expected, "{state:?} {step:?}"),
                (Err(PairingError::Step(..)), None) => {}
                (got, expected) => panic!("{state:?} {step:?}: {got:?}, expected {expected:?}"),
            }
        }
    }
}

#[test]
fn a_refused_step_names_the_state_and_what_is_allowed() {
    let refusal: crate::kernel::refusal::Refusal =
        PairingState::Active.after(Step::Reject).unwrap_err().into();
    assert!(refusal.message.en.contains("ACTIVE") && refusal.message.en.contains("terminate"));
    assert!(refusal.message.zh.contains("驳回") && refusal.message.zh.contains("终止"));
    let ended: crate::kernel::refusal::Refusal =
        PairingState::Rejected.after(Step::Accept).unwrap_err().into();
    assert!(ended.message.en.ends_with("none") && ended.message.zh.ends_with("无"));
}

#[test]
fn nothing_leads_out_of_an_ended_pairing() {
    for state in [
        PairingState::Completed,
        PairingState::Terminated,
        PairingState::Rejected,
    ] {
        assert_eq!(state.steps().count(), 0);
    }
}

fn member(branch: i64, role: PairingRole, left: bool) -> Member {
    Member {
        pairing_id: PairingId(1),
        branch_id: BranchId(branch),
        role,
        accepted_at: None,
        left_on: left.then(|| day("2022-06-01")),
    }
}

proptest! {
    #[test]
    fn a_form_follows_from_the_numbers(leads in 0usize..6, partners in 0usize..6) {
        prop_assert_eq!(PairingForm::OneToMany.holds(leads, partners), leads == 1 && partners > 0);
        prop_assert_eq!(PairingForm::ManyToMany.holds(leads, partners), leads > 1 && partners > 1);
        // No composition is of both forms.
        prop_assert!(
            !(PairingForm::OneToMany.holds(leads, partners) && PairingForm::ManyToMany.holds(leads, partners))
        );
    }

    #[test]
    fn more_partners_never_break_a_form(leads in 0usize..6, partners in 0usize..6) {
        for &form in PairingForm::ALL {
            if form.holds(leads, partners) {
                prop_assert!(form.holds(leads, partners + 1));
            }
        }
    }

    #[test]
    fn who_left_does_not_count(members in prop::collection::vec((any::<bool>(), any::<bool>()), 0..12)) {
        let members: Vec<Member> = members
            .into_iter()
            .enumerate()
            .map(|(n, (lead, left))| {
                member(n as i64, if lead { PairingRole::Lead } else { PairingRole::Partner }, left)
            })
            .collect();
        let staying: Vec<Member> = members.iter().filter(|m| m.stays()).cloned().collect();
        let (leads, partners) = composition(&members);
        prop_assert_eq!((leads, partners), composition(&staying));
        prop_assert_eq!(leads + partners, staying.len());
    }

    #[test]
    fn a_basis_does_not_depend_on_the_order(
        members in prop::collection::vec((0u8..3, prop::option::of(0i64..3)), 2..8).prop_shuffle(),
        turn in 0usize..8,
    ) {
        let holds = |members: &[(u8, Option<i64>)]| {
            let domains: Vec<u8> = members.iter().map(|m| m.0).collect();
            let committees: Vec<_> = members.iter().map(|m| m.1.map(OrganizationId)).collect();
            [PairingBasis::SameDomain, PairingBasis::SameAffiliation, PairingBasis::CrossDomain]
                .map(|basis| basis.holds(&domains, &committees))
        };
        let mut turned = members.clone();
        turned.rotate_left(turn % members.len());
        let [same_domain, same_affiliation, cross_domain] = holds(&members);
        prop_assert_eq!([same_domain, same_affiliation, cross_domain], holds(&turned));
        prop_assert_ne!(same_domain, cross_domain);
        let domains: std::collections::HashSet<u8> = members.iter().map(|m| m.0).collect();
        prop_assert_eq!(same_domain, domains.len() == 1);
        let committees: std::collections::HashSet<Option<i64>> = members.iter().map(|m| m.1).collect();
        prop_assert_eq!(same_affiliation, committees.len() == 1 && !committees.contains(&None));
    }
}

#[test]
fn days_and_years_have_their_limits() {
    assert_eq!(check_days(day("2022-03-01"), None), Ok(()));
    assert_eq!(check_days(day("2022-03-01"), Some(day("2022-03-02"))), Ok(()));
    for end in ["2022-03-01", "2022-02-28"] {
        assert_eq!(
            check_days(day("2022-03-01"), Some(day(end))),
            Err(PairingError::EndsTooSoon)
        );
    }
    for (year, fits) in [
        (2020, false),
        (2021, true),
        (2022, true),
        (2023, true),
        (2024, false),
        (i32::MIN, false),
    ] {
        assert_eq!(check_year(year, day("2022-03-01")).is_ok(), fits, "{year}");
    }
}

#[test]
fn an_activity_is_held_while_the_pairing_runs_and_not_in_the_future() {
    let mut pairing = Pairing {
        id: PairingId(1),
        form: PairingForm::OneToMany,
        basis: PairingBasis::CrossDomain,
        title: "邻里先锋".to_owned(),
        goal: None,
        year: 2022,
        state: PairingState::Active,
        starts_on: day("2022-03-01"),
        ends_on: Some(day("2022-09-30")),
        proposed_by: None,
        approved_at: None,
        end_reason: None,
        version: 1,
        updated_at: "2022-03-01T00:00:00Z".parse().unwrap(),
    };
    let today = day("2022-12-31");
    for (held_on, fits) in [
        ("2022-02-28", false),
        ("2022-03-01", true),
        ("2022-09-30", true),
        ("2022-10-01", false),
    ] {
        assert_eq!(
            check_held_on(&pairing, day(held_on), today).is_ok(),
            fits,
            "{held_on}"
        );
    }
    pairing.ends_on = None;
    assert!(check_held_on(&pairing, today, today).is_ok());
    assert!(check_held_on(&pairing, day("2023-01-01"), today).is_err());
}
