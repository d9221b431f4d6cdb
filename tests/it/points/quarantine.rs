//! What waits: found, suggested for, decided about, and booked by itself.

use serde_json::{Value, json};

use super::{district, earn, push, standing};
use crate::support::{
    app::TestApp,
    branches::{by_code, create, done},
    on_both,
};

/// What waits, or was decided, of the source.
async fn entries(app: &TestApp, state: Option<&str>) -> Vec<Value> {
    let query = r#"query($state: QuarantineState) { quarantine(sourceCode: "EJIA", state: $state) { totalCount nodes {
        id reason detail payload state source { code } suggestions { code } } } }"#;
    let answer = app.admin().ask(query, json!({ "state": state })).await;
    let found = &answer.data()["quarantine"];
    let nodes = found["nodes"].as_array().unwrap().clone();
    assert_eq!(found["totalCount"], nodes.len());
    nodes
}

async fn resolve(app: &TestApp, input: Value) -> crate::support::app::Answer {
    app.admin()
        .mutate("resolveQuarantine", "quarantinedEntry { id state }", input)
        .await
}

async fn agrees(app: &TestApp) {
    let reader = app.database.reader();
    assert_eq!(zhibu::points::verify_totals(reader).await.unwrap(), 0);
    assert_eq!(zhibu::points::verify_scores(reader).await.unwrap(), 0);
}

