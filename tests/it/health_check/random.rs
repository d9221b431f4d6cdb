//! Random sequences of actions: what is stored of scores is what the verdicts give.

use std::collections::BTreeSet;

use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha20Rng;
use serde_json::{Map, Value, json};
use zhibu::health_check;

use super::examined::{COMPUTED, Examined, KINDS, mutate, other};
use crate::support::on_both;

/// 100 × met ÷ applicable weight, in hundredths half up, and the sum of tailored scores.
fn scores(results: &Map<String, Value>) -> (Value, Value) {
    if results.values().all(|result| result["verdict"] == "UNANSWERED") {
        return (Value::Null, Value::Null);
    }
    let weight = |result: &Value| result["item"]["weight"].as_i64().unwrap();
    let (mut met, mut applicable, mut tailored) = (0, 0, 0);
    for result in results.values() {
        if !result["item"]["domain"].is_null() {
            tailored += result["score"].as_i64().unwrap_or_default();
            continue;
        }
        if result["verdict"] != "NOT_APPLICABLE" {
            applicable += weight(result);
        }
        if result["verdict"] == "MET" {
            met += weight(result);
        }
    }
    let regular = (met * 10_000 * 2 + applicable) / (applicable * 2);
    (json!(regular as f64 / 100.0), json!(tailored as f64))
}

fn passes(results: &Map<String, Value>, (regular, tailored): &(Value, Value), open: &[Value]) -> bool {
    regular.as_f64().unwrap() >= 85.0
        && tailored.as_f64().unwrap() >= 12.0
        && results.values().all(|result| {
            result["item"]["mandatory"] == false
                || result["verdict"] == "MET"
                || result["verdict"] == "NOT_APPLICABLE"
        })
        && open
            .iter()
            .all(|row| row["severity"] != "MAJOR" || row["healthCheck"].is_null())
}

fn answer(rng: &mut ChaCha20Rng, code: &str, met: f64) -> Value {
    if code.starts_with('X') {
        let score = if rng.random_bool(met) {
            rng.random_range(3..=4)
        } else {
            rng.random_range(0..=2)
        };
        let verdict = if score >= 3 { "MET" } else { "NOT_MET" };
        return json!({ "itemCode": code, "verdict": verdict, "score": score, "note": "说明" });
    }
    let verdict = match rng.random_range(0.0..1.0) {
        p if p < met => "MET",
        p if p < met + (1.0 - met) / 2.0 => "NOT_MET",
        _ => "NOT_APPLICABLE",
    };
    json!({ "itemCode": code, "verdict": verdict, "note": "说明" })
}

