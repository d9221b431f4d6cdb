//! The platform's list: rows small enough that more than a million fit into memory, and what they say.

use chrono::{DateTime, Utc};

use crate::{
    kernel::{clock::SHANGHAI, points::Points},
    points::{Activity, Delivered, EntryKind},
};

/// Numbers from here on are of events that happened while the simulator ran.
pub(super) const ARRIVED: u32 = 1 << 31;
/// Numbers from here on, below [`ARRIVED`], are of the year before, whose events the platform no longer lists.
pub(super) const ABSENT: u32 = 1 << 30;

/// Remarks that rows bear; the first is none.
const REMARKS: [&str; 7] = [
    "",
    "补录",
    "重复录入，冲正",
    "分值更正",
    "活动日期更正",
    "所属支部更正",
    "上年度活动，冲正",
];

/// What a row remarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remark {
    None,
    Late,
    EnteredTwice,
    Score,
    Day,
    Branch,
    LastYears,
}

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// From 1, in the order in which rows were first listed.
    pub(super) id: u32,
    /// The number of its event, among those of its kind.
    pub(super) number: u32,
    /// The number of the EARN event that it answers; 0 for none.
    pub(super) refers_to: u32,
    pub(super) hundredths: i32,
    /// Place of its code in the list's table.
    pub(super) code: u16,
    pub(super) revision: u8,
    pub(super) kind: EntryKind,
    pub(super) activity: Activity,
    pub(super) remark: Remark,
    /// Seconds since 1970.
    pub(super) happened_at: i64,
    /// Milliseconds since 1970.
    pub(super) updated_at: i64,
}

/// Where a reader has got to: updatedAt in milliseconds, and id.
pub(super) type Place = (i64, u32);

impl Record {
    /// Its place in the list's order.
    pub(super) fn place(&self) -> Place {
        (self.updated_at, self.id)
    }

    pub(super) fn happened_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.happened_at, 0).unwrap_or_default()
    }

    pub(super) fn updated_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.updated_at).unwrap_or_default()
    }

    pub(super) fn points(&self) -> Points {
        Points::from_hundredths(self.hundredths.into())
    }

    pub(super) fn remark(&self) -> Option<&'static str> {
        let remark = REMARKS.get(self.remark as usize).copied();
        remark.filter(|remark| !remark.is_empty())
    }
}

/// Everything that the platform lists, by (updatedAt, id).
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// Codes of branches, of those that exist and of others.
    pub(super) codes: Vec<String>,
    /// The rows.
    pub(super) records: Vec<Record>,
    /// What the names of events say that arrived while the simulator ran: no two runs give one name.
    pub(super) run: String,
}

/// A time of day in Shanghai, as `format` says.
pub(super) fn local(at: DateTime<Utc>, format: &str) -> String {
    at.with_timezone(&SHANGHAI).format(format).to_string()
}

/// The instant of a local time in Shanghai, `2022-07-01 10:00:00.123`.
pub(super) fn from_local(text: &str) -> Option<DateTime<Utc>> {
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let time = formats
        .into_iter()
        .find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok())?;
    Some(time.and_local_timezone(SHANGHAI).single()?.to_utc())
}

impl List {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Every row as an adapter delivers it, in the list's order.
    pub fn delivered(&self) -> impl Iterator<Item = Delivered> + '_ {
        self.delivered_from(0, self.len())
    }

    /// So many of them, from a place counted from 0.
    pub fn delivered_from(&self, from: usize, limit: usize) -> impl Iterator<Item = Delivered> + '_ {
        self.slice(from, limit).iter().map(|record| Delivered {
            event_id: self.event_no(record),
            revision: record.revision.into(),
            branch_code: self.code(record).to_owned(),
            kind: record.kind,
            activity: record.activity,
            points: record.points(),
            occurred_at: record.happened_at(),
            refers_to: self.reference(record),
            note: record.remark().map(str::to_owned),
        })
    }

    /// The rows behind a place, at most so many.
    pub(super) fn behind(&self, place: Place, limit: usize) -> &[Record] {
        let from = self.records.partition_point(|record| record.place() <= place);
        self.slice(from, limit)
    }

    /// So many rows from a place counted from 0.
    pub(super) fn slice(&self, from: usize, limit: usize) -> &[Record] {
        let from = from.min(self.records.len());
        let to = from.saturating_add(limit).min(self.records.len());
        self.records.get(from..to).unwrap_or_default()
    }

    /// Appends a row, with the next id, at an instant after every other row's.
    pub(super) fn append(&mut self, now: DateTime<Utc>, record: Record) {
        let last = self.records.last().map_or(i64::MIN, |record| record.updated_at);
        let id = self.next_id();
        self.records.push(Record {
            id,
            updated_at: now.timestamp_millis().max(last.saturating_add(1)),
            ..record
        });
    }

    /// Inserts a row, with the next id, at an instant that readers may have passed already.
    pub(super) fn insert(&mut self, at: DateTime<Utc>, record: Record) {
        let record = Record {
            id: self.next_id(),
            updated_at: at.timestamp_millis(),
            ..record
        };
        let place = self
            .records
            .partition_point(|other| other.place() < record.place());
        self.records.insert(place, record);
    }

    /// Lets a row come last, unchanged but for the instant: as when somebody opens it and saves it again.
    pub(super) fn touch(&mut self, place: usize, now: DateTime<Utc>) {
        if place >= self.records.len() {
            return;
        }
        let last = self.records.last().map_or(i64::MIN, |record| record.updated_at);
        let record = self.records.remove(place);
        self.records.push(Record {
            updated_at: now.timestamp_millis().max(last.saturating_add(1)),
            ..record
        });
    }

    fn next_id(&self) -> u32 {
        // Rows are never removed.
        u32::try_from(self.records.len()).unwrap_or(u32::MAX - 1) + 1
    }

    pub(super) fn code(&self, record: &Record) -> &str {
        self.codes
            .get(usize::from(record.code))
            .map_or("", String::as_str)
    }

    pub(super) fn event_no(&self, record: &Record) -> String {
        self.name(record.kind, record.number)
    }

    pub(super) fn reference(&self, record: &Record) -> Option<String> {
        (record.refers_to != 0).then(|| self.name(EntryKind::Earn, record.refers_to))
    }

    fn name(&self, kind: EntryKind, number: u32) -> String {
        let letter = match kind {
            EntryKind::Reversal => 'R',
            EntryKind::Correction => 'C',
            _ => 'E',
        };
        match number {
            ARRIVED.. => format!("{letter}-{}-{:06}", self.run, number - ARRIVED),
            ABSENT.. => format!("{letter}-2021-{:06}", number - ABSENT),
            _ => format!("{letter}-2022-{number:06}"),
        }
    }
}
