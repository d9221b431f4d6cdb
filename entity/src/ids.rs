//! Id newtypes: a branch's id cannot be handed in where a pairing's is asked for.

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 {
                id.0
            }
        }
    )*};
}

id! {
    /// Key of `organization`.
    OrganizationId,
    /// Key of `branch`.
    BranchId,
    /// Key of `brand`.
    BrandId,
    /// Key of `site`.
    SiteId,
    /// Key of `headcount`.
    HeadcountId,
    /// Key of `training_record`.
    TrainingRecordId,
    /// Key of `pairing`.
    PairingId,
    /// Key of `pairing_activity`.
    PairingActivityId,
    /// Key of `point_source`.
    PointSourceId,
    /// Key of `point_event`.
    PointEventId,
    /// Key of `point_entry`.
    PointEntryId,
    /// Key of `posting`.
    PostingId,
    /// Key of `quarantined_entry`.
    QuarantinedEntryId,
    /// Key of `pull_run`.
    PullRunId,
    /// Key of `campaign`.
    CampaignId,
    /// Key of `rectification`.
    RectificationId,
    /// Key of `health_check`.
    HealthCheckId,
    /// Key of `examiner`.
    ExaminerId,
    /// Key of `gold_application`.
    GoldApplicationId,
    /// Key of `veto`.
    VetoId,
    /// Key of `audit_entry`.
    AuditEntryId,
}
