//! Every row keeps the rules that the service would hold its writer to.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Months, NaiveDate};

use super::{branch, distinct, district, has_been, plausible};
use crate::{
    branch::{BranchForm, BranchStatus},
    demo::{
        names::SYNTHETIC,
        rows::{BranchRow, TermRow},
    },
    kernel::{
        id::{BranchId, OrganizationId},
        rules::Rules,
        text,
    },
    organization::OrganizationKind,
};

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
