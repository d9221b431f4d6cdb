//! Writes the district into an empty database, in bulk.

mod campaign;

use entity::{
    branch, branch_alias, branch_move, branch_term, brand, brand_story, brand_theme, gold_title, headcount,
    organization, organization_closure, organization_move, pairing, pairing_activity,
    pairing_activity_branch, pairing_member, site, training_branch, training_participant, training_record,
};
use futures_util::future::BoxFuture;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait as _, DbBackend, EntityTrait, IntoActiveModel, Iterable as _, Statement,
};
use serde_json::json;

use super::{BUSINESS_DATE, District, FIGURES_FROM, changes, organizations, rows::BrandRow};
use crate::{
    audit::AuditRecord,
    kernel::{message::Message, refusal::Refusal},
    storage::{
        StoreError, setting,
        write::{Failure, Write},
    },
};

/// Bind parameters of one statement: below SQLite's 32,766, and small enough that progress shows.
const PARAMETERS: usize = 12_000;
const VERSION: i32 = 1;

/// Tables whose next id is taken from a sequence.
const SEQUENCES: [&str; 21] = [
    "organization",
    "organization_move",
    "headcount",
    "site",
    "branch",
    "branch_term",
    "branch_alias",
    "branch_move",
    "gold_title",
    "brand",
    "training_record",
    "pairing",
    "pairing_activity",
    "campaign",
    "examiner",
    "health_check",
    "rectification",
    "rectification_step",
    "gold_application",
    "gold_step",
    "veto",
];

/// Rows on their way into the tables, and how far they are.
struct Loading<'a, 't> {
    write: &'a Write<'t>,
    done: u64,
    total: u64,
    progress: &'a (dyn Fn(u64, u64) + Send + Sync),
}

