//! Clients that write, each thing until it is acknowledged.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use zhibu::kernel::id::{NodeId as _, OrganizationId, PointEntryId};

use super::{CREATE, Shared, wait_a_little};

/// Entries of one push.
const BATCH: usize = 20;

const PUSH: &str = "mutation($input: PushPointsInput!) { pushPoints(input: $input) {
    outcomes { status } userErrors { message } } }";
const ADJUST: &str = "mutation($input: AdjustPointsInput!) { adjustPoints(input: $input) {
    pointEntry { id } userErrors { message } } }";

/// Asks the service, wherever it is; None where there is no answer, or one that acknowledges nothing.
async fn ask(
    shared: &Shared,
    http: &reqwest::Client,
    token: &str,
    document: &str,
    input: &Value,
    key: Option<&str>,
) -> Option<Value> {
    let url = shared.url.borrow().clone();
    let mut request = http
        .post(format!("{url}/graphql"))
        .bearer_auth(token)
        .timeout(Duration::from_secs(60))
        .json(&json!({ "query": document, "variables": { "input": input } }));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let answer: Value = request.send().await.ok()?.json().await.ok()?;
    let payload = answer["data"].as_object()?.values().next()?.clone();
    assert_eq!(payload["userErrors"], json!([]), "{answer:#}");
    Some(payload)
}

/// Pushes batches: new events, one of the batch before again, and a reversal of one that was acknowledged.
pub(super) async fn push(shared: Arc<Shared>, writer: usize, rounds: usize) {
    let http = reqwest::Client::new();
    for round in 0..rounds {
        let event = |round: usize, n: usize| format!("E-{writer}-{round}-{n}");
        let earn = |name: String| {
            json!({ "eventId": name, "branchCode": "B1", "points": 1.25, "activity": "THEME_DAY",
                "occurredAt": "2026-02-01T04:00:00Z" })
        };
        let mut names: Vec<String> = (0..BATCH).map(|n| event(round, n)).collect();
        let mut entries: Vec<Value> = names.iter().cloned().map(earn).collect();
        if let Some(before) = round.checked_sub(1) {
            entries.push(earn(event(before, 0)));
            let reversal = format!("R-{writer}-{round}");
            entries.push(
                json!({ "eventId": reversal, "branchCode": "B1", "kind": "REVERSAL", "points": 0,
                "refersTo": event(before, 1), "occurredAt": "2026-02-02T04:00:00Z" }),
            );
            names.push(reversal);
        }
        let input = json!({ "sourceCode": "EJIA", "entries": entries });
        loop {
            let answer = ask(&shared, &http, &shared.adapter, PUSH, &input, None).await;
            if let Some(outcomes) = answer.as_ref().and_then(|payload| payload["outcomes"].as_array()) {
                assert_eq!(outcomes.len(), entries.len());
                let taken = outcomes
                    .iter()
                    .all(|outcome| outcome["status"] == "ACCEPTED" || outcome["status"] == "DUPLICATE");
                assert!(taken, "{outcomes:?}");
                break;
            }
            wait_a_little(&shared).await;
        }
        shared.acknowledged.lock().unwrap().events.extend(names);
        shared.answers.send_modify(|answers| *answers += 1);
    }
}

/// Mutations that must be done once, each again under its key until it is answered, and once more after that.
pub(super) async fn keyed(shared: Arc<Shared>, rounds: usize) {
    let http = reqwest::Client::new();
    for round in 0..rounds {
        let code = format!("K{round}");
        let organization =
            json!({ "code": code, "name": code, "kind": "COMMITTEE", "parentId": shared.district });
        let document = format!("文号-{round}");
        let adjustment = json!({ "branchId": shared.branch, "points": 2, "documentNumber": document, "note": "补录",
            "occurredAt": "2026-02-03T04:00:00Z" });
        let mut answered = BTreeMap::new();
        // The second time it is a replay, across restarts too.
        for _ in 0..2 {
            for (text, input, thing, key) in [
                (CREATE, &organization, "organization", &code),
                (ADJUST, &adjustment, "pointEntry", &document),
            ] {
                let key = format!("key-{}", key.trim_start_matches("文号-"));
                let key = format!("{thing}-{key}");
                loop {
                    let answer = ask(&shared, &http, &shared.admin, text, input, Some(&key)).await;
                    if let Some(id) = answer.as_ref().and_then(|payload| payload[thing]["id"].as_str()) {
                        let before = answered.insert(thing, id.to_owned());
                        assert!(before.is_none_or(|before| before == id), "done twice: {key}");
                        break;
                    }
                    wait_a_little(&shared).await;
                }
            }
        }
        let organization = OrganizationId::from_global(&answered["organization"]).expect("its id");
        let entry = PointEntryId::from_global(&answered["pointEntry"]).expect("its id");
        let mut acknowledged = shared.acknowledged.lock().unwrap();
        acknowledged.organizations.insert(code, organization.0);
        acknowledged.documents.insert(document, entry.0);
        drop(acknowledged);
        shared.answers.send_modify(|answers| *answers += 1);
    }
}
