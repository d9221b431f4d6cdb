//! Mutations on training records and sites in the API.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::{
    super::{
        correct::{CorrectTraining, correct},
        participant::{ParticipantKey, Participants},
        record::{RecordTraining, record},
        remove::{RemoveTraining, remove},
        save_site::{SaveSite, save_site},
    },
    Site, SiteKind, SitePayload, TrainingAudience, TrainingKind, TrainingRecord,
};
use crate::{
    auth::Act,
    graphql::{
        caller::Caller,
        error::ApiError,
        inputs::VersionedInput,
        payload::{UserError, mutate},
        scalars::Date,
    },
    kernel::id::{BranchId, NodeId as _, OrganizationId, SiteId, TrainingRecordId},
    storage::StoreError,
};

/// 登记培训 · A training that was held.
#[derive(InputObject)]
pub struct RecordTrainingInput {
    /// 培训主题 · What it was about, at most 200 characters.
    topic: String,
    /// 培训形式 · How it was held.
    kind: TrainingKind,
    /// 培训对象 · For whom.
    audience: TrainingAudience,
    /// 培训日期 · The day it was held; not in the future.
    held_on: Date,
    /// 学时 · Credit hours each participant earned: a multiple of 0.25, at most 1,000.
    hours: f64,
    /// 主办组织 · Who held it.
    organizer_id: ID,
    /// 培训地点 · The site it was held at, if at one.
    site_id: Option<ID>,
    /// 参加支部 · The branches that took part, each once; founded by that day.
    branch_ids: Vec<ID>,
    /// 参加人员标识 · Opaque staff references, 1 to 10,000 of at most 200 characters, only kept as keyed hashes, for
    /// counting people once.
    participant_refs: Vec<String>,
}

/// 更正培训记录 · What was recorded wrongly; what is left out stays.
#[derive(InputObject)]
pub struct CorrectTrainingInput {
    /// 培训记录 · Which one.
    id: ID,
    /// 所据版本 · The version that was read.
    version: i32,
    /// 培训主题 · What it was about.
    topic: Option<String>,
    /// 培训日期 · The day it was held; not in the future.
    held_on: Option<Date>,
    /// 学时 · Credit hours each participant earned: a multiple of 0.25, at most 1,000.
    hours: Option<f64>,
    /// 培训地点 · The site it was held at; null for none.
    site_id: MaybeUndefined<ID>,
    /// 参加支部 · The branches that took part, in the place of those recorded.
    branch_ids: Option<Vec<ID>>,
    /// 参加人员标识 · Opaque staff references, in the place of those recorded.
    participant_refs: Option<Vec<String>>,
}

/// 保存阵地 · A new site, or with `id` what one is to be.
#[derive(InputObject)]
pub struct SaveSiteInput {
    /// 阵地 · Which one; left out for a new one.
    id: Option<ID>,
    /// 所据版本 · The version that was read; goes with `id`.
    version: Option<i32>,
    /// 名称 · Its name, at most 200 characters.
    name: String,
    /// 类别 · What kind of site.
    kind: SiteKind,
    /// 所属组织 · Whose it is.
    organization_id: ID,
    /// 规范提升 · When it was brought up to standard; not in the future. Left out it stays, null clears it.
    upgraded_on: MaybeUndefined<Date>,
}