on_both!(an_unknown_code_is_resolved_for_all_that_wait, |db| async move {
    let app = district(db).await;
    let at = |event: &str, at: &str| json!({ "eventId": event, "branchCode": "b-1", "points": 2, "occurredAt": at });
    push(
        app.adapter("EJIA"),
        json!([
            at("E1", "2025-07-01T04:00:00Z"),
            at("E2", "2025-03-01T04:00:00Z"),
            earn("E3", "ZZZZZZ", 1.0),
        ]),
    )
    .await;
    let waiting = entries(&app, Some("WAITING")).await;
    assert_eq!(waiting.len(), 3);
    assert_eq!(waiting[0]["reason"], "UNKNOWN_BRANCH");
    assert_eq!(
        waiting[0]["suggestions"],
        json!([{ "code": "B1" }, { "code": "B2" }, { "code": "B3" }])
    );
    assert_eq!(waiting[2]["suggestions"], json!([]));
    let payload: Value = serde_json::from_str(waiting[0]["payload"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&payload["eventId"], &payload["points"]),
        (&json!("E1"), &json!("2"))
    );

    let todos = app
        .admin()
        .in_language("en")
        .data("{ viewer { todos { kind title node { ... on PointSource { code } } } } }")
        .await;
    assert_eq!(
        todos["viewer"]["todos"],
        json!([{ "kind": "RESOLVE_QUARANTINE", "title": "Decide about quarantined points: 党建e家（演示） (3)",
            "node": { "code": "EJIA" } }])
    );

    let branch = by_code(app.admin(), "B1").await["id"].clone();
    let first = waiting[0]["id"].clone();
    let (code, path, _) = resolve(&app, json!({ "id": first })).await.refused();
    assert_eq!((code.as_str(), path.as_str()), ("INVALID_INPUT", "branchId"));
    let (code, path, _) = resolve(&app, json!({ "id": first, "branchId": "nobody" }))
        .await
        .refused();
    assert_eq!((code.as_str(), path.as_str()), ("NOT_FOUND", "branchId"));
    let done = resolve(&app, json!({ "id": first, "branchId": branch })).await;
    assert_eq!(done.done()["quarantinedEntry"]["state"], "REPLAYED");
    // The code is remembered from the first day that something waits for it.
    assert_eq!(standing(&app, "B1", "2025").await, (json!(4), json!(2)));
    assert_eq!(entries(&app, Some("WAITING")).await.len(), 1);
    let payload = push(app.adapter("EJIA"), json!([at("E4", "2025-05-01T04:00:00Z")])).await;
    assert_eq!(payload["accepted"], 1);
    let aliases = app
        .admin()
        .data(r#"{ branch(by: { code: "B1" }) { aliases { code sourceCode since } } }"#)
        .await;
    assert_eq!(
        aliases["branch"]["aliases"],
        json!([{ "code": "B-1", "sourceCode": "EJIA", "since": "2025-03-01" }])
    );
    let (code, _, message) = resolve(&app, json!({ "id": first, "branchId": branch }))
        .await
        .refused();
    assert_eq!(code, "INVALID_TRANSITION");
    assert!(message.contains("REPLAYED"), "{message}");
    agrees(&app).await;
});

on_both!(
    an_entry_is_booked_once_without_remembering_its_code,
    |db| async move {
        let app = district(db).await;
        push(
            app.adapter("EJIA"),
            json!([earn("E1", "X1", 2.0), earn("E2", "X1", 3.0)]),
        )
        .await;
        let waiting = entries(&app, None).await;
        let branch = by_code(app.admin(), "B2").await["id"].clone();
        let input = json!({ "id": waiting[1]["id"], "branchId": branch, "addAlias": false });
        resolve(&app, input).await.done();
        assert_eq!(standing(&app, "B2", "2025").await, (json!(3), json!(1)));
        assert_eq!(entries(&app, Some("WAITING")).await.len(), 1);
        // Delivered again it is what has been booked.
        assert_eq!(
            push(app.adapter("EJIA"), json!([earn("E2", "X1", 3.0)])).await["duplicates"],
            1
        );
        agrees(&app).await;
    }
);

on_both!(what_waits_for_something_else_is_tried_as_it_is, |db| async move {
    let app = district(db).await;
    let reversal = json!({ "eventId": "R1", "branchCode": "-", "kind": "REVERSAL", "points": 0, "refersTo": "E1",
        "occurredAt": "2025-07-02T04:00:00Z" });
    let future =
        json!({ "eventId": "F1", "branchCode": "B1", "points": 1, "occurredAt": "2027-01-01T04:00:00Z" });
    push(
        app.adapter("EJIA"),
        json!([
            reversal,
            future,
            earn("", "B1", 1.0),
            earn("K1", "B1", 1.0),
            earn("K1", "B1", 2.0)
        ]),
    )
    .await;
    let branch = by_code(app.admin(), "B1").await["id"].clone();
    for waiting in entries(&app, None).await {
        let reason = waiting["reason"].as_str().unwrap();
        let (code, path, message) = resolve(&app, json!({ "id": waiting["id"] })).await.refused();
        assert_eq!(
            (code.as_str(), path.as_str()),
            ("RULE_VIOLATION", "id"),
            "{reason}: {message}"
        );
        let (code, ..) = resolve(&app, json!({ "id": waiting["id"], "branchId": branch }))
            .await
            .refused();
        let expected = if reason == "CONFLICTING_REPEAT" {
            "RULE_VIOLATION"
        } else {
            "INVALID_INPUT"
        };
        assert_eq!(code, expected, "{reason}");
    }
    // What it waited for comes, and it is booked by itself.
    push(app.adapter("EJIA"), json!([earn("E1", "B1", 8.0)])).await;
    assert_eq!(standing(&app, "B1", "2025").await, (json!(1), json!(2)));
    let replayed = entries(&app, Some("REPLAYED")).await;
    assert_eq!(replayed.len(), 1);
    assert_eq!(replayed[0]["reason"], "UNKNOWN_REFERENCE");
    agrees(&app).await;
});

on_both!(what_is_discarded_is_not_asked_about_again, |db| async move {
    let app = district(db).await;
    let entry = json!([earn("E1", "X1", 2.0)]);
    push(app.adapter("EJIA"), entry.clone()).await;
    let id = entries(&app, None).await[0]["id"].clone();
    let discard = |reason: &str| json!({ "id": id, "reason": reason });
    let selection = "quarantinedEntry { state }";
    let refused = app
        .admin()
        .mutate("discardQuarantine", selection, discard(" "))
        .await;
    assert_eq!(refused.refused().1, "reason");
    let done = app
        .admin()
        .mutate("discardQuarantine", selection, discard("误报"))
        .await;
    assert_eq!(done.done()["quarantinedEntry"]["state"], "DISCARDED");
    let payload = push(app.adapter("EJIA"), entry).await;
    assert_eq!(payload["outcomes"][0]["reason"], "UNKNOWN_BRANCH");
    assert_eq!(entries(&app, Some("WAITING")).await, Vec::<Value>::new());
    assert_eq!(entries(&app, None).await.len(), 1);
    // Also when the branch is there by now: it was decided.
    create(&app, "X1", json!({})).await;
    let payload = push(
        app.adapter("EJIA"),
        json!([earn("E1", "X1", 2.0), earn("E2", "X1", 3.0)]),
    )
    .await;
    assert_eq!(payload["outcomes"][0]["reason"], "UNKNOWN_BRANCH");
    assert_eq!(
        (&payload["accepted"], &payload["quarantined"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(standing(&app, "X1", "2025").await, (json!(3), json!(1)));
    let again = app
        .admin()
        .mutate("discardQuarantine", selection, discard("误报"))
        .await;
    assert_eq!(again.refusal_code(), "INVALID_TRANSITION");
});

on_both!(
    what_waits_for_a_branch_is_booked_when_it_is_there,
    |db| async move {
        let app = district(db).await;
        push(
            app.adapter("EJIA"),
            json!([earn("E1", "N1", 2.0), earn("E2", "O1", 3.0)]),
        )
        .await;
        create(&app, "N1", json!({})).await;
        assert_eq!(standing(&app, "N1", "2025-07").await, (json!(2), json!(1)));
        let branch = by_code(app.admin(), "B3").await["id"].clone();
        let alias = json!({ "branchId": branch, "code": "O1", "sourceCode": "EJIA", "since": "2025-01-01" });
        done(&app, "addBranchAlias", alias).await;
        assert_eq!(standing(&app, "B3", "2025-07").await, (json!(3), json!(1)));
        assert_eq!(entries(&app, Some("WAITING")).await, Vec::<Value>::new());
        agrees(&app).await;
    }
);

on_both!(one_resolves_while_others_push_the_same_code, |db| async move {
    let app = district(db).await;
    let entry = |n: usize| earn(&format!("E{n}"), "X1", 1.0);
    let first: Vec<Value> = (0..40).map(entry).collect();
    push(app.adapter("EJIA"), json!(first)).await;
    let waiting = entries(&app, Some("WAITING")).await;
    let branch = by_code(app.admin(), "B1").await["id"].clone();
    let resolves = waiting.iter().take(6).map(|waiting| {
        let input = json!({ "id": waiting["id"], "branchId": branch });
        let app = &app;
        async move { resolve(app, input).await }
    });
    let pushes = (0..6).map(|caller| {
        let entries: Vec<Value> = (0..10).map(|n| entry(n * 4 + 40 * (caller % 2))).collect();
        push(app.adapter("EJIA"), json!(entries))
    });
    let (resolved, _) = tokio::join!(
        futures_util::future::join_all(resolves),
        futures_util::future::join_all(pushes)
    );
    // One of them gives the branch its code; the others find that done, or their entry booked.
    let done = resolved.iter().filter(|answer| {
        let payload = &answer.data()["resolveQuarantine"];
        payload["userErrors"] == json!([])
    });
    assert_eq!(done.count(), 1);
    zhibu::jobs::sweep_points(&app.database).await.unwrap();
    assert_eq!(entries(&app, Some("WAITING")).await, Vec::<Value>::new());
    assert_eq!(standing(&app, "B1", "2025").await, (json!(50), json!(50)));
    agrees(&app).await;
});

on_both!(
    what_cannot_be_read_is_not_booked_as_it_may_be_meant,
    |db| async move {
        let app = district(db).await;
        let row = |event: &str, points: Value| {
            json!({ "eventId": event, "branchCode": "B1", "points": points,
        "revision": 1, "kind": "EARN", "activity": "OTHER", "occurredAt": "2025-07-01T04:00:00Z" })
        };
        let body = format!("{}\n", row("E1", json!("5")));
        let request = app.http().post(format!("{}/platform/EJIA/points", app.url));
        let request = request.header("content-type", "application/x-ndjson").body(body);
        let adapter = app.adapter("EJIA");
        let answer = request
            .bearer_auth(adapter.token().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        // Read to its end: it is booked by then.
        answer.text().await.unwrap();
        let waiting = entries(&app, Some("WAITING")).await;
        assert_eq!(waiting[0]["reason"], "INVALID_FIELD");
        let (code, path, message) = resolve(&app, json!({ "id": waiting[0]["id"] })).await.refused();
        assert_eq!(
            (code.as_str(), path.as_str()),
            ("RULE_VIOLATION", "id"),
            "{message}"
        );
        assert_eq!(standing(&app, "B1", "2025").await, (json!(0), json!(0)));
        assert_eq!(entries(&app, Some("WAITING")).await.len(), 1);
    }
);

on_both!(more_than_a_batch_may_wait_for_one_code, |db| async move {
    let app = district(db).await;
    let all: Vec<Value> = (0..1001).map(|n| earn(&format!("E{n}"), "X1", 1.0)).collect();
    for entries in all.chunks(500) {
        push(app.adapter("EJIA"), json!(entries)).await;
    }
    let query = r#"{ quarantine(sourceCode: "EJIA", first: 1) { totalCount nodes { id } } }"#;
    let newest = r#"{ quarantine(sourceCode: "EJIA", last: 1) { totalCount nodes { id payload } } }"#;
    assert_eq!(app.admin().data(query).await["quarantine"]["totalCount"], 1001);
    let last = app.admin().data(newest).await["quarantine"]["nodes"][0].clone();
    let branch = by_code(app.admin(), "B1").await["id"].clone();
    let input = json!({ "id": last["id"], "branchId": branch });
    let done = resolve(&app, input).await;
    assert_eq!(done.done()["quarantinedEntry"]["state"], "REPLAYED");
    zhibu::jobs::sweep_points(&app.database).await.unwrap();
    assert_eq!(standing(&app, "B1", "2025").await, (json!(1001), json!(1001)));
    agrees(&app).await;
});

on_both!(what_waits_is_judged_anew_when_it_comes_again, |db| async move {
    let app = district(db).await;
    let entry =
        json!([{ "eventId": "F1", "branchCode": "X1", "points": 1, "occurredAt": "2026-03-02T03:00:00Z" }]);
    let first = push(app.adapter("EJIA"), entry.clone()).await;
    assert_eq!(first["outcomes"][0]["reason"], "FUTURE_DATED");
    app.clock.advance(chrono::Duration::hours(2));
    let again = push(app.adapter("EJIA"), entry).await;
    assert_eq!(again["outcomes"][0]["reason"], "UNKNOWN_BRANCH");
    let waiting = entries(&app, Some("WAITING")).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["reason"], "UNKNOWN_BRANCH");
    let branch = by_code(app.admin(), "B1").await["id"].clone();
    resolve(&app, json!({ "id": waiting[0]["id"], "branchId": branch }))
        .await
        .done();
    assert_eq!(entries(&app, Some("WAITING")).await, Vec::<Value>::new());
    agrees(&app).await;
});

on_both!(a_persons_number_is_kept_nowhere, |db| async move {
    let app = district(db).await;
    let answer = json!({ "eventId": "R1", "branchCode": "13800138000", "kind": "REVERSAL", "points": 0,
        "refersTo": "E1", "occurredAt": "2025-07-02T04:00:00Z" });
    let nameless = json!({ "eventId": "E13800138000", "revision": 0, "branchCode": "B1", "points": 1,
        "occurredAt": "2025-07-02T04:00:00Z" });
    let payload = push(
        app.adapter("EJIA"),
        json!([earn("E1", "13800138000", 1.0), answer, nameless]),
    )
    .await;
    let reasons: Vec<&Value> = payload["outcomes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| &o["reason"])
        .collect();
    assert_eq!(reasons, ["INVALID_FIELD", "UNKNOWN_REFERENCE", "INVALID_FIELD"]);
    let waiting = entries(&app, Some("WAITING")).await;
    assert_eq!(waiting.len(), 3);
    for row in &waiting {
        assert!(!row.to_string().contains("13800138000"), "{row}");
    }
    // The event that it names comes, and what was masked does not matter.
    push(app.adapter("EJIA"), json!([earn("E1", "B1", 8.0)])).await;
    assert_eq!(entries(&app, Some("WAITING")).await.len(), 2);
});
