//! Every row keeps the rules that the service would hold its writer to.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Months, NaiveDate, Utc};

use super::district;
use crate::{
    branch::{BranchForm, BranchStatus},
    demo::{
        BUSINESS_DATE, SHOWCASE_BRANCH, SHOWCASE_COMMITTEE,
        names::SYNTHETIC,
        rows::{BranchRow, MemberRow, PairingRow, TermRow},
    },
    kernel::{
        clock::day_in_shanghai,
        id::{BranchId, OrganizationId},
        rules::Rules,
        text,
    },
    organization::OrganizationKind,
    pairing::{PairingRole, PairingState},
};

fn branch(id: BranchId) -> &'static BranchRow {
    district().branches.iter().find(|row| row.id == id).unwrap()
}

fn plausible(day: NaiveDate) -> bool {
    day >= NaiveDate::from_ymd_opt(1985, 1, 1).unwrap() && day <= BUSINESS_DATE
}

fn has_been(at: DateTime<Utc>) -> bool {
    plausible(day_in_shanghai(at))
}

/// Whether no two are equal.
fn distinct<T: std::hash::Hash + Eq>(items: impl IntoIterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

#[test]
fn codes_names_and_ids_are_given_once() {
    let d = district();
    let organizations = d.organizations.iter();
    assert!(distinct(organizations.clone().map(|row| &row.code)));
    assert!(distinct(organizations.map(|row| &row.name)));
    assert!(distinct(d.branches.iter().map(|row| &row.code)));
    assert!(distinct(d.branches.iter().map(|row| &row.name)));
    assert!(distinct(d.sites.iter().map(|row| &row.name)));
    assert!(distinct(d.brands.iter().map(|row| &row.name)));
    assert!(distinct(
        d.terms.iter().map(|row| (row.branch_id, row.elected_on))
    ));
    assert!(distinct(d.headcounts.iter().map(|row| (
        row.organization_id,
        row.kind,
        row.as_of
    ))));
    // No alias is another branch's own code, and two branches never hold one code on one day.
    let own: HashSet<&str> = d.branches.iter().map(|row| row.code.as_str()).collect();
    assert!(d.aliases.iter().all(|row| !own.contains(row.code.as_str())));
    for (place, one) in d.aliases.iter().enumerate() {
        for two in d
            .aliases
            .iter()
            .skip(place + 1)
            .filter(|two| two.code == one.code)
        {
            let overlap = one.since <= two.until.unwrap_or(NaiveDate::MAX)
                && two.since <= one.until.unwrap_or(NaiveDate::MAX);
            assert!(!overlap, "{one:?} {two:?}");
        }
    }
    let merged = |id| branch(id).status == BranchStatus::Merged;
    assert!(
        d.aliases
            .iter()
            .any(|row| row.until.is_none() && merged(row.branch_id))
    );
    assert!(d.aliases.iter().any(|row| row.until.is_some()));
    assert!(d.aliases.iter().any(|row| !row.source_code.is_empty()));
}

#[test]
fn only_what_the_reports_name_bears_a_real_name() {
    let d = district();
    let real: Vec<&str> = d
        .organizations
        .iter()
        .map(|row| &row.name)
        .chain(d.branches.iter().map(|row| &row.name))
        .chain(d.brands.iter().map(|row| &row.name))
        .chain(d.sites.iter().map(|row| &row.name))
        .chain(d.pairings.iter().map(|row| &row.title))
        .map(String::as_str)
        .filter(|name| !name.ends_with(SYNTHETIC))
        .collect();
    assert_eq!(
        real,
        [
            "中共厦门市海沧区委",
            "海沧街道党工委",
            "新阳街道党工委",
            "嵩屿街道党工委",
            "东孚街道党工委",
            "邻里医生",
            "市政110",
            "远海红",
        ]
    );
}

#[test]
fn no_text_holds_a_persons_number() {
    let d = district();
    let mut texts: Vec<&str> = Vec::new();
    texts.extend(
        d.organizations
            .iter()
            .flat_map(|row| [row.code.as_str(), &row.name]),
    );
    texts.extend(
        d.branches
            .iter()
            .flat_map(|row| [row.code.as_str(), &row.name, &row.contact_phone]),
    );
    texts.extend(d.aliases.iter().map(|row| row.code.as_str()));
    for row in &d.terms {
        texts.push(&row.election_document);
        texts.extend(row.extension_document.as_deref());
    }
    for row in &d.brands {
        texts.extend([row.name.as_str(), &row.description]);
        let optional = [&row.slogan, &row.results, &row.return_reason];
        texts.extend(optional.into_iter().filter_map(Option::as_deref));
        texts.extend(&row.themes);
        for story in &row.stories {
            texts.push(&story.title);
            texts.extend(story.summary.as_deref());
        }
    }
    texts.extend(d.sites.iter().map(|row| row.name.as_str()));
    texts.extend(d.trainings.iter().map(|row| row.topic.as_str()));
    for row in &d.pairings {
        texts.push(&row.title);
        texts.extend(
            [&row.goal, &row.end_reason]
                .into_iter()
                .filter_map(Option::as_deref),
        );
        for activity in &row.activities {
            texts.push(&activity.topic);
            texts.extend(activity.outcome.as_deref());
        }
    }
    assert!(texts.len() > 5000);
    for text in texts {
        assert_eq!(text::find_sensitive(text), None, "{text}");
        assert!(!text.is_empty() && text.trim() == text, "{text:?}");
    }
}

#[test]
fn the_tree_holds_together() {
    let d = district();
    let mut kinds: HashMap<OrganizationId, OrganizationKind> = HashMap::new();
    for row in &d.organizations {
        let parent = row.parent_id.map(|id| kinds[&id]);
        assert_eq!(parent, row.kind.parent(), "{row:?}");
        kinds.insert(row.id, row.kind);
    }
    let parents: HashMap<_, _> = d
        .organizations
        .iter()
        .map(|row| (row.id, row.parent_id))
        .collect();
    for row in &d.branches {
        assert_eq!(kinds[&row.committee_id], OrganizationKind::Committee);
        let below = row.organization_id == row.committee_id
            || parents[&row.organization_id] == Some(row.committee_id);
        assert!(below, "{row:?}");
    }
    for row in &d.branch_moves {
        assert_eq!(branch(row.branch_id).organization_id, row.to_organization_id);
        assert_ne!(row.from_organization_id, row.to_organization_id);
        assert!(plausible(row.effective_on));
    }
    for row in &d.organization_moves {
        assert_eq!(parents[&row.organization_id], Some(row.to_parent_id));
        assert_ne!(row.from_parent_id, row.to_parent_id);
    }
    let children = |id| {
        d.organizations
            .iter()
            .filter(|row| row.parent_id == Some(id))
            .count()
    };
    let general = d
        .organizations
        .iter()
        .filter(|row| row.kind == OrganizationKind::GeneralBranch);
    for row in general {
        assert_eq!(children(row.id), 0);
        assert!(
            d.branches.iter().any(|b| b.organization_id == row.id),
            "{row:?} has branches"
        );
    }
}

#[test]
fn branches_began_and_ended_in_that_order() {
    let rules = Rules::default();
    let mut large = 0;
    for row in &district().branches {
        assert!(plausible(row.founded_on) && has_been(row.updated_at), "{row:?}");
        assert!(row.member_count >= rules.minimum_members, "{row:?}");
        large += usize::from(row.member_count > rules.usual_members);
        assert_eq!(row.status == BranchStatus::Active, row.ended_on.is_none());
        assert_eq!(row.status == BranchStatus::Merged, row.successor_id.is_some());
        if let Some(ended_on) = row.ended_on {
            assert!(row.founded_on < ended_on && plausible(ended_on), "{row:?}");
        }
        if let Some(successor) = row.successor_id.map(branch) {
            assert!(
                successor.ended_on.is_none_or(|end| row.ended_on.unwrap() < end),
                "{row:?}"
            );
        }
        assert!(row.contact_phone.starts_with("0592-6") && row.contact_phone.len() == 12);
        assert_eq!(row.search_text, text::search_text(&row.name, &row.code));
    }
    assert!((3..40).contains(&large), "{large}");
    // Two steps from one of them to the branch that stands for it now.
    let twice = |row: &&BranchRow| {
        row.successor_id
            .is_some_and(|id| branch(id).successor_id.is_some())
    };
    assert_eq!(district().branches.iter().filter(twice).count(), 1);
}

#[test]
fn terms_follow_one_another_by_the_rules() {
    let d = district();
    let mut terms: BTreeMap<BranchId, Vec<&TermRow>> = BTreeMap::new();
    for row in &d.terms {
        terms.entry(row.branch_id).or_default().push(row);
    }
    for row in &d.branches {
        let terms = terms.remove(&row.id).unwrap_or_default();
        assert!(row.form != BranchForm::Temporary || terms.is_empty());
        let last = terms.last().map(|term| term.extended_to.unwrap_or(term.ends_on));
        assert_eq!(row.term_ends_on, last);
        let mut before: Option<&TermRow> = None;
        for term in terms {
            let years = Months::new(12 * row.domain.term_years());
            assert_eq!(term.ends_on, term.elected_on + years);
            assert!(
                term.elected_on >= row.founded_on && plausible(term.elected_on),
                "{row:?} {term:?}"
            );
            assert!(
                row.ended_on.is_none_or(|end| term.elected_on < end),
                "{row:?} {term:?}"
            );
            if let Some(to) = term.extended_to {
                assert!(
                    term.ends_on < to && to <= term.ends_on + Months::new(12),
                    "{term:?}"
                );
            }
            assert_eq!(term.extended_to.is_some(), term.extension_document.is_some());
            let on_time = before.map(|b| term.elected_on <= b.extended_to.unwrap_or(b.ends_on));
            assert_eq!(term.on_time, on_time, "{row:?} {term:?}");
            assert!(before.is_none_or(|b| b.elected_on < term.elected_on));
            before = Some(term);
        }
    }
    assert!(terms.is_empty());
}

#[test]
fn a_branch_has_one_standing_title_and_one_published_brand() {
    let d = district();
    let standing = || d.gold_titles.iter().filter(|row| row.revoked_on.is_none());
    assert!(distinct(standing().map(|row| row.branch_id)));
    for row in &d.gold_titles {
        assert!(row.revoked_on.is_none_or(|day| row.awarded_on < day), "{row:?}");
        assert!(branch(row.branch_id).founded_on < row.awarded_on);
    }
    let published: Vec<BranchId> = d
        .brands
        .iter()
        .filter(|row| row.state == "PUBLISHED")
        .map(|row| row.branch_id)
        .collect();
    assert!(distinct(&published) && published.len() > 300);
    assert!(standing().all(|row| published.contains(&row.branch_id)));
    for row in &d.brands {
        let at = row.published_at;
        assert_eq!(
            matches!(row.state, "PUBLISHED" | "ARCHIVED"),
            at.is_some(),
            "{row:?}"
        );
        assert!(has_been(row.updated_at) && at.is_none_or(has_been));
        let founded_on = branch(row.branch_id).founded_on;
        assert!(at.is_none_or(|at| day_in_shanghai(at) >= founded_on), "{row:?}");
        assert!(row.return_reason.is_none() || row.state == "DRAFT");
        assert!(distinct(&row.themes) && !row.themes.is_empty());
        let mut of_branch = d.brands.iter().filter(|other| other.branch_id == row.branch_id);
        let successor = of_branch.find(|other| other.state == "PUBLISHED");
        if row.state == "ARCHIVED" && branch(row.branch_id).is_regular() {
            assert!(successor.unwrap().published_at > at, "{row:?}");
        }
        for story in &row.stories {
            assert!(
                story
                    .held_on
                    .is_none_or(|day| plausible(day) && day >= founded_on),
                "{row:?}"
            );
        }
    }
    for state in ["DRAFT", "SUBMITTED", "ARCHIVED"] {
        assert!(
            d.brands.iter().filter(|row| row.state == state).count() >= 20,
            "{state}"
        );
    }
}

#[test]
fn trainings_name_branches_below_their_organizer() {
    let d = district();
    for row in &d.trainings {
        assert!(plausible(row.held_on) && row.quarter_hours > 0);
        assert!(!row.participants.is_empty() && distinct(&row.participants));
        assert!(row.participants.iter().all(|hash| hash.len() == 32));
        assert!(!row.branches.is_empty() && distinct(&row.branches));
        for member in row.branches.iter().map(|&id| branch(id)) {
            assert!(member.founded_on <= row.held_on, "{row:?}");
            assert!(member.ended_on.is_none_or(|end| row.held_on < end));
            assert!(row.organizer_id == OrganizationId(1) || member.committee_id == row.organizer_id);
        }
        if let Some(id) = row.site_id {
            let site = d.sites.iter().find(|site| site.id == id).unwrap();
            assert!(site.upgraded_on.unwrap() <= row.held_on);
        }
    }
}

fn check_pairing(row: &PairingRow) {
    let d = district();
    let of = |role| row.members.iter().filter(move |member| member.role == role);
    let leads: Vec<&MemberRow> = of(PairingRole::Lead).collect();
    assert!(
        row.form.holds(leads.len(), of(PairingRole::Partner).count()),
        "{row:?}"
    );
    assert!(distinct(row.members.iter().map(|member| member.branch_id)));
    for lead in &leads {
        let gold = |title: &crate::demo::rows::GoldTitleRow| {
            title.branch_id == lead.branch_id && title.stood_on(row.starts_on)
        };
        assert!(
            d.gold_titles.iter().any(gold),
            "{lead:?} was gold on {}",
            row.starts_on
        );
    }
    let standing: Vec<&BranchRow> = row
        .members
        .iter()
        .filter(|member| member.left_on.is_none())
        .map(|member| branch(member.branch_id))
        .collect();
    assert!(
        standing
            .iter()
            .all(|b| b.is_regular() && b.founded_on <= row.starts_on)
    );
    let domains: Vec<_> = standing.iter().map(|b| b.domain).collect();
    let committees: Vec<_> = standing.iter().map(|b| Some(b.committee_id)).collect();
    assert!(row.basis.holds(&domains, &committees), "{row:?}");
    let begun = !matches!(row.state, PairingState::Proposed | PairingState::Rejected);
    assert_eq!(begun, row.approved_at.is_some());
    assert_eq!(
        matches!(row.state, PairingState::Rejected | PairingState::Terminated),
        row.end_reason.is_some()
    );
    for member in &row.members {
        assert!(!begun || member.accepted_at.unwrap() < row.approved_at.unwrap());
        assert!(member.accepted_at.is_none_or(has_been));
        assert_eq!(member.left_on, branch(member.branch_id).ended_on);
    }
    assert!(
        row.members
            .iter()
            .any(|member| member.branch_id == row.proposed_by_id)
    );
    assert!(row.ends_on.is_none_or(|end| row.starts_on < end));
    let over = begun && row.state != PairingState::Active;
    assert!(!over || row.ends_on.unwrap() <= BUSINESS_DATE);
    assert!(row.activities.is_empty() || begun);
    let mut last = row.starts_on;
    for activity in &row.activities {
        assert!(last <= activity.held_on && plausible(activity.held_on));
        assert!(row.ends_on.is_none_or(|end| activity.held_on <= end), "{row:?}");
        assert!(activity.branches.len() >= 2);
        for id in &activity.branches {
            assert!(row.members.iter().any(|member| member.branch_id == *id));
        }
        last = activity.held_on;
    }
    assert!(has_been(row.updated_at));
}

#[test]
fn every_pairing_keeps_the_rules() {
    let d = district();
    let mut active: HashMap<BranchId, u32> = HashMap::new();
    for row in &d.pairings {
        check_pairing(row);
        if row.state == PairingState::Active {
            for member in row.members.iter().filter(|member| member.left_on.is_none()) {
                *active.entry(member.branch_id).or_default() += 1;
            }
        }
    }
    let most = active.values().copied().max().unwrap();
    assert!(
        (2..=Rules::default().max_active_pairings).contains(&most),
        "{most}"
    );
    // Most met in the half-year, some did not; one lead has lost its title since.
    let standing = || d.pairings.iter().filter(|row| row.state == PairingState::Active);
    let idle = standing().filter(|row| row.activities.is_empty()).count();
    assert!((1..6).contains(&idle), "{idle}");
    let gold: HashSet<BranchId> = d
        .gold_titles
        .iter()
        .filter(|row| row.revoked_on.is_none())
        .map(|row| row.branch_id)
        .collect();
    let lost = |row: &&PairingRow| {
        row.members
            .iter()
            .any(|member| member.role == PairingRole::Lead && !gold.contains(&member.branch_id))
    };
    assert_eq!(standing().filter(lost).count(), 1);
}

#[test]
fn the_showcase_has_something_of_everything() {
    let d = district();
    let shown = d.branches.iter().find(|row| row.code == SHOWCASE_BRANCH).unwrap();
    let committee = d
        .organizations
        .iter()
        .find(|row| row.code == SHOWCASE_COMMITTEE)
        .unwrap();
    assert_eq!(shown.committee_id, committee.id);
    let brand = |state| {
        d.brands
            .iter()
            .find(|row| row.branch_id == shown.id && row.state == state)
    };
    assert_eq!(brand("PUBLISHED").unwrap().name, "邻里医生");
    assert!(brand("SUBMITTED").is_some());
    let pairings = |state| {
        let of_state = d.pairings.iter().filter(move |row| row.state == state);
        of_state.filter(|row| row.members.iter().any(|member| member.branch_id == shown.id))
    };
    assert!(pairings(PairingState::Active).count() >= 2);
    assert!(pairings(PairingState::Active).any(|row| !row.activities.is_empty()));
    let waits = |row: &PairingRow| {
        row.members
            .iter()
            .any(|m| m.branch_id == shown.id && m.accepted_at.is_none())
    };
    assert!(pairings(PairingState::Proposed).any(waits), "something to accept");
    let all_accepted = |row: &PairingRow| row.members.iter().all(|member| member.accepted_at.is_some());
    assert!(
        pairings(PairingState::Proposed).any(all_accepted),
        "something to approve"
    );
    assert!(
        d.trainings
            .iter()
            .filter(|row| row.branches.contains(&shown.id))
            .count()
            >= 5
    );
    assert!(d.terms.iter().filter(|row| row.branch_id == shown.id).count() >= 2);
    assert!(
        d.gold_titles
            .iter()
            .any(|row| row.branch_id == shown.id && row.revoked_on.is_none())
    );
}
