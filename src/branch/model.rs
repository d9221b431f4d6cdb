//! What a branch is, and the rules it holds (DOMAIN 2).

use chrono::{DateTime, Months, NaiveDate, Utc};

use crate::kernel::{
    id::{BranchId, OrganizationId},
    names::stored_names,
};

stored_names! {
    /// Field (领域) of a branch.
    Domain {
        /// 农村
        Rural => "RURAL",
        /// 社区
        Community => "COMMUNITY",
        /// 机关
        Government => "GOVERNMENT",
        /// 事业单位
        PublicInstitution => "PUBLIC_INSTITUTION",
        /// 国有企业
        StateOwned => "STATE_OWNED",
        /// 非公企业
        NonPublic => "NON_PUBLIC",
        /// 社会组织
        SocialOrg => "SOCIAL_ORG",
    }
}

impl Domain {
    /// Years of a committee's term: villages and communities 5, all others 3
    /// (《中国共产党支部工作条例(试行)》, 《中国共产党基层组织选举工作条例》2020).
    pub fn term_years(self) -> u32 {
        match self {
            Domain::Rural | Domain::Community => 5,
            _ => 3,
        }
    }
}

stored_names! {
    /// How a branch is set up.
    BranchForm {
        /// 单独组建
        Single => "SINGLE",
        /// 联合党支部
        Joint => "JOINT",
        /// 临时党支部: no election, no health check, no gold, no ranks; ends with its task.
        Temporary => "TEMPORARY",
    }
}

stored_names! {
    /// Whether a branch goes on.
    BranchStatus {
        /// 运行
        Active => "ACTIVE",
        /// 已合并
        Merged => "MERGED",
        /// 已撤销
        Dissolved => "DISSOLVED",
    }
}

/// How a branch stands in its term of office.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TermState {
    /// 任期内
    InTerm,
    /// 临近届满
    DueSoon,
    /// 届满未换届
    Overdue,
    /// Temporary, ended, or no election recorded yet.
    NotApplicable,
}

/// A branch as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its key.
    pub id: BranchId,
    /// Its code, normalized and unique.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The field it works in (领域).
    pub domain: Domain,
    /// Its form of organization.
    pub form: BranchForm,
    /// Whether it is active, merged or dissolved.
    pub status: BranchStatus,
    /// The committee or general branch directly above.
    pub organization_id: OrganizationId,
    /// The day it was founded.
    pub founded_on: NaiveDate,
    /// The day it was merged or dissolved.
    pub ended_on: Option<NaiveDate>,
    /// The branch it was merged into.
    pub successor_id: Option<BranchId>,
    /// Party members, in persons.
    pub member_count: i32,
    /// Office line; shown only up the branch's own chain.
    pub contact_phone: Option<String>,
    /// The (extended) end of the latest term.
    pub term_ends_on: Option<NaiveDate>,
    /// Grows with every change.
    pub version: i32,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Branch {
    /// Where it stands in its term on a day; DUE_SOON within `due_soon_months` of the end.
    pub fn term_state(&self, today: NaiveDate, due_soon_months: u32) -> TermState {
        let (BranchStatus::Active, BranchForm::Single | BranchForm::Joint, Some(end)) =
            (self.status, self.form, self.term_ends_on)
        else {
            return TermState::NotApplicable;
        };
        if today > end {
            TermState::Overdue
        } else if today
            .checked_add_months(Months::new(due_soon_months))
            .is_none_or(|soon| soon >= end)
        {
            TermState::DueSoon
        } else {
            TermState::InTerm
        }
    }

    /// Whether it goes on.
    pub fn is_active(&self) -> bool {
        self.status == BranchStatus::Active
    }
}

/// A committee's term of office (届).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whose term it is.
    pub branch_id: BranchId,
    /// The day of the election that opened it.
    pub elected_on: NaiveDate,
    /// Its regular end, before any extension.
    pub ends_on: NaiveDate,
    /// Approved extension, at most one year.
    pub extended_to: Option<NaiveDate>,
    /// Whether the election that opened it was held by the end of the one before; None for a first term.
    pub on_time: Option<bool>,
}