/// 培训变更结果 · The record that was written or removed, or why nothing was.
#[derive(SimpleObject)]
pub struct TrainingPayload {
    /// 培训记录 · As it stands now; null for one that was removed.
    training_record: Option<TrainingRecord>,
    /// 已删除记录的标识 · The id of the record that was removed.
    removed_id: Option<ID>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// Mutations on training records and sites.
#[derive(Default)]
pub struct TrainingMutation;

#[Object]
impl TrainingMutation {
    /// 登记培训 · Records a training that was held (its organizer's committee, or the district).
    async fn record_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "培训 · What was held.")] input: RecordTrainingInput,
    ) -> Result<TrainingPayload, ApiError> {
        let input = RecordTraining {
            topic: input.topic,
            kind: input.kind.into(),
            audience: input.audience.into(),
            held_on: input.held_on.0,
            hours: input.hours,
            organizer: OrganizationId::from_global(&input.organizer_id),
            site: input.site_id.map(|id| SiteId::from_global(&id)),
            branches: branch_ids(&input.branch_ids),
            participants: hashed(ctx, &input.participant_refs)?,
        };
        let written = mutate(ctx, Act::RecordTraining, input, |w, i| {
            Box::pin(record(w, &i.grant, &i.input))
        });
        training_payload(ctx, written.await?).await
    }

    /// 更正培训记录 · Corrects a training record (its organizer's committee, or the district).
    async fn correct_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "更正 · What was recorded wrongly.")] input: CorrectTrainingInput,
    ) -> Result<TrainingPayload, ApiError> {
        let site: Option<Option<ID>> = input.site_id.into();
        let input = CorrectTraining {
            id: TrainingRecordId::from_global(&input.id),
            version: input.version,
            topic: input.topic,
            held_on: input.held_on.map(|day| day.0),
            hours: input.hours,
            site: site.map(|id| id.map(|id| SiteId::from_global(&id))),
            branches: input.branch_ids.as_deref().map(branch_ids),
            participants: match &input.participant_refs {
                Some(references) => Some(hashed(ctx, references)?),
                None => None,
            },
        };
        let written = mutate(ctx, Act::CorrectTraining, input, |w, i| {
            Box::pin(correct(w, &i.grant, &i.input))
        });
        training_payload(ctx, written.await?).await
    }

    /// 删除培训记录 · Removes a training record (its organizer's committee, or the district).
    async fn remove_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "培训记录及版本 · Which record.")] input: VersionedInput,
    ) -> Result<TrainingPayload, ApiError> {
        let input = RemoveTraining {
            id: TrainingRecordId::from_global(&input.id),
            version: input.version,
        };
        let (removed, user_errors) = mutate(ctx, Act::RemoveTraining, input, |w, i| {
            Box::pin(remove(w, &i.grant, &i.input))
        })
        .await?;
        Ok(TrainingPayload {
            training_record: None,
            removed_id: removed.map(|id| id.global().into()),
            user_errors,
        })
    }

    /// 保存阵地 · Makes a site or writes what changes of one (its organization's committee, or the district).
    async fn save_site(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "阵地 · What is to be kept.")] input: SaveSiteInput,
    ) -> Result<SitePayload, ApiError> {
        let upgraded_on: Option<Option<Date>> = input.upgraded_on.into();
        let input = SaveSite {
            id: input.id.map(|id| SiteId::from_global(&id)),
            version: input.version,
            name: input.name,
            kind: input.kind.into(),
            organization: OrganizationId::from_global(&input.organization_id),
            upgraded_on: upgraded_on.map(|day| day.map(|day| day.0)),
        };
        let (id, user_errors) = mutate(ctx, Act::SaveSite, input, |w, i| {
            Box::pin(save_site(w, &i.grant, &i.input))
        })
        .await?;
        let site = match id {
            Some(id) => Site::load(Caller::of(ctx)?, id).await?,
            None => None,
        };
        Ok(SitePayload { site, user_errors })
    }
}

fn branch_ids(ids: &[ID]) -> Vec<Option<BranchId>> {
    ids.iter().map(|id| BranchId::from_global(id)).collect()
}

/// The references hashed, here and at once: nothing that a caller sent about a person goes further.
fn hashed(ctx: &Context<'_>, references: &[String]) -> Result<Participants, ApiError> {
    let key = ctx.data_opt::<ParticipantKey>().ok_or_else(|| {
        ApiError::from(StoreError::Corrupt(
            "a schema without a participant key".to_owned(),
        ))
    })?;
    Ok(key.hash_all(references))
}

async fn training_payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<TrainingRecordId>, Vec<UserError>),
) -> Result<TrainingPayload, ApiError> {
    let training_record = match id {
        Some(id) => TrainingRecord::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(TrainingPayload {
        training_record,
        removed_id: None,
        user_errors,
    })
}
