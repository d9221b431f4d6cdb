//! Pages of the list in the platform's own words, and what faults make of them.

use rand::{RngExt as _, seq::SliceRandom as _};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::{
    faults::{Fault, Hits},
    record::{List, Place, Record, from_local, local},
};
use crate::points::{Activity, EntryKind};

/// What a reader asks for: by place, or by number.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    updated_since: Option<String>,
    after_id: Option<u32>,
    page_no: Option<usize>,
    page_size: Option<usize>,
}

/// Rows of a page unless it is asked for otherwise, and at most.
const PAGE_SIZE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// How `updatedAt` is written.
const LISTED: &str = "%Y-%m-%d %H:%M:%S%.3f";

/// What a request asks for that no list has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("参数错误：{0}")]
pub(super) struct BadRequest(&'static str);

/// Rows of the list, and whether there are more behind them.
pub(super) struct Page {
    pub rows: Vec<Record>,
    pub has_more: bool,
}

impl Request {
    /// What the list has of it.
    pub fn page(&self, list: &List) -> Result<Page, BadRequest> {
        let size = self.page_size.unwrap_or(PAGE_SIZE);
        if !(1..=LARGEST_PAGE).contains(&size) {
            return Err(BadRequest("pageSize"));
        }
        // One more says whether there are more.
        let rows = match self.page_no {
            Some(0) => return Err(BadRequest("pageNo")),
            Some(_) if self.updated_since.is_some() || self.after_id.is_some() => {
                return Err(BadRequest("pageNo"));
            }
            Some(number) => list.slice((number - 1).saturating_mul(size), size + 1),
            None => list.behind(self.place()?, size + 1),
        };
        Ok(Page {
            has_more: rows.len() > size,
            rows: rows.iter().take(size).copied().collect(),
        })
    }

    fn place(&self) -> Result<Place, BadRequest> {
        let since = match self.updated_since.as_deref() {
            None | Some("") => return Ok((i64::MIN, self.after_id.unwrap_or_default())),
            Some(text) => from_local(text).ok_or(BadRequest("updatedSince"))?,
        };
        Ok((since.timestamp_millis(), self.after_id.unwrap_or_default()))
    }
}

/// A row.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    id: u32,
    event_no: String,
    revision: u8,
    org_code: &'a str,
    r#type: &'static str,
    activity: &'static str,
    score: Box<RawValue>,
    happened_at: String,
    updated_at: String,
    ref_no: Option<String>,
    remark: Option<&'static str>,
}

/// The answer around a list.
#[derive(Serialize)]
pub(super) struct Envelope<T> {
    code: u16,
    msg: &'static str,
    data: T,
}

impl<T> Envelope<T> {
    pub fn ok(data: T) -> Self {
        Self {
            code: 200,
            msg: "ok",
            data,
        }
    }
}

/// The data of a page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    list: Vec<Box<RawValue>>,
    total: usize,
    has_more: bool,
}

impl Listed {
    /// Writes a page out, with what goes wrong.
    pub fn new(list: &List, mut page: Page, hits: &Hits, rng: &mut ChaCha20Rng) -> serde_json::Result<Self> {
        if hits.has(Fault::Reordered) {
            page.rows.shuffle(rng);
        }
        let listed = page.rows.first().map(Record::updated_at).unwrap_or_default();
        let written = page.rows.iter().map(|record| item(list, record, hits));
        let mut rows: Vec<Box<RawValue>> = written.collect::<Result<_, _>>()?;
        if hits.has(Fault::Malformed) {
            for junk in malformed(&local(listed, LISTED)) {
                // Never the last: where a reader goes on is said by a row that can be read.
                let place = rng.random_range(0..rows.len().max(1));
                rows.insert(place, serde_json::value::to_raw_value(&junk)?);
            }
        }
        Ok(Self {
            list: rows,
            total: list.len(),
            has_more: page.has_more,
        })
    }
}

fn item(list: &List, record: &Record, hits: &Hits) -> serde_json::Result<Box<RawValue>> {
    let item = Item {
        id: record.id,
        event_no: list.event_no(record),
        revision: record.revision,
        org_code: list.code(record),
        r#type: record.kind.as_str(),
        activity: label(record.activity),
        score: score(record.hundredths.into())?,
        happened_at: local(record.happened_at(), "%Y-%m-%d %H:%M:%S"),
        updated_at: local(record.updated_at(), LISTED),
        ref_no: list.reference(record),
        remark: record.remark(),
    };
    if !hits.has(Fault::RenamedFields) {
        return serde_json::value::to_raw_value(&item);
    }
    // Names only: the score's text must stay what it is.
    let text = serde_json::to_string(&item)?;
    RawValue::from_string(text.replacen("\"eventNo\":", "\"event_no\":", 1).replacen(
        "\"score\":",
        "\"points\":",
        1,
    ))
}

/// Hundredths as a JSON number with two decimals, exactly.
pub(super) fn score(hundredths: i64) -> serde_json::Result<Box<RawValue>> {
    let sign = if hundredths < 0 { "-" } else { "" };
    let amount = hundredths.unsigned_abs();
    RawValue::from_string(format!("{sign}{}.{:02}", amount / 100, amount % 100))
}

/// Rows that are none, in the place of rows that are.
fn malformed(listed: &str) -> [Value; 4] {
    let row = |event: &str, score: Value, happened: &str| {
        json!({
            "id": 0, "eventNo": event, "revision": 1, "orgCode": "HC-0001", "type": EntryKind::Earn.as_str(),
            "activity": label(Activity::ThemeDay), "score": score, "happenedAt": happened,
            "updatedAt": listed, "refNo": null, "remark": null,
        })
    };
    [
        Value::Null,
        row("M-1", json!("五分"), "2022-07-01 09:00:00"),
        row("M-2", json!(5), "2022/13/45"),
        json!({ "id": 0, "score": 5, "updatedAt": listed }),
    ]
}

/// What the platform calls an activity.
fn label(activity: Activity) -> &'static str {
    match activity {
        Activity::GeneralMeeting => "党员大会",
        Activity::CommitteeMeeting => "支委会",
        Activity::GroupMeeting => "党小组会",
        Activity::PartyLecture => "党课",
        Activity::ThemeDay => "主题党日",
        Activity::LifeMeeting => "组织生活会",
        Activity::DemocraticAppraisal => "民主评议党员",
        Activity::Volunteering => "志愿服务",
        Activity::Study => "学习培训",
        Activity::JointActivity => "共建活动",
        Activity::DataUpkeep => "信息维护",
        Activity::Other => "其他",
    }
}

/// Every activity with what the platform calls it.
pub(super) fn labels() -> impl Iterator<Item = (&'static str, Activity)> {
    Activity::ALL.iter().map(|&activity| (label(activity), activity))
}
