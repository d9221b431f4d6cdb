//! What a training record and a site are, and the rules they hold.

use chrono::NaiveDate;

use crate::kernel::{
    id::{OrganizationId, SiteId, TrainingRecordId},
    message::Message,
    names::stored_names,
    refusal::Refusal,
};

stored_names! {
    /// The contract's `TrainingKind`.
    TrainingKind {
        /// 集中培训
        Centralized => "CENTRALIZED",
        /// 轮训
        Rotation => "ROTATION",
        /// 党课
        Lecture => "LECTURE",
        /// 实训
        Practical => "PRACTICAL",
        /// 线上
        Online => "ONLINE",
    }
}

stored_names! {
    /// The contract's `TrainingAudience`.
    TrainingAudience {
        /// 支部书记
        Secretary => "SECRETARY",
        /// 党务工作者
        PartyWorker => "PARTY_WORKER",
        /// 党员
        Member => "MEMBER",
    }
}

impl TrainingAudience {
    /// Those whose training the district counts: secretaries and Party workers, not members.
    pub const COUNTED: [TrainingAudience; 2] = [TrainingAudience::Secretary, TrainingAudience::PartyWorker];
}

stored_names! {
    /// The contract's `SiteKind`.
    SiteKind {
        /// 党建实训基地
        TrainingBase => "TRAINING_BASE",
        /// 邻里驿站
        NeighbourhoodStation => "NEIGHBOURHOOD_STATION",
        /// 党群服务中心
        ServiceCentre => "SERVICE_CENTRE",
    }
}

/// Credit hours (学时), held exactly as a count of quarters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuarterHours(i32);

impl QuarterHours {
    /// Hours that are a multiple of 0.25, from 0.25 to 1,000.
    pub fn from_hours(hours: f64) -> Result<Self, TrainingError> {
        // Multiplying by four is exact in binary, so a multiple of 0.25 gives a whole number and nothing else does.
        let quarters = hours * 4.0;
        if quarters.fract() == 0.0 && (1.0..=4000.0).contains(&quarters) {
            Ok(Self(quarters as i32))
        } else {
            Err(TrainingError::Hours)
        }
    }

    /// The stored count of quarters.
    pub fn from_quarters(quarters: i32) -> Self {
        Self(quarters)
    }

    /// The count of quarters, to be stored.
    pub fn quarters(self) -> i32 {
        self.0
    }

    /// Hours, exact: a quarter is a binary fraction.
    pub fn hours(self) -> f64 {
        f64::from(self.0) / 4.0
    }
}

/// A training that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingRecord {
    /// Its key.
    pub id: TrainingRecordId,
    /// What it was about.
    pub topic: String,
    /// How it was held.
    pub kind: TrainingKind,
    /// For whom.
    pub audience: TrainingAudience,
    /// The day it was held, or began.
    pub held_on: NaiveDate,
    /// Credit hours that each participant earned.
    pub hours: QuarterHours,
    /// Who held it.
    pub organizer_id: OrganizationId,
    /// Where, if at a site.
    pub site_id: Option<SiteId>,
    /// Attendances (人次): participants of this training, each once.
    pub attendee_count: i32,
    /// Grows with every change.
    pub version: i32,
}

/// A site that trainings are held at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its key.
    pub id: SiteId,
    /// Its name.
    pub name: String,
    /// What kind of site.
    pub kind: SiteKind,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// 规范提升: when it was brought up to standard.
    pub upgraded_on: Option<NaiveDate>,
    /// Grows with every change.
    pub version: i32,
}

/// How many references a training takes.
pub const MAX_PARTICIPANTS: usize = 10_000;
/// How many characters a reference has at most.
pub const MAX_REFERENCE: usize = 200;
/// How many branches a training takes.
pub const MAX_BRANCHES: usize = 1_000;

/// Rules of trainings and sites that a mutation can run against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainingError {
    /// A day after today.
    #[error("in the future")]
    InTheFuture(&'static str, NaiveDate),
    /// Not a multiple of 0.25 between 0.25 and 1,000.
    #[error("hours")]
    Hours,
    /// No reference at all.
    #[error("no participants")]
    NobodyCame,
    /// More than [`MAX_PARTICIPANTS`].
    #[error("too many participants")]
    TooManyParticipants(usize),
    /// The reference of this place is empty or longer than [`MAX_REFERENCE`].
    #[error("reference {0}")]
    Reference(usize),
    /// More than [`MAX_BRANCHES`].
    #[error("too many branches")]
    TooManyBranches(usize),
    /// The branch of this place stands in the list before.
    #[error("branch {0} named twice")]
    BranchTwice(usize),
    /// The branch of this place was founded on a later day.
    #[error("branch {0} founded later")]
    FoundedLater(usize, NaiveDate),
    /// The branch of this place had ended by then.
    #[error("branch {0} ended before")]
    EndedBefore(usize, NaiveDate),
    /// A site's `id` without its `version`.
    #[error("no version")]
    NoVersion,
    /// A `version` without `id`.
    #[error("a version of nothing")]
    VersionOfNothing,
}

