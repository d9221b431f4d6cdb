//! Mutations on sources.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::{
    super::{
        PulledSource, PulledSources,
        pause::{PauseSource, pause},
        pull_now::{PullNow, pull_now},
    },
    PullRun,
};
use crate::{
    auth::Act,
    graphql::{
        caller::Caller,
        error::ApiError,
        payload::{UserError, mutate},
    },
    kernel::text,
    points::graphql::PointSource,
};

/// 立即拉取 · Which source.
#[derive(InputObject)]
pub struct PullPointsInput {
    /// 来源代码 · Which one.
    source_code: String,
}

/// 暂停来源 · What was decided about a source.
#[derive(InputObject)]
pub struct PauseSourceInput {
    /// 来源代码 · Which one.
    source_code: String,
    /// 是否暂停 · Whether it is to be pulled no more; false lets it go on.
    paused: bool,
}

/// 立即拉取结果 · The run, or why none begins.
#[derive(SimpleObject)]
pub struct PullPointsPayload {
    /// 拉取记录 · The run; it begins as soon as somebody takes it up, within seconds.
    run: Option<PullRun>,
    /// 拒绝原因 · Why none begins; empty when one does.
    user_errors: Vec<UserError>,
}

/// 来源结果 · The source as it stands now, or why nothing was changed.
#[derive(SimpleObject)]
pub struct PointSourcePayload {
    /// 积分来源 · As it stands now.
    point_source: Option<PointSource>,
    /// 拒绝原因 · Why nothing was changed; empty when it was.
    user_errors: Vec<UserError>,
}

/// Mutations on sources.
#[derive(Default)]
pub struct PlatformMutation;

#[Object]
impl PlatformMutation {
    /// 立即拉取 · Asks for a run of a source that is pulled, ahead of its time (the district). Refused while it is paused, frozen or
    /// being pulled.
    async fn pull_points(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "来源 · Which one.")] input: PullPointsInput,
    ) -> Result<PullPointsPayload, ApiError> {
        let pulled = pulled(ctx, &input.source_code);
        let input = PullNow {
            source_code: input.source_code,
            freeze: pulled.map(|pulled| pulled.freeze.clone()),
        };
        let (id, user_errors) = mutate(ctx, Act::PullPoints, input, |w, i| {
            Box::pin(pull_now(w, &i.grant, &i.input))
        })
        .await?;
        let run = match id {
            Some(id) => PullRun::load(Caller::of(ctx)?, id).await?,
            None => None,
        };
        wake(pulled);
        Ok(PullPointsPayload { run, user_errors })
    }

    /// 暂停来源 · Pauses a source that is pulled, or lets it go on (the district). A run that is on ends with the page that is under
    /// way. What is pushed is booked all the same.
    async fn pause_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "决定 · What was decided.")] input: PauseSourceInput,
    ) -> Result<PointSourcePayload, ApiError> {
        let pulled = pulled(ctx, &input.source_code);
        let input = PauseSource {
            source_code: input.source_code,
            paused: input.paused,
            is_pulled: pulled.is_some(),
        };
        let (id, user_errors) = mutate(ctx, Act::PauseSource, input, |w, i| {
            Box::pin(pause(w, &i.grant, &i.input))
        })
        .await?;
        let point_source = match id {
            Some(id) => PointSource::load(Caller::of(ctx)?, id).await?,
            None => None,
        };
        wake(pulled);
        Ok(PointSourcePayload {
            point_source,
            user_errors,
        })
    }
}

/// The source of a code, if this service pulls it.
fn pulled<'c>(ctx: &'c Context<'_>, code: &str) -> Option<&'c PulledSource> {
    let code = text::code(code).ok()?;
    ctx.data_opt::<PulledSources>()?.get(&code)
}

/// Its task looks now; those of other processes find it by themselves.
fn wake(pulled: Option<&PulledSource>) {
    if let Some(pulled) = pulled {
        pulled.wake.wake();
    }
}
