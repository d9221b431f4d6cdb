//! What entries mean for totals (docs/domain.md, 14).
//!
//! An event is (source, eventId, kind); of its booked revisions only the greatest counts. A [`Book`] holds the greatest
//! revisions of some events of one source, books further entries, and tells what each changed.

mod error;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

pub use error::LedgerError;

use crate::kernel::{
    id::{BranchId, PointEntryId, PointSourceId},
    names::stored_names,
    period::Period,
    points::Points,
};

stored_names! {
    /// What an entry does.
    EntryKind {
        /// 积分: an activity earned points.
        Earn => "EARN",
        /// 冲正: the event that it names counts nothing.
        Reversal => "REVERSAL",
        /// 更正: the event that it names is worth this instead.
        Correction => "CORRECTION",
        /// 调整: the district's own, with a document number; never a platform's.
        Adjustment => "ADJUSTMENT",
    }
}

impl EntryKind {
    /// Whether it answers an EARN event and counts where that one does.
    pub fn answers(self) -> bool {
        matches!(self, Self::Reversal | Self::Correction)
    }
}

stored_names! {
    /// What points were earned with.
    Activity {
        /// 党员大会
        GeneralMeeting => "GENERAL_MEETING",
        /// 支委会
        CommitteeMeeting => "COMMITTEE_MEETING",
        /// 党小组会
        GroupMeeting => "GROUP_MEETING",
        /// 党课
        PartyLecture => "PARTY_LECTURE",
        /// 主题党日
        ThemeDay => "THEME_DAY",
        /// 组织生活会
        LifeMeeting => "LIFE_MEETING",
        /// 民主评议党员
        DemocraticAppraisal => "DEMOCRATIC_APPRAISAL",
        /// 志愿服务
        Volunteering => "VOLUNTEERING",
        /// 学习培训
        Study => "STUDY",
        /// 共建活动
        JointActivity => "JOINT_ACTIVITY",
        /// 信息维护
        DataUpkeep => "DATA_UPKEEP",
        /// 其他
        Other => "OTHER",
    }
}

/// What of an entry decides about totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The platform's name for what happened.
    pub event_id: String,
    /// The greatest revision of an event counts.
    pub revision: i32,
    /// What it does.
    pub kind: EntryKind,
    /// Whose points they are. That of a reversal or correction is not used.
    pub branch: BranchId,
    /// How many. Those of a reversal are not used.
    pub points: Points,
    /// When it happened; of a correction, only its order among corrections.
    pub occurred_at: DateTime<Utc>,
    /// The EARN event that a reversal or correction answers.
    pub refers_to: Option<String>,
}

/// A line of the ledger, as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its key.
    pub id: PointEntryId,
    /// Where it came from.
    pub source_id: PointSourceId,
    /// The platform's name for what happened.
    pub event_id: String,
    /// From 1.
    pub revision: i32,
    /// What it does.
    pub kind: EntryKind,
    /// Whose points they are; of an answer, those of the event that it answered when it was booked.
    pub branch_id: BranchId,
    /// What the points were earned with.
    pub activity: Activity,
    /// How many.
    pub points: Points,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When it came, by the machine's clock.
    pub received_at: DateTime<Utc>,
    /// The EARN event that a reversal or correction answers.
    pub refers_to: Option<String>,
    /// A remark.
    pub note: Option<String>,
    /// The decision that an adjustment rests on.
    pub document_number: Option<String>,
}

/// A signed amount on a branch's total, counted in the month and year of `counted_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Whose total.
    pub branch: BranchId,
    /// When the event happened.
    pub counted_at: DateTime<Utc>,
    /// How much; never zero.
    pub amount: Points,
}

/// What an event is worth, and where it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// For which branch.
    pub branch: BranchId,
    /// When it happened.
    pub counted_at: DateTime<Utc>,
    /// What it is worth now; zero once it is reversed.
    pub value: Points,
}

impl Standing {
    /// The branch and month in which it counts.
    pub fn place(&self) -> (BranchId, Period) {
        (self.branch, Period::month_of(self.counted_at))
    }
}

/// How an entry changed the standing of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Before it; none where the event was not booked yet.
    pub before: Option<Standing>,
    /// With it.
    pub after: Standing,
}

impl Effect {
    /// What it changes in totals: nothing, one amount, or two where the event moves to another branch or month.
    pub fn postings(&self) -> Vec<Posting> {
        let post = |standing: &Standing, amount| Posting {
            branch: standing.branch,
            counted_at: standing.counted_at,
            amount,
        };
        let postings = match &self.before {
            Some(before) if before.place() == self.after.place() => {
                vec![post(&self.after, self.after.value - before.value)]
            }
            Some(before) => vec![post(before, -before.value), post(&self.after, self.after.value)],
            None => vec![post(&self.after, self.after.value)],
        };
        postings
            .into_iter()
            .filter(|posting| !posting.amount.is_zero())
            .collect()
    }

