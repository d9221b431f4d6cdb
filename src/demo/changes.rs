//! The change rows of a load: every node is there now.

use super::District;
use crate::{
    brand::BrandState,
    kernel::id::NodeId,
    live::change::{Action, Change, Topic},
    storage::write::Write,
};

/// Reports every node as created; what only some may see (docs/domain.md, 9) to those in scope.
pub(super) fn report(write: &mut Write<'_>, district: &District) {
    for row in &district.organizations {
        write.change(
            created(Topic::Organization, row.id)
                .version(1)
                .organizations([row.id]),
        );
    }
    for row in &district.headcounts {
        write.change(created(Topic::Organization, row.id).organizations([row.organization_id]));
    }
    for row in &district.branches {
        write.change(created(Topic::Branch, row.id).version(1).branches([row.id]));
    }
    for row in &district.brands {
        let change = created(Topic::Brand, row.id).version(1).branches([row.branch_id]);
        write.change(change.in_scope_only(row.state != BrandState::Published));
    }
    for row in &district.sites {
        write.change(
            created(Topic::Training, row.id)
                .version(1)
                .organizations([row.organization_id]),
        );
    }
    for row in &district.trainings {
        let change = created(Topic::Training, row.id)
            .version(1)
            .organizations([row.organizer_id]);
        write.change(change.branches(row.branches.iter().copied()).in_scope_only(true));
    }
    for row in &district.pairings {
        let members: Vec<_> = row.members.iter().map(|member| member.branch_id).collect();
        let private = !row.state.is_public();
        let change = created(Topic::Pairing, row.id)
            .version(1)
            .branches(members.iter().copied());
        write.change(change.in_scope_only(private));
        for activity in &row.activities {
            let change = created(Topic::Pairing, activity.id).branches(members.iter().copied());
            write.change(change.in_scope_only(private));
        }
    }
    write.change(created(Topic::Campaign, district.campaign.id));
    for row in &district.checks {
        let change = created(Topic::HealthCheck, row.id).version(row.version);
        write.change(change.branches([row.branch_id]).in_scope_only(true));
    }
    for row in district.rectifications.iter().map(|row| &row.row) {
        let change = created(Topic::Rectification, row.id).version(row.version);
        write.change(change.branches([row.branch_id]).in_scope_only(true));
    }
    for row in district.applications.iter().map(|row| &row.row) {
        let change = created(Topic::Gold, row.id).version(row.version);
        write.change(change.branches([row.branch_id]).in_scope_only(true));
    }
    for row in &district.vetoes {
        let change = created(Topic::Gold, row.id).branches([row.branch_id]);
        write.change(change.in_scope_only(true));
    }
}

fn created<I: NodeId>(topic: Topic, id: I) -> Change {
    Change::new(topic, Action::Created, id)
}
