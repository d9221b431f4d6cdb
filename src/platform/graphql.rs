//! Pulling in the API.

mod mutation;
mod run;
mod source_part;

use async_graphql::Enum;
pub use mutation::PlatformMutation;
pub use run::PullRun;
pub use source_part::SourcePulls;

use super::model;

/// 来源状态 · What a source is doing.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::SourceState")]
pub enum SourceState {
    /// 空闲 · It waits for its time; also a source that is pushed into only.
    Idle,
    /// 拉取中
    Pulling,
    /// 退避中 · Runs failed; the next one is tried soon.
    BackingOff,
    /// 熔断 · So many runs failed that the platform is left alone; a probe is made when its time has come.
    OpenCircuit,
    /// 已暂停 · Somebody paused it.
    Paused,
}