    /// How many events more, or fewer, count in a branch and month.
    pub fn counts(&self) -> Vec<((BranchId, Period), i64)> {
        let after = self.after.place();
        match self.before.as_ref().map(Standing::place) {
            Some(before) if before == after => Vec::new(),
            Some(before) => vec![(before, -1), (after, 1)],
            None => vec![(after, 1)],
        }
    }
}

/// A reversal or correction names no EARN event that is booked: it waits until one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such EARN event")]
pub struct UnknownReference;

/// An event's name within its source.
type EventKey = (String, EntryKind);

/// The greatest booked revisions of some events of one source: of all that are booked or named, and of all that name
/// these.
#[derive(Clone, Debug, Default)]
pub struct Book {
    greatest: HashMap<EventKey, Line>,
    /// The reversals and corrections that name an EARN event.
    answers: HashMap<String, BTreeSet<EventKey>>,
}

impl Book {
    /// A book in which these are the greatest revisions of their events.
    pub fn of(greatest: impl IntoIterator<Item = Line>) -> Self {
        let mut book = Self::default();
        for line in greatest {
            book.put(line);
        }
        book
    }

    /// The greatest revision of an event.
    pub fn greatest(&self, event_id: &str, kind: EntryKind) -> Option<&Line> {
        self.greatest.get(&(event_id.to_owned(), kind))
    }

    /// Whether an EARN event of that name is booked.
    pub fn has_earned(&self, event_id: &str) -> bool {
        self.greatest(event_id, EntryKind::Earn).is_some()
    }

    /// What an event counts; none where it is not booked, or answers another.
    pub fn standing(&self, event_id: &str, kind: EntryKind) -> Option<Standing> {
        let line = self.greatest(event_id, kind).filter(|_| !kind.answers())?;
        let value = match kind {
            EntryKind::Earn => self.worth(line),
            _ => line.points,
        };
        Some(Standing {
            branch: line.branch,
            counted_at: line.occurred_at,
            value,
        })
    }

    /// Zero if a reversal names it, else what the latest correction says, else its own points.
    fn worth(&self, earned: &Line) -> Points {
        let answers = || {
            let keys = self.answers.get(&earned.event_id).into_iter().flatten();
            keys.filter_map(|key| self.greatest.get(key))
        };
        if answers().any(|line| line.kind == EntryKind::Reversal) {
            return Points::ZERO;
        }
        answers()
            .max_by_key(|line| (line.occurred_at, &line.event_id, line.revision))
            .map_or(earned.points, |correction| correction.points)
    }

    /// Books an entry whose key is not booked yet; gives what it changed, which is nothing where a greater revision is
    /// booked already.
    ///
    /// # Errors
    ///
    /// [`UnknownReference`]; then nothing has changed.
    pub fn book(&mut self, line: Line) -> Result<Vec<Effect>, UnknownReference> {
        if line.kind.answers() && !line.refers_to.as_deref().is_some_and(|id| self.has_earned(id)) {
            return Err(UnknownReference);
        }
        let earlier = self.greatest(&line.event_id, line.kind);
        if earlier.is_some_and(|earlier| earlier.revision >= line.revision) {
            return Ok(Vec::new());
        }
        let touched: BTreeSet<EventKey> = if line.kind.answers() {
            // The event that it named so far, too: a later revision may name another.
            let named = [
                earlier.and_then(|line| line.refers_to.clone()),
                line.refers_to.clone(),
            ];
            named
                .into_iter()
                .flatten()
                .map(|id| (id, EntryKind::Earn))
                .collect()
        } else {
            BTreeSet::from([(line.event_id.clone(), line.kind)])
        };
        let before: Vec<Option<Standing>> = touched
            .iter()
            .map(|(id, kind)| self.standing(id, *kind))
            .collect();
        self.put(line);
        Ok(touched
            .iter()
            .zip(before)
            .filter_map(|((id, kind), before)| {
                let after = self.standing(id, *kind)?;
                (before.as_ref() != Some(&after)).then_some(Effect { before, after })
            })
            .collect())
    }

    fn put(&mut self, line: Line) {
        let key = (line.event_id.clone(), line.kind);
        let named = line.refers_to.clone().filter(|_| line.kind.answers());
        let earlier = self.greatest.insert(key.clone(), line);
        if let Some(named) = earlier.and_then(|line| line.refers_to)
            && let Some(answers) = self.answers.get_mut(&named)
        {
            answers.remove(&key);
        }
        if let Some(named) = named {
            self.answers.entry(named).or_default().insert(key);
        }
    }
}