on_both!(stored_scores_are_those_of_the_stored_verdicts, |db| async move {
    let year = Examined::new(db).await;
    let seed = std::env::var("ZHIBU_CHECK_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_260_302);
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let admin = year.app.admin();
    let mut passed = 0;
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for n in 0..120 {
        if rng.random_bool(0.2) {
            // Records go on: an entry that comes, and one that is taken back.
            done.insert("push");
            let code = *["B1", "B2", "B3", "B4"].choose(&mut rng).unwrap();
            let day = format!(
                "2026-0{}-{:02}",
                rng.random_range(1..=2),
                rng.random_range(1..=28)
            );
            year.held(code, "THEME_DAY", &[&day]).await;
            if rng.random_bool(0.5) {
                let reversal = json!({ "eventId": format!("V-{n}"), "branchCode": code, "kind": "REVERSAL", "points": 0,
                    "refersTo": format!("{code}-THEME_DAY-{day}"), "occurredAt": "2026-03-01T02:00:00Z" });
                let push = json!({ "sourceCode": "EJIA", "entries": [reversal] });
                admin.mutate("pushPoints", "accepted", push).await.done();
            }
        }
        let code = *["B1", "B2", "B3", "B4"].choose(&mut rng).unwrap();
        let (secretary, examiner) = (year.app.secretary_of(code), year.examiner_of(other(code)));
        let check = year.check(code).await;
        let items: Vec<String> = year.results(code).await.keys().cloned().collect();
        let some = |rng: &mut ChaCha20Rng, most: usize, met: f64| -> Vec<Value> {
            let count = rng.random_range(1..=most);
            let chosen: Vec<&String> = items.sample(rng, count).collect();
            chosen.into_iter().map(|code| answer(rng, code, met)).collect()
        };
        match check["stage"].as_str().unwrap() {
            "NOT_STARTED" | "SELF_CHECK" => {
                let asked = |answer: &Value| !COMPUTED.contains(&answer["itemCode"].as_str().unwrap());
                let answers = match rng.random_bool(0.5) {
                    true => some(&mut rng, 20, 0.8).into_iter().filter(asked).collect(),
                    false => items
                        .iter()
                        .map(|code| answer(&mut rng, code, 0.93))
                        .filter(asked)
                        .collect::<Vec<_>>(),
                };
                if !answers.is_empty() {
                    year.answer(&secretary, code, answers).await.unwrap();
                }
                // Refused as long as something is missing.
                let _ = year.step(&secretary, "submitSelfCheck", code).await;
            }
            "CONSULTATION" => {
                year.step(&admin, "assignExaminers", code).await.unwrap();
                for kind in KINDS {
                    let input = json!({ "healthCheckId": check["id"], "kind": kind, "visitedOn": "2026-03-02", "summary": "看过了" });
                    mutate(&examiner, "recordVisit", input).await.unwrap();
                }
                let check = year.check(code).await;
                let input = json!({ "healthCheckId": check["id"], "version": check["version"], "verdicts": some(&mut rng, 10, 0.9),
                    "evaluation": "总体良好" });
                mutate(&examiner, "concludeConsultation", input).await.unwrap();
            }
            "RECTIFICATION" => match rng.random_range(0..10) {
                0..=3 => year.put_right(code).await,
                4 => {
                    done.insert("raise");
                    let finding = json!({ "aspect": "ROLE", "title": "t", "prescription": "p", "severity": "MAJOR", "dueOn": "2027-12-01" });
                    let input = json!({ "branchId": year.branch_id(code).await, "origin": "CONSULTATION", "finding": finding });
                    admin.mutate("raiseRectification", "", input).await.done();
                }
                5..=7 => {
                    done.insert("return");
                    let row = year.open(code).await.remove(0);
                    let row = match row["state"].as_str() {
                        Some("OPEN") => year.rectify(&admin, "assignRectification", &row).await,
                        _ => row,
                    };
                    if row["state"] == "ASSIGNED" {
                        let row = year.rectify(&secretary, "submitRectification", &row).await;
                        year.rectify(&admin, "returnRectification", &row).await;
                    }
                }
                _ => {
                    let open = year.open(code).await;
                    let row = open.choose(&mut rng).unwrap();
                    year.rectify(&admin, "waiveRectification", row).await;
                }
            },
            "RECHECK" => {
                let results = year.results(code).await;
                for (item, result) in results
                    .iter()
                    .filter(|(_, result)| result["verdict"] == "NOT_MET")
                {
                    let score = (!result["item"]["domain"].is_null()).then_some(4);
                    let met =
                        json!({ "itemCode": item, "verdict": "MET", "score": score, "note": "复查达标" });
                    // Refused where it was waived.
                    let _ = year.answer(&examiner, code, vec![met]).await;
                }
                match rng.random_range(0..10) {
                    0..=1 => drop(year.step(&admin, "closeHealthCheck", code).await.unwrap()),
                    2..=5 => {
                        let query = format!(
                            r#"{{ branch(by: {{ code: "{code}" }}) {{ healthCheck {{ rectifications(first: 100) {{ nodes {{ id version state dueOn }} }} }} }} }}"#
                        );
                        let rows = admin.clone().past_results().data(&query).await;
                        let rows = rows["branch"]["healthCheck"]["rectifications"]["nodes"]
                            .as_array()
                            .unwrap()
                            .clone();
                        if let Some(row) = rows.iter().find(|row| row["state"] == "CLOSED") {
                            done.insert("reopen");
                            year.rectify(&admin, "reopenRectification", row).await;
                            assert_eq!(year.check(code).await["stage"], "RECTIFICATION");
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        let (check, results) = (year.check(code).await, year.results(code).await);
        let scores = scores(&results);
        assert_eq!(
            (&check["regularScore"], &check["tailoredScore"]),
            (&scores.0, &scores.1),
            "seed {seed}, step {n}: {code}"
        );
        let outcome = match check["stage"].as_str().unwrap() {
            "RECTIFICATION" | "RECHECK" | "CLOSED" => match passes(&results, &scores, &year.open(code).await)
            {
                true => "PASS",
                false => "FAIL",
            },
            _ => "PENDING",
        };
        assert_eq!(check["outcome"], outcome, "seed {seed}, step {n}: {code}");
        passed += usize::from(outcome == "PASS");
    }
    assert!(passed > 0, "seed {seed}: no check ever passed");
    assert_eq!(
        done,
        BTreeSet::from(["push", "raise", "reopen", "return"]),
        "seed {seed}"
    );
    let rules = year.app.database.rules();
    let different = health_check::verify_scores(year.app.database.reader(), rules)
        .await
        .unwrap();
    assert_eq!(different, 0);
    // And it says so where one is not.
    let raw = year.app.raw().await;
    use sea_orm::ConnectionTrait as _;
    raw.execute_unprepared(
        "UPDATE health_check SET regular_score = 1 WHERE branch_id = (SELECT min(id) FROM branch)",
    )
    .await
    .unwrap();
    let different = health_check::verify_scores(year.app.database.reader(), rules)
        .await
        .unwrap();
    assert_eq!(different, 1);
});
