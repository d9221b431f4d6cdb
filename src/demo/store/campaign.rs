//! The year's campaign: its template, its checks, what was to be put right, and the gold selection.

use entity::{
    campaign, check_examiner, check_item, check_result, check_template, check_visit, examiner,
    gold_application, gold_minimum, gold_step, health_check, rectification, rectification_step, veto,
};
use sea_orm::{EntityTrait as _, QueryOrder as _};
use serde::Serialize;

use super::Loading;
use crate::{
    campaign::template,
    demo::{
        District,
        campaign::template_published_at,
        rows::{RectificationRow, ResultRow},
    },
    gold::GoldState,
    storage::StoreError,
};

impl Loading<'_, '_> {
    /// The template as the next version, and the campaign that follows it.
    pub(super) async fn campaign(&mut self, district: &District) -> Result<(), StoreError> {
        // Somebody may have published one of their own before.
        let latest = check_template::Entity::find().order_by_desc(check_template::Column::Version);
        let latest = latest.one(self.write.connection()).await?;
        let version = latest.map_or(0, |row| row.version) + 1;
        self.insert([check_template::Model {
            version,
            published_at: template_published_at(),
            content: template::content(&district.template),
        }])
        .await?;
        self.insert(
            (0..)
                .zip(&district.template)
                .map(|(position, item)| check_item::Model {
                    template_version: version,
                    position,
                    code: item.code.clone(),
                    aspect: item.aspect.as_str().to_owned(),
                    domain: item.domain.map(|domain| domain.as_str().to_owned()),
                    name_zh: item.name_zh.clone(),
                    name_en: item.name_en.clone(),
                    verification: item.verification.as_str().to_owned(),
                    weight: item.weight,
                    mandatory: item.mandatory,
                }),
        )
        .await?;
        let (row, rules) = (&district.campaign, &district.gold_plan.rules);
        self.insert([campaign::Model {
            id: row.id,
            year: row.year,
            theme: row.theme.clone(),
            template_version: version,
            window_from: row.window_from,
            window_to: row.window_to,
            total_quota: Some(rules.total_quota),
            require_brand: Some(rules.require_brand),
            top_percent: Some(rules.top_percent),
            points_period: Some(rules.points_period.to_string()),
        }])
        .await?;
        let minimums = district.gold_plan.minimums.iter();
        self.insert(minimums.map(|(domain, count)| gold_minimum::Model {
            campaign_id: row.id,
            domain: domain.as_str().to_owned(),
            count: *count,
        }))
        .await
    }

    pub(super) async fn checks(&mut self, district: &District) -> Result<(), StoreError> {
        let campaign_id = district.campaign.id;
        self.insert(district.examiners.iter().cloned().map(|row| examiner::Model {
            id: row.id,
            subject: row.subject,
        }))
        .await?;
        let checks = &district.checks;
        self.insert(checks.iter().map(|row| health_check::Model {
            id: row.id,
            campaign_id,
            branch_id: row.branch_id,
            stage: row.stage.as_str().to_owned(),
            outcome: row.outcome.as_str().to_owned(),
            regular_score: row.regular_score,
            tailored_score: Some(row.tailored_score),
            evaluation: Some(row.evaluation.clone()),
            version: row.version,
            updated_at: row.updated_at,
        }))
        .await?;
        let results = checks
            .iter()
            .flat_map(|row| row.results.iter().map(|result| (row.id, result)));
        let results: Result<Vec<_>, StoreError> = results
            .map(|(health_check_id, result)| {
                let ResultRow {
                    position,
                    item_code,
                    self_verdict,
                    verdict,
                    score,
                    overruled,
                    computed,
                    evidence,
                    note,
                } = result;
                Ok(check_result::Model {
                    health_check_id,
                    position: *position,
                    item_code: item_code.clone(),
                    self_verdict: self_verdict.as_str().to_owned(),
                    verdict: verdict.as_str().to_owned(),
                    score: *score,
                    overruled: *overruled,
                    computed: computed.as_ref().map(as_json).transpose()?,
                    evidence: as_json(evidence)?,
                    note: note.map(str::to_owned),
                })
            })
            .collect();
        self.insert(results?).await?;
        self.insert(checks.iter().flat_map(|row| {
            row.visits.iter().map(|visit| check_visit::Model {
                health_check_id: row.id,
                kind: visit.kind.as_str().to_owned(),
                visited_on: visit.visited_on,
                summary: visit.summary.to_owned(),
                recorded_by: visit.recorded_by.clone(),
            })
        }))
        .await?;
        self.insert(checks.iter().flat_map(|row| {
            row.examiners.iter().map(|&examiner_id| check_examiner::Model {
                health_check_id: row.id,
                examiner_id,
            })
        }))
        .await
    }

    pub(super) async fn rectifications(&mut self, found: &[RectificationRow]) -> Result<(), StoreError> {
        self.insert(found.iter().map(|found| found.row.clone()).map(|row| {
            let support: Vec<&str> = row.support.iter().map(|means| means.as_str()).collect();
            rectification::Model {
                id: row.id,
                branch_id: row.branch_id,
                health_check_id: row.health_check_id,
                origin: row.origin.as_str().to_owned(),
                aspect: row.aspect.as_str().to_owned(),
                item_code: row.item_code,
                title: row.title,
                prescription: row.prescription,
                support: support.join(" "),
                severity: row.severity.as_str().to_owned(),
                state: row.state.as_str().to_owned(),
                raised_on: row.raised_on,
                due_on: row.due_on,
                closed_on: row.closed_on,
                next_review_on: row.next_review_on,
                submitted_by: row.submitted_by,
                version: row.version,
                updated_at: row.updated_at,
            }
        }))
        .await?;
        let steps = found.iter().flat_map(|found| &found.steps);
        self.insert((1..).zip(steps).map(|(id, step)| rectification_step::Model {
            id,
            rectification_id: step.rectification_id,
            state: step.state.as_str().to_owned(),
            at: step.at,
            by: step.by.clone(),
            note: step.note.clone(),
        }))
        .await
    }

    pub(super) async fn selection(&mut self, district: &District) -> Result<(), StoreError> {
        let applications: Result<Vec<_>, StoreError> = district
            .applications
            .iter()
            .map(|application| {
                let row = &application.row;
                let last = application.steps.last();
                Ok(gold_application::Model {
                    id: row.id,
                    campaign_id: row.campaign_id,
                    branch_id: row.branch_id,
                    state: row.state.as_str().to_owned(),
                    before_veto: row.before_veto.map(GoldState::as_str).map(str::to_owned),
                    statement: row.statement.clone(),
                    eligibility: as_json(&row.eligibility)?,
                    awarded_on: row.awarded_on,
                    version: row.version,
                    updated_at: last.map_or_else(template_published_at, |step| step.at),
                })
            })
            .collect();
        self.insert(applications?).await?;
        let steps = district.applications.iter().flat_map(|row| &row.steps);
        self.insert((1..).zip(steps).map(|(id, step)| gold_step::Model {
            id,
            application_id: step.application_id,
            state: step.state.as_str().to_owned(),
            at: step.at,
            by: step.by.clone(),
            opinion: step.opinion.clone(),
        }))
        .await?;
        self.insert(district.vetoes.iter().cloned().map(|row| veto::Model {
            id: row.id,
            branch_id: row.branch_id,
            kind: row.kind.as_str().to_owned(),
            occurred_on: row.occurred_on,
            document_number: row.document_number,
            lifted_on: row.lifted_on,
        }))
        .await
    }
}

fn as_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("the demonstration: {error}")))
}