/// Writes everything, with one audit record and a change row for every node; `progress` is told the rows done
/// and the rows in all.
///
/// Refused with RULE_VIOLATION where there is an organization already.
pub async fn load(
    write: &mut Write<'_>,
    district: &District,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<(), Failure> {
    write.lock("demo", "load").await?;
    if crate::organization::root(write.connection()).await?.is_some() {
        let message = Message::new(
            "数据库中已有组织，演示数据只能载入空库",
            "There is an organization already: the demonstration district goes into an empty database only",
        );
        return Err(Refusal::rule(&[], message).into());
    }
    let mut loading = Loading {
        write,
        done: 0,
        total: district.row_count(),
        progress,
    };
    loading.organizations(district).await?;
    loading.branches(district).await?;
    loading.brands(&district.brands).await?;
    loading.trainings(district).await?;
    loading.pairings(district).await?;
    loading.campaign(district).await?;
    loading.checks(district).await?;
    loading.rectifications(&district.rectifications).await?;
    loading.selection(district).await?;
    loading.settings().await?;
    move_sequences(write).await?;
    write.audit(
        AuditRecord::new("loadDemonstration")
            .node(organizations::DISTRICT)
            .after(json!({
                "organizations": district.organizations.len(), "branches": district.branches.len(),
                "brands": district.brands.len(), "pairings": district.pairings.len(),
                "trainingRecords": district.trainings.len(), "sites": district.sites.len(),
                "headcounts": district.headcounts.len(), "campaign": district.campaign.year,
                "healthChecks": district.checks.len(), "rectifications": district.rectifications.len(),
                "goldApplications": district.applications.len(), "vetoes": district.vetoes.len(),
                "businessDate": BUSINESS_DATE,
            })),
    );
    changes::report(write, district);
    Ok(())
}

impl Loading<'_, '_> {
    /// Inserts rows as they are, ids and all. They are taken before the future begins, so that it does not hold
    /// the iterator they come from.
    fn insert<'s, M, A>(
        &'s mut self,
        rows: impl IntoIterator<Item = M>,
    ) -> BoxFuture<'s, Result<(), StoreError>>
    where
        M: IntoActiveModel<A>,
        A: ActiveModelTrait + Send + 's,
    {
        let mut rows: Vec<A> = rows.into_iter().map(IntoActiveModel::into_active_model).collect();
        let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
        Box::pin(async move {
            while !rows.is_empty() {
                let rest = rows.split_off(rows.len().min(PARAMETERS / columns));
                let chunk = std::mem::replace(&mut rows, rest);
                let count = chunk.len() as u64;
                <A::Entity as EntityTrait>::insert_many(chunk)
                    .exec_without_returning(self.write.connection())
                    .await?;
                self.done += count;
                (self.progress)(self.done, self.total);
            }
            Ok(())
        })
    }

    async fn organizations(&mut self, district: &District) -> Result<(), StoreError> {
        self.insert(
            district
                .organizations
                .iter()
                .cloned()
                .map(|row| organization::Model {
                    id: row.id,
                    code: row.code,
                    name: row.name,
                    kind: row.kind.as_str().to_owned(),
                    parent_id: row.parent_id,
                    version: VERSION,
                    updated_at: row.updated_at,
                }),
        )
        .await?;
        let closure = organizations::closure(&district.organizations);
        self.insert(closure.into_iter().map(|(ancestor_id, descendant_id, depth)| {
            organization_closure::Model {
                ancestor_id,
                descendant_id,
                depth,
            }
        }))
        .await?;
        self.insert(
            district
                .organization_moves
                .iter()
                .map(|row| organization_move::Model {
                    id: row.id,
                    organization_id: row.organization_id,
                    from_parent_id: row.from_parent_id,
                    to_parent_id: row.to_parent_id,
                    effective_on: row.effective_on,
                }),
        )
        .await?;
        self.insert(district.headcounts.iter().map(|row| headcount::Model {
            id: row.id,
            organization_id: row.organization_id,
            kind: row.kind.as_str().to_owned(),
            count: row.count,
            as_of: row.as_of,
        }))
        .await?;
        self.insert(district.sites.iter().cloned().map(|row| site::Model {
            id: row.id,
            name: row.name,
            kind: row.kind.as_str().to_owned(),
            organization_id: row.organization_id,
            upgraded_on: row.upgraded_on,
            version: VERSION,
        }))
        .await
    }

    async fn branches(&mut self, district: &District) -> Result<(), StoreError> {
        // The successor of a merged branch may come after it.
        let mut branches: Vec<_> = district.branches.iter().collect();
        branches.sort_by_key(|row| row.successor_id.is_some());
        self.insert(branches.into_iter().cloned().map(|row| branch::Model {
            id: row.id,
            code: row.code,
            name: row.name,
            search_text: row.search_text,
            domain: row.domain.as_str().to_owned(),
            form: row.form.as_str().to_owned(),
            status: row.status.as_str().to_owned(),
            organization_id: row.organization_id,
            founded_on: row.founded_on,
            ended_on: row.ended_on,
            successor_id: row.successor_id,
            member_count: row.member_count,
            contact_phone: Some(row.contact_phone),
            term_ends_on: row.term_ends_on,
            version: VERSION,
            updated_at: row.updated_at,
        }))
        .await?;
        self.insert(district.terms.iter().cloned().map(|row| branch_term::Model {
            id: row.id,
            branch_id: row.branch_id,
            elected_on: row.elected_on,
            ends_on: row.ends_on,
            extended_to: row.extended_to,
            on_time: row.on_time,
            election_document: Some(row.election_document),
            extension_document: row.extension_document,
        }))
        .await?;
        self.insert(district.aliases.iter().cloned().map(|row| branch_alias::Model {
            id: row.id,
            branch_id: row.branch_id,
            code: row.code,
            source_code: row.source_code.to_owned(),
            since: row.since,
            until: row.until,
        }))
        .await?;
        self.insert(district.branch_moves.iter().map(|row| branch_move::Model {
            id: row.id,
            branch_id: row.branch_id,
            from_organization_id: row.from_organization_id,
            to_organization_id: row.to_organization_id,
            effective_on: row.effective_on,
        }))
        .await?;
        self.insert(district.gold_titles.iter().map(|row| gold_title::Model {
            id: row.id,
            branch_id: row.branch_id,
            awarded_on: row.awarded_on,
            revoked_on: row.revoked_on,
        }))
        .await
    }

    async fn brands(&mut self, brands: &[BrandRow]) -> Result<(), StoreError> {
        self.insert(brands.iter().cloned().map(|row| brand::Model {
            id: row.id,
            branch_id: row.branch_id,
            name: row.name,
            search_text: row.search_text,
            slogan: row.slogan,
            description: row.description,
            results: row.results,
            state: row.state.as_str().to_owned(),
            return_reason: row.return_reason,
            published_at: row.published_at,
            version: VERSION,
            updated_at: row.updated_at,
        }))
        .await?;
        self.insert(brands.iter().flat_map(|row| {
            row.themes
                .iter()
                .zip(0..)
                .map(|(theme, position)| brand_theme::Model {
                    brand_id: row.id,
                    position,
                    theme: (*theme).to_owned(),
                })
        }))
        .await?;
        self.insert(brands.iter().flat_map(|row| {
            row.stories
                .iter()
                .cloned()
                .zip(0..)
                .map(|(story, position)| brand_story::Model {
                    brand_id: row.id,
                    position,
                    form: story.form.as_str().to_owned(),
                    title: story.title,
                    summary: story.summary,
                    held_on: story.held_on,
                    media_url: None,
                })
        }))
        .await
    }

    async fn trainings(&mut self, district: &District) -> Result<(), StoreError> {
        let trainings = &district.trainings;
        self.insert(trainings.iter().map(|row| training_record::Model {
            id: row.id,
            topic: row.topic.clone(),
            kind: row.kind.as_str().to_owned(),
            audience: row.audience.as_str().to_owned(),
            held_on: row.held_on,
            quarter_hours: row.quarter_hours,
            organizer_id: row.organizer_id,
            site_id: row.site_id,
            attendee_count: row.participants.len() as i32,
            version: VERSION,
        }))
        .await?;
        self.insert(trainings.iter().flat_map(|row| {
            row.branches.iter().map(|&branch_id| training_branch::Model {
                training_record_id: row.id,
                branch_id,
            })
        }))
        .await?;
        self.insert(trainings.iter().flat_map(|row| {
            row.participants
                .iter()
                .map(|participant| training_participant::Model {
                    training_record_id: row.id,
                    participant: participant.as_bytes().to_vec(),
                })
        }))
        .await
    }

    async fn pairings(&mut self, district: &District) -> Result<(), StoreError> {
        let pairings = &district.pairings;
        self.insert(pairings.iter().cloned().map(|row| pairing::Model {
            id: row.id,
            form: row.form.as_str().to_owned(),
            basis: row.basis.as_str().to_owned(),
            title: row.title,
            goal: row.goal,
            year: row.year,
            state: row.state.as_str().to_owned(),
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            proposed_by_id: Some(row.proposed_by_id),
            approved_at: row.approved_at,
            end_reason: row.end_reason,
            version: VERSION,
            updated_at: row.updated_at,
        }))
        .await?;
        self.insert(pairings.iter().flat_map(|row| {
            row.members
                .iter()
                .zip(0..)
                .map(|(member, position)| pairing_member::Model {
                    pairing_id: row.id,
                    branch_id: member.branch_id,
                    role: member.role.as_str().to_owned(),
                    position,
                    accepted_at: member.accepted_at,
                    left_on: member.left_on,
                })
        }))
        .await?;
        self.insert(pairings.iter().flat_map(|row| {
            row.activities
                .iter()
                .cloned()
                .map(|activity| pairing_activity::Model {
                    id: activity.id,
                    pairing_id: row.id,
                    held_on: activity.held_on,
                    topic: activity.topic,
                    outcome: activity.outcome,
                })
        }))
        .await?;
        let activities = pairings.iter().flat_map(|row| &row.activities);
        self.insert(activities.flat_map(|activity| {
            activity
                .branches
                .iter()
                .map(|&branch_id| pairing_activity_branch::Model {
                    activity_id: activity.id,
                    branch_id,
                })
        }))
        .await
    }

    async fn settings(&mut self) -> Result<(), StoreError> {
        for (name, day) in [
            (setting::BUSINESS_DATE, BUSINESS_DATE),
            (setting::FIGURES_FROM, FIGURES_FROM),
        ] {
            setting::set(self.write, name, &day.to_string()).await?;
            self.done += 1;
        }
        (self.progress)(self.done, self.total);
        Ok(())
    }
}

/// PostgreSQL's sequences know nothing of ids that were given. SQLite takes the next after the greatest.
async fn move_sequences(write: &Write<'_>) -> Result<(), StoreError> {
    let connection = write.connection();
    if connection.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    for table in SEQUENCES {
        let sql = format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}");
        connection
            .execute_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?;
    }
    Ok(())
}