impl From<TrainingError> for Refusal {
    fn from(error: TrainingError) -> Self {
        match error {
            TrainingError::InTheFuture(field, today) => Refusal::rule(
                &[field],
                Message::new(
                    format!("日期不得晚于今日（{today}）"),
                    format!("The day is after today ({today})"),
                ),
            ),
            TrainingError::Hours => Refusal::invalid(
                &["hours"],
                Message::new(
                    "学时须为 0.25 的整数倍，最少 0.25，最多 1000",
                    "Hours are a multiple of 0.25, at least 0.25 and at most 1000",
                ),
            ),
            TrainingError::NobodyCame => Refusal::invalid(
                &["participantRefs"],
                Message::new("至少有一名参加人员", "At least one participant is needed"),
            ),
            TrainingError::TooManyParticipants(given) => Refusal::invalid(
                &["participantRefs"],
                Message::new(
                    format!("参加人员最多 {MAX_PARTICIPANTS} 名，现有 {given} 名"),
                    format!("At most {MAX_PARTICIPANTS} participants, {given} were given"),
                ),
            ),
            TrainingError::Reference(place) => Refusal::invalid(
                &["participantRefs", &place.to_string()],
                Message::new(
                    format!("人员标识须为 1 至 {MAX_REFERENCE} 个字符"),
                    format!("A reference has 1 to {MAX_REFERENCE} characters"),
                ),
            ),
            TrainingError::TooManyBranches(given) => Refusal::invalid(
                &["branchIds"],
                Message::new(
                    format!("参加的党支部最多 {MAX_BRANCHES} 个，现有 {given} 个"),
                    format!("At most {MAX_BRANCHES} branches, {given} were given"),
                ),
            ),
            TrainingError::BranchTwice(place) => Refusal::invalid(
                &["branchIds", &place.to_string()],
                Message::new("党支部重复", "The branch is named twice"),
            ),
            TrainingError::FoundedLater(place, founded) => Refusal::rule(
                &["branchIds", &place.to_string()],
                Message::new(
                    format!("该党支部成立于 {founded}，培训时尚未成立"),
                    format!("The branch was founded on {founded}, after the training"),
                ),
            ),
            TrainingError::EndedBefore(place, ended) => Refusal::rule(
                &["branchIds", &place.to_string()],
                Message::new(
                    format!("该党支部已于 {ended} 终止，早于培训日期"),
                    format!("The branch ended on {ended}, before the training"),
                ),
            ),
            TrainingError::NoVersion => Refusal::invalid(
                &["version"],
                Message::new(
                    "修改阵地须注明所据版本",
                    "A change names the version that was read",
                ),
            ),
            TrainingError::VersionOfNothing => Refusal::invalid(
                &["version"],
                Message::new(
                    "新建阵地没有版本可依据",
                    "A new site has no version that could have been read",
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_quarters_from_one_quarter_to_a_thousand() {
        for (hours, quarters) in [(0.25, 1), (1.0, 4), (7.75, 31), (1000.0, 4000)] {
            let given = QuarterHours::from_hours(hours).unwrap();
            assert_eq!(given.quarters(), quarters);
            assert_eq!(given.hours(), hours);
        }
        for hours in [
            0.0,
            0.1,
            0.3,
            1.000_000_1,
            -0.25,
            1000.25,
            1e300,
            f64::NAN,
            f64::INFINITY,
        ] {
            assert_eq!(
                QuarterHours::from_hours(hours),
                Err(TrainingError::Hours),
                "{hours}"
            );
        }
    }

    #[test]
    fn every_stored_name_reads_back() {
        for &kind in TrainingKind::ALL {
            assert_eq!(TrainingKind::parse(kind.as_str()), Some(kind));
        }
        for &audience in TrainingAudience::ALL {
            assert_eq!(TrainingAudience::parse(audience.as_str()), Some(audience));
        }
        for &kind in SiteKind::ALL {
            assert_eq!(SiteKind::parse(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn a_refusal_about_a_place_in_a_list_names_it() {
        let day = NaiveDate::from_ymd_opt(2022, 1, 1).unwrap();
        assert_eq!(
            Refusal::from(TrainingError::Reference(7)).path,
            ["participantRefs", "7"]
        );
        assert_eq!(
            Refusal::from(TrainingError::BranchTwice(1)).path,
            ["branchIds", "1"]
        );
        assert_eq!(
            Refusal::from(TrainingError::FoundedLater(2, day)).path,
            ["branchIds", "2"]
        );
    }
}
