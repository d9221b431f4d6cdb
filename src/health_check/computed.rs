//! Computed items: what our own records say of a branch, and the verdict that follows (docs/domain.md, 18).
//!
//! Pure: whoever asks brings the [`Records`]. The other items that a template calls COMPUTED have no record here, and are
//! answered like EVIDENCE.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    counted::{Counted, Counting, Every, count},
    model::ItemVerdict,
};
use crate::{
    kernel::{message::Message, rules::Rules},
    points::Activity,
};

/// R-ORG-08: groups within the branch; where it is NOT_APPLICABLE there are no group meetings to be held (**default**).
pub const GROUPS_ITEM: &str = "R-ORG-08";

/// What an item is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Activities that points were earned with, each so often.
    Activity(Activity, Every),
    /// How many members the branch has.
    Size,
    /// How its term stands.
    Term,
    /// What it did in its pairings.
    Pairings,
    /// How it put right what was found.
    Rectifications,
}

/// The items that records answer, in the order of the template.
pub const COMPUTED_ITEMS: [(&str, Source); 11] = [
    ("R-ORG-02", Source::Size),
    ("R-ORG-05", Source::Term),
    (
        "R-DEC-01",
        Source::Activity(Activity::GeneralMeeting, Every::Quarter),
    ),
    (
        "R-DEC-02",
        Source::Activity(Activity::CommitteeMeeting, Every::Month),
    ),
    (
        "R-LIFE-01",
        Source::Activity(Activity::GroupMeeting, Every::Month),
    ),
    (
        "R-LIFE-02",
        Source::Activity(Activity::PartyLecture, Every::Quarter),
    ),
    ("R-LIFE-03", Source::Activity(Activity::ThemeDay, Every::Month)),
    ("R-LIFE-04", Source::Activity(Activity::LifeMeeting, Every::Year)),
    (
        "R-LIFE-05",
        Source::Activity(Activity::DemocraticAppraisal, Every::Year),
    ),
    ("R-ROLE-04", Source::Pairings),
    ("R-BASE-06", Source::Rectifications),
];

/// What an item is computed from; None for one that is answered.
pub fn source_of(code: &str) -> Option<Source> {
    let known = COMPUTED_ITEMS.iter().find(|(known, _)| *known == code);
    known.map(|(_, source)| *source)
}

/// Why an item is not asked of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NotAsked {
    /// Too few members for a committee.
    FewMembers,
    /// It has no groups.
    NoGroups,
    /// It is in no active pairing.
    NoPairing,
    /// No election is recorded.
    NoTerm,
}

/// What was counted of an item; kept with its result as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "by",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
pub enum Computed {
    /// In how many of the periods that count something was held.
    Periods {
        /// What the periods are.
        every: Every,
        /// Those in which it was.
        met: u32,
        /// All of them.
        of: u32,
    },
    /// Members, and the most that are usual.
    Members {
        /// How many it has.
        count: i32,
        /// How many at most.
        most: i32,
    },
    /// The end of the latest term.
    Term {
        /// Its last day, extended or not.
        ends_on: NaiveDate,
        /// Whether it is over without an election.
        overdue: bool,
    },
    /// Of what was due, what was closed in time.
    InTime {
        /// Closed on the day or before.
        closed: u32,
        /// Due so far.
        due: u32,
        /// Still open, and past due.
        red: u32,
        /// So many percent of it are to be closed in time.
        percent: u32,
    },
    /// It is not asked.
    NotAsked {
        /// Why.
        because: NotAsked,
    },
}

impl From<Counted> for Computed {
    fn from(Counted { met, of, every }: Counted) -> Self {
        Self::Periods { every, met, of }
    }
}

impl Computed {
    /// The verdict that follows.
    pub fn verdict(&self) -> ItemVerdict {
        let met = match *self {
            Self::Periods { every, met, of } => return Counted { met, of, every }.verdict(),
            Self::NotAsked { .. } => return ItemVerdict::NotApplicable,
            Self::Members { count, most } => count <= most,
            Self::Term { overdue, .. } => !overdue,
            Self::InTime {
                closed,
                due,
                red,
                percent,
            } => red == 0 && u64::from(closed) * 100 >= u64::from(due) * u64::from(percent),
        };
        match met {
            true => ItemVerdict::Met,
            false => ItemVerdict::NotMet,
        }
    }

