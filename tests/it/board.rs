//! What dashboards read: badges, the wall map, published figures, suggested partners.

mod badge;
mod figures;
mod partners;
mod wall;

use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    branches::{sql, try_create},
};

/// An instant that nothing looks at.
const NOW: &str = "'2026-01-01 00:00:00+00:00'";

/// The row of a branch's code, in SQL.
fn row(code: &str) -> String {
    format!("(SELECT id FROM branch WHERE code = '{code}')")
}

/// The campaign of a year, in SQL.
fn campaign(year: i32) -> String {
    format!("(SELECT id FROM campaign WHERE year = {year})")
}

/// A branch below an organization; gives its id.
async fn branch(app: &TestApp, organization: &str, code: &str, mut over: Value) -> String {
    over["code"] = json!(code);
    let answer = try_create(app, organization, over).await;
    answer.done()["branch"]["id"].as_str().unwrap().to_owned()
}

/// Campaigns of these years, which follow one template.
async fn campaigns(app: &TestApp, years: &[i32]) {
    let mut statements = vec![format!(
        "INSERT INTO check_template (version, published_at, content) VALUES (1, {NOW}, '')"
    )];
    statements.extend(years.iter().map(|year| {
        format!(
            "INSERT INTO campaign (year, theme, template_version, window_from, window_to, total_quota, require_brand, \
             top_percent, points_period) \
             VALUES ({year}, '一年一主题', 1, '{year}-01-01', '{year}-12-31', 5, true, 30, '{year}')"
        )
    }));
    sql(app, statements).await;
}

fn check(code: &str, year: i32, stage: &str, outcome: &str) -> String {
    format!(
        "INSERT INTO health_check (campaign_id, branch_id, stage, outcome, version, updated_at) \
         VALUES ({}, {}, '{stage}', '{outcome}', 1, {NOW})",
        campaign(year),
        row(code)
    )
}

/// Something that was found: of a branch, about an aspect, its state, how grave, when raised and when due.
fn found(code: &str, aspect: &str, state: &str, severity: &str, raised: &str, due: &str) -> String {
    format!(
        "INSERT INTO rectification (branch_id, origin, aspect, title, support, severity, state, raised_on, due_on, version, \
         updated_at) VALUES ({}, 'INSPECTION', '{aspect}', '问题', '', '{severity}', '{state}', '{raised}', '{due}', 1, {NOW})",
        row(code)
    )
}

/// A pairing of a year in a state; members with the day they left.
fn pairing(year: i32, form: &str, state: &str, members: &[(&str, Option<&str>)]) -> Vec<String> {
    let mut statements = vec![format!(
        "INSERT INTO pairing (form, basis, title, year, state, starts_on, version, updated_at) \
         VALUES ('{form}', 'SAME_DOMAIN', '结对', {year}, '{state}', '{year}-01-01', 1, {NOW})"
    )];
    for (n, (code, left)) in members.iter().enumerate() {
        let left = left.map_or("NULL".to_owned(), |day| format!("'{day}'"));
        statements.push(format!(
            "INSERT INTO pairing_member (pairing_id, branch_id, role, position, left_on) \
             VALUES ((SELECT max(id) FROM pairing), {}, 'PARTNER', {n}, {left})",
            row(code)
        ));
    }
    statements
}
