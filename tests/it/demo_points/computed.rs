//! What the checks of the demonstration say was counted, beside what the ledger holds once everything is booked.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde_json::{Value, json};
use zhibu::{
    demo,
    kernel::{
        clock::day_in_shanghai,
        id::{HealthCheckId, NodeId as _},
    },
};

use super::rows;
use crate::support::app::TestApp;

/// What each item counts, and the months of its periods.
const ITEMS: [(&str, &str, &str, u32); 7] = [
    ("R-DEC-01", "GENERAL_MEETING", "QUARTER", 3),
    ("R-DEC-02", "COMMITTEE_MEETING", "MONTH", 1),
    ("R-LIFE-01", "GROUP_MEETING", "MONTH", 1),
    ("R-LIFE-02", "PARTY_LECTURE", "QUARTER", 3),
    ("R-LIFE-03", "THEME_DAY", "MONTH", 1),
    ("R-LIFE-04", "LIFE_MEETING", "YEAR", 12),
    ("R-LIFE-05", "DEMOCRATIC_APPRAISAL", "YEAR", 12),
];

/// In which months of 2022 each branch earned points with what, of events that stand.
async fn months(app: &TestApp) -> HashMap<(i64, String), HashSet<u32>> {
    let sql = "SELECT e.branch_id, e.activity, e.occurred_at FROM point_entry e WHERE e.kind = 'EARN' \
               AND NOT EXISTS (SELECT 1 FROM point_entry l WHERE l.source_id = e.source_id AND l.event_id = e.event_id \
                               AND l.kind = 'EARN' AND l.revision > e.revision) \
               AND NOT EXISTS (SELECT 1 FROM point_event r WHERE r.source_id = e.source_id AND r.refers_to = e.event_id \
                               AND r.kind = 'REVERSAL' AND r.revision IS NOT NULL)";
    let sql_of_mergers = "SELECT id, successor_id FROM branch WHERE successor_id IS NOT NULL";
    let mut successors: HashMap<i64, i64> = HashMap::new();
    for row in rows(app, sql_of_mergers).await {
        successors.insert(
            row.try_get("", "id").unwrap(),
            row.try_get("", "successor_id").unwrap(),
        );
    }
    let mut months: HashMap<(i64, String), HashSet<u32>> = HashMap::new();
    for row in rows(app, sql).await {
        let at: DateTime<Utc> = row.try_get("", "occurred_at").unwrap();
        let day = day_in_shanghai(at);
        if day.year() == 2022 {
            let activity: String = row.try_get("", "activity").unwrap();
            let mut branch = Some(row.try_get::<i64>("", "branch_id").unwrap());
            // What a merged branch held counts for those it was merged into.
            while let Some(id) = branch {
                let of = (id, activity.clone());
                months.entry(of).or_default().insert(day.month());
                branch = successors.get(&id).copied();
            }
        }
    }
    months
}

/// Counts again, period by period of the year that is over.
pub async fn verdicts_are_what_the_ledger_counts(app: &TestApp) {
    let months = months(app).await;
    let sql = "SELECT b.id, b.founded_on, b.member_count, r.item_code, r.verdict, r.computed FROM check_result r \
               JOIN health_check h ON h.id = r.health_check_id JOIN branch b ON b.id = h.branch_id \
               WHERE r.computed IS NOT NULL AND NOT r.overruled";
    let mut counted: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for row in rows(app, sql).await {
        let code: String = row.try_get("", "item_code").unwrap();
        let Some((code, activity, every, length)) = ITEMS.into_iter().find(|(item, ..)| *item == code) else {
            continue;
        };
        let branch: i64 = row.try_get("", "id").unwrap();
        let founded_on: NaiveDate = row.try_get("", "founded_on").unwrap();
        let members: i32 = row.try_get("", "member_count").unwrap();
        let held = months.get(&(branch, activity.to_owned()));
        let periods: Vec<u32> = (1..=12)
            .step_by(length as usize)
            .filter(|month| NaiveDate::from_ymd_opt(2022, *month, 1).unwrap() >= founded_on)
            .collect();
        let is_met = |first: &&u32| {
            (**first..**first + length).any(|month| held.is_some_and(|held| held.contains(&month)))
        };
        let met = periods.iter().filter(is_met).count();
        let (computed, verdict) = match code {
            "R-DEC-02" if members < 7 => (
                json!({ "by": "NOT_ASKED", "because": "FEW_MEMBERS" }),
                "NOT_APPLICABLE",
            ),
            "R-LIFE-01" if members < 20 => (
                json!({ "by": "NOT_ASKED", "because": "NO_GROUPS" }),
                "NOT_APPLICABLE",
            ),
            _ => (
                json!({ "by": "PERIODS", "every": every, "met": met, "of": periods.len() }),
                match periods.len() {
                    0 => "NOT_APPLICABLE",
                    all if all == met => "MET",
                    _ => "NOT_MET",
                },
            ),
        };
        let stored: String = row.try_get("", "computed").unwrap();
        let stored: Value = serde_json::from_str(&stored).unwrap();
        assert_eq!(stored, computed, "{code} of branch {branch}");
        let said: String = row.try_get("", "verdict").unwrap();
        assert_eq!(said, verdict, "{code} of branch {branch}");
        *counted.entry((code, said)).or_default() += 1;
    }
    assert_eq!(counted.values().sum::<usize>(), 7 * 819);
    for (code, ..) in ITEMS {
        assert!(counted[&(code, "MET".to_owned())] > 200, "{counted:?}");
        assert!(counted[&(code, "NOT_MET".to_owned())] > 2, "{counted:?}");
    }
}

/// What the service itself counts again when checks are closed is what the demonstration says was counted: all eleven items of each.
pub async fn closing_changes_nothing(app: &TestApp) {
    app.database.clock().pin_business_date(demo::BUSINESS_DATE);
    let sql = "SELECT id, version FROM health_check WHERE stage = 'RECHECK' ORDER BY id";
    let mut checks = Vec::new();
    for row in rows(app, sql).await {
        let id: HealthCheckId = row.try_get("", "id").unwrap();
        checks.push((id, row.try_get::<i32>("", "version").unwrap()));
    }
    assert!(checks.len() > 40, "{}", checks.len());
    let before = stored(app, &checks).await;
    for (id, version) in &checks {
        let input = json!({ "id": id.global(), "version": version });
        let closed = app
            .admin()
            .mutate("closeHealthCheck", "healthCheck { stage }", input)
            .await;
        assert_eq!(closed.done()["healthCheck"]["stage"], "CLOSED");
    }
    assert_eq!(stored(app, &checks).await, before);
}

/// Scores, outcome and every item's verdict with what was counted.
async fn stored(app: &TestApp, checks: &[(HealthCheckId, i32)]) -> BTreeMap<(i64, String), String> {
    let ids: Vec<String> = checks.iter().map(|(id, _)| id.0.to_string()).collect();
    let sql = format!(
        "SELECT h.id, r.item_code, h.outcome || ' ' || h.regular_score || ' ' || h.tailored_score || ' ' || r.verdict || ' ' || \
         coalesce(r.computed, '') AS said FROM health_check h JOIN check_result r ON r.health_check_id = h.id WHERE h.id IN ({})",
        ids.join(", ")
    );
    let mut stored = BTreeMap::new();
    for row in rows(app, &sql).await {
        let of = (
            row.try_get("", "id").unwrap(),
            row.try_get("", "item_code").unwrap(),
        );
        stored.insert(of, row.try_get("", "said").unwrap());
    }
    stored
}