    /// In words: 3/4 季度.
    pub fn words(&self) -> Message {
        match self {
            Self::Periods { of: 0, .. } => Message::new("尚无应计周期", "No period counts yet"),
            Self::Periods { every, met, of } => {
                let (zh, en) = every.words();
                Message::new(format!("{met}/{of} {zh}"), format!("{met} of {of} {en}"))
            }
            Self::Members { count, most } => Message::new(
                format!("{count} 名党员（一般不超过 {most} 名）"),
                format!("{count} members (usually at most {most})"),
            ),
            Self::Term { ends_on, overdue } => match overdue {
                true => Message::new(
                    format!("任期 {ends_on} 届满，未换届"),
                    format!("The term ended on {ends_on} without an election"),
                ),
                false => Message::new(
                    format!("任期至 {ends_on}"),
                    format!("The term runs until {ends_on}"),
                ),
            },
            Self::InTime { due: 0, .. } => Message::new("无到期整改", "Nothing was due"),
            Self::InTime {
                closed, due, red: 0, ..
            } => Message::new(
                format!("{closed}/{due} 按期销号"),
                format!("{closed} of {due} closed in time"),
            ),
            Self::InTime { closed, due, red, .. } => Message::new(
                format!("{closed}/{due} 按期销号，{red} 项逾期"),
                format!("{closed} of {due} closed in time, {red} overdue"),
            ),
            Self::NotAsked { because } => because.words(),
        }
    }
}

impl NotAsked {
    fn words(self) -> Message {
        match self {
            Self::FewMembers => Message::new(
                "党员人数较少，不设支委会",
                "Too few members for a branch committee",
            ),
            Self::NoGroups => Message::new("不设党小组", "It has no Party groups"),
            Self::NoPairing => Message::new("未参加结对", "It is in no pairing"),
            Self::NoTerm => Message::new("无换届记录", "No election is recorded"),
        }
    }
}

/// What is recorded of a branch, as far as items are computed from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// When it was founded.
    pub founded_on: NaiveDate,
    /// How many members it has.
    pub member_count: i32,
    /// The end of its latest term, extended or not.
    pub term_ends_on: Option<NaiveDate>,
    /// Days on which it held what points were earned with.
    pub held: HashMap<Activity, Vec<NaiveDate>>,
    /// The day on which the earliest of its active pairings began; None where it is in none.
    pub paired_since: Option<NaiveDate>,
    /// Days of activities of its active pairings that it took part in.
    pub paired: Vec<NaiveDate>,
    /// What was due in the window, and closed on its day or before.
    pub closed_in_time: u32,
    /// What was due in the window, up to the business day.
    pub due: u32,
    /// What is open and past due.
    pub red: u32,
    /// R-ORG-08 was answered NOT_APPLICABLE.
    pub has_no_groups: bool,
}

/// What an item comes to for a branch, by its records.
pub fn compute(
    source: Source,
    records: &Records,
    (from, to): (NaiveDate, NaiveDate),
    today: NaiveDate,
    rules: &Rules,
) -> Computed {
    let not_asked = |because| Computed::NotAsked { because };
    let counting = |since| Counting {
        from,
        to,
        since,
        today,
    };
    match source {
        Source::Size => Computed::Members {
            count: records.member_count,
            most: rules.usual_members,
        },
        Source::Term => match records.term_ends_on {
            Some(ends_on) => Computed::Term {
                ends_on,
                overdue: ends_on < today,
            },
            None => not_asked(NotAsked::NoTerm),
        },
        Source::Activity(Activity::CommitteeMeeting, _)
            if i64::from(records.member_count) < i64::from(rules.committee_from_members) =>
        {
            not_asked(NotAsked::FewMembers)
        }
        Source::Activity(Activity::GroupMeeting, _) if records.has_no_groups => not_asked(NotAsked::NoGroups),
        Source::Activity(activity, every) => {
            let held = records.held.get(&activity).map_or(&[][..], Vec::as_slice);
            count(every, counting(records.founded_on), held).into()
        }
        Source::Pairings => match records.paired_since {
            Some(since) => {
                let since = since.max(records.founded_on);
                count(Every::HalfYear, counting(since), &records.paired).into()
            }
            None => not_asked(NotAsked::NoPairing),
        },
        Source::Rectifications => Computed::InTime {
            closed: records.closed_in_time,
            due: records.due,
            red: records.red,
            percent: rules.closed_in_time_percent,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    const YEAR: (NaiveDate, NaiveDate) = (
        NaiveDate::from_ymd_opt(2022, 1, 1).unwrap(),
        NaiveDate::from_ymd_opt(2022, 12, 31).unwrap(),
    );

    fn records() -> Records {
        Records {
            founded_on: day("2010-01-01"),
            member_count: 20,
            term_ends_on: Some(day("2023-01-01")),
            ..Records::default()
        }
    }

    fn computed(code: &str, records: &Records, today: &str) -> Computed {
        compute(
            source_of(code).unwrap(),
            records,
            YEAR,
            day(today),
            &Rules::default(),
        )
    }

    #[test]
    fn what_is_counted_is_said_and_kept() {
        let mut records = records();
        let held = ["2022-01-05", "2022-05-05", "2022-12-30"].map(day).to_vec();
        records.held.insert(Activity::GeneralMeeting, held);
        let found = computed("R-DEC-01", &records, "2022-12-31");
        assert_eq!(found.words().zh, "3/4 季度");
        assert_eq!(found.words().en, "3 of 4 quarters");
        assert_eq!(found.verdict(), ItemVerdict::NotMet);
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(text, r#"{"by":"PERIODS","every":"QUARTER","met":3,"of":4}"#);
        assert_eq!(serde_json::from_str::<Computed>(&text).unwrap(), found);
    }

    #[test]
    fn what_cannot_be_asked_is_not_applicable() {
        let mut records = records();
        records.member_count = 6;
        records.has_no_groups = true;
        records.term_ends_on = None;
        for (code, because) in [
            ("R-DEC-02", NotAsked::FewMembers),
            ("R-LIFE-01", NotAsked::NoGroups),
            ("R-ROLE-04", NotAsked::NoPairing),
            ("R-ORG-05", NotAsked::NoTerm),
        ] {
            let found = computed(code, &records, "2022-12-31");
            assert_eq!(found, Computed::NotAsked { because }, "{code}");
            assert_eq!(found.verdict(), ItemVerdict::NotApplicable);
        }
        records.member_count = 7;
        assert_eq!(
            computed("R-DEC-02", &records, "2022-12-31").verdict(),
            ItemVerdict::NotMet
        );
    }

    #[test]
    fn size_term_pairings_and_rectifications_each_have_their_rule() {
        let verdict = |code, records: &Records| computed(code, records, "2022-12-31").verdict();
        let mut records = records();
        assert_eq!(verdict("R-ORG-02", &records), ItemVerdict::Met);
        records.member_count = 51;
        assert_eq!(verdict("R-ORG-02", &records), ItemVerdict::NotMet);
        records.term_ends_on = Some(day("2022-12-30"));
        assert_eq!(verdict("R-ORG-05", &records), ItemVerdict::NotMet);
        records.term_ends_on = Some(day("2022-12-31"));
        assert_eq!(verdict("R-ORG-05", &records), ItemVerdict::Met);
        // Joined in the spring: the half-year that was running does not count.
        records.paired_since = Some(day("2022-03-01"));
        assert_eq!(verdict("R-ROLE-04", &records), ItemVerdict::NotMet);
        records.paired = vec![day("2022-07-01")];
        assert_eq!(verdict("R-ROLE-04", &records), ItemVerdict::Met);
        assert_eq!(verdict("R-BASE-06", &records), ItemVerdict::Met);
        records.due = 10;
        records.closed_in_time = 9;
        assert_eq!(verdict("R-BASE-06", &records), ItemVerdict::Met);
        records.red = 1;
        assert_eq!(verdict("R-BASE-06", &records), ItemVerdict::NotMet);
        records.red = 0;
        records.closed_in_time = 8;
        assert_eq!(verdict("R-BASE-06", &records), ItemVerdict::NotMet);
    }
}
