//! Points through the API: pushing, standing, ranks, what waits, adjustments and reconciliation.

mod places;
mod quarantine;
mod ranks;
mod stream;

use serde_json::{Value, json};

use crate::support::{
    app::{As, TestApp},
    branches::create,
    on_both,
};

/// A service whose committee C1 has the branches B1 to B3, and a source.
async fn district(db: crate::support::TestDatabase) -> TestApp {
    let app = TestApp::with_tree(db).await;
    for code in ["B1", "B2", "B3"] {
        create(&app, code, json!({})).await;
    }
    app.open_source("EJIA").await;
    app
}

fn earn(event: &str, branch: &str, points: f64) -> Value {
    json!({ "eventId": event, "branchCode": branch, "points": points, "activity": "THEME_DAY",
        "occurredAt": "2025-07-01T12:00:00+08:00" })
}

const OUTCOMES: &str = "accepted duplicates quarantined outcomes { eventId revision status reason } cursor";

async fn push(caller: As<'_>, entries: Value) -> Value {
    let input = json!({ "sourceCode": "EJIA", "entries": entries });
    caller.mutate("pushPoints", OUTCOMES, input).await.done().clone()
}

/// Points of a branch in a period, and how many events count.
async fn standing(app: &TestApp, branch: &str, period: &str) -> (Value, Value) {
    let query = "query($code: String!, $period: Period) { branch(by: { code: $code }) {
        points(period: $period) { total entryCount } } }";
    let variables = json!({ "code": branch, "period": period });
    let answer = app.viewer(None).ask(query, variables).await;
    let points = &answer.data()["branch"]["points"];
    (points["total"].clone(), points["entryCount"].clone())
}

on_both!(each_entry_of_a_push_has_its_outcome, |db| async move {
    let app = district(db).await;
    let adapter = app.adapter("EJIA");
    let entries = json!([
        earn("E1", "B1", 5.25),
        { "eventId": "E1", "branchCode": "B1", "points": 5.25, "activity": "THEME_DAY", "occurredAt": "2025-07-01T04:00:00Z" },
        earn("E2", "ＨＣ－９", 1.0),
        { "eventId": "R1", "branchCode": "B1", "kind": "REVERSAL", "points": 0, "refersTo": "E1",
          "occurredAt": "2025-07-02T04:00:00Z" },
        { "eventId": "E3", "branchCode": "B2", "kind": "ADJUSTMENT", "points": 1, "occurredAt": "2025-07-01T04:00:00Z" },
        { "eventId": "E4", "branchCode": "B2", "points": -1.5, "occurredAt": "2025-07-01T04:00:00Z", "note": "电话13800138000" },
    ]);
    let payload = push(adapter.clone(), entries).await;
    assert_eq!(
        payload["outcomes"],
        json!([
            { "eventId": "E1", "revision": 1, "status": "ACCEPTED", "reason": null },
            { "eventId": "E1", "revision": 1, "status": "DUPLICATE", "reason": null },
            { "eventId": "E2", "revision": 1, "status": "QUARANTINED", "reason": "UNKNOWN_BRANCH" },
            { "eventId": "R1", "revision": 1, "status": "ACCEPTED", "reason": null },
            { "eventId": "E3", "revision": 1, "status": "QUARANTINED", "reason": "INVALID_FIELD" },
            { "eventId": "E4", "revision": 1, "status": "ACCEPTED", "reason": null },
        ])
    );
    let counts = ["accepted", "duplicates", "quarantined"].map(|name| payload[name].clone());
    assert_eq!(counts, [json!(3), json!(1), json!(2)]);
    app.settle().await;
    let after = payload["cursor"].as_str().expect("a cursor").to_owned();
    // The cursor is a place from which later changes follow.
    push(adapter.clone(), json!([earn("E5", "B3", 2.0)])).await;
    app.settle().await;
    let changes = app
        .admin()
        .ask(
            "query($after: ChangeCursor) { changes(after: $after, filter: { topics: [POINTS] }) {
               changes { node { ... on Branch { code } } } } }",
            json!({ "after": after }),
        )
        .await;
    let changes = changes.data()["changes"]["changes"].as_array().unwrap();
    assert_eq!(changes.last().unwrap()["node"]["code"], "B3");
    assert_eq!(standing(&app, "B1", "2025-07").await, (json!(0), json!(1)));
    assert_eq!(standing(&app, "B2", "2025").await, (json!(-1.5), json!(1)));
    let source = app
        .adapter("EJIA")
        .data(r#"{ pointSource(code: "EJIA") { code name entryCount quarantineCount } }"#)
        .await;
    assert_eq!(
        source["pointSource"],
        json!({ "code": "EJIA", "name": "党建e家（演示）", "entryCount": 4, "quarantineCount": 2 })
    );
});

on_both!(the_ledger_is_read_line_by_line, |db| async move {
    let app = district(db).await;
    push(
        app.adapter("EJIA"),
        json!([
            earn("E1", "B1", 5.0),
            { "eventId": "E1", "revision": 2, "branchCode": "B2", "points": 5, "occurredAt": "2025-08-01T04:00:00Z",
              "activity": "THEME_DAY", "note": "电话13800138000" },
            { "eventId": "C1", "branchCode": "B9", "kind": "CORRECTION", "points": 7.5, "refersTo": "E1",
              "occurredAt": "2025-08-02T04:00:00Z" },
        ]),
    )
    .await;
    let query = "query($filter: PointEntryFilter) { pointEntries(filter: $filter) { totalCount nodes {
        id eventId revision kind activity points occurredAt refersTo note documentNumber source { code } branch { code }
        postings { branch { code } countedAt amount } } } }";
    let answer = app.admin().ask(query, json!({})).await;
    let all = &answer.data()["pointEntries"];
    assert_eq!(all["totalCount"], 3);
    let shown: Vec<Value> = all["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            json!([
                node["eventId"],
                node["revision"],
                node["branch"]["code"],
                node["points"],
                node["note"],
                node["postings"]
            ])
        })
        .collect();
    let posting = |branch: &str, at: &str, amount: f64| {
        let amount = if amount.fract() == 0.0 {
            json!(amount as i64)
        } else {
            json!(amount)
        };
        json!({ "branch": { "code": branch }, "countedAt": at, "amount": amount })
    };
    assert_eq!(
        shown,
        [
            json!([
                "C1",
                1,
                "B2",
                7.5,
                null,
                [posting("B2", "2025-08-01T04:00:00Z", 2.5)]
            ]),
            json!([
                "E1",
                2,
                "B2",
                5,
                "电话***********",
                [
                    posting("B1", "2025-07-01T04:00:00Z", -5.0),
                    posting("B2", "2025-08-01T04:00:00Z", 5.0),
                ]
            ]),
            json!([
                "E1",
                1,
                "B1",
                5,
                null,
                [posting("B1", "2025-07-01T04:00:00Z", 5.0)]
            ]),
        ]
    );
    for (filter, count) in [
        (json!({ "kinds": ["CORRECTION"] }), 1),
        (json!({ "activities": ["THEME_DAY"] }), 2),
        (json!({ "activities": [] }), 0),
        (json!({ "from": "2025-08-01T04:00:00Z" }), 2),
        (json!({ "to": "2025-08-01T04:00:00Z" }), 1),
        (json!({ "sourceCode": "EJIA" }), 3),
        (json!({ "sourceCode": "OTHER" }), 0),
        (json!({ "branchId": "nothing" }), 0),
    ] {
        let answer = app.admin().ask(query, json!({ "filter": filter })).await;
        assert_eq!(answer.data()["pointEntries"]["totalCount"], count, "{filter}");
        let nodes = answer.data()["pointEntries"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), count, "{filter}");
    }
    // Only in scope: a branch's own secretary, and who is above it.
    let of_branch = r#"{ branch(by: { code: "B2" }) { pointEntries { totalCount nodes { eventId } } } }"#;
    for (caller, count) in [
        (app.secretary_of("B2"), 2),
        (app.secretary_of("B1"), 0),
        (app.committee("C2"), 0),
        (app.committee("C1"), 2),
    ] {
        let data = caller.data(of_branch).await;
        assert_eq!(data["branch"]["pointEntries"]["totalCount"], count);
        assert_eq!(
            data["branch"]["pointEntries"]["nodes"].as_array().unwrap().len(),
            count
        );
    }
    let id = all["nodes"][0]["id"].as_str().unwrap();
    let node = format!(r#"{{ node(id: "{id}") {{ ... on PointEntry {{ eventId }} }} }}"#);
    assert_eq!(app.admin().data(&node).await["node"]["eventId"], "C1");
    assert_eq!(app.secretary_of("B1").data(&node).await["node"], Value::Null);
});

on_both!(an_adapter_pushes_for_its_own_source_only, |db| async move {
    let app = district(db).await;
    app.open_source("OTHER").await;
    for (caller, source, expected) in [
        (app.adapter("EJIA"), "OTHER", "FORBIDDEN"),
        (app.adapter("EJIA"), "NOWHERE", "FORBIDDEN"),
        (app.adapter("NOWHERE"), "NOWHERE", "FORBIDDEN"),
        (app.secretary_of("B1"), "EJIA", "FORBIDDEN"),
        (app.nobody(), "EJIA", "UNAUTHENTICATED"),
        (app.admin(), "NOWHERE", "NOT_FOUND"),
        (app.admin(), "LOCAL", "RULE_VIOLATION"),
    ] {
        let input = json!({ "sourceCode": source, "entries": [earn("E1", "B1", 1.0)] });
        let answer = caller.mutate("pushPoints", "accepted", input).await;
        let code = answer.body["errors"][0]["extensions"]["code"].as_str();
        let code = code.or(answer.body["data"]["pushPoints"]["userErrors"][0]["code"].as_str());
        assert_eq!(code, Some(expected), "{source}: {:#}", answer.body);
    }
    assert_eq!(standing(&app, "B1", "2025").await, (json!(0), json!(0)));
    // An adapter sees its own source and no other.
    let data = app.adapter("EJIA").data("{ pointSources { code } }").await;
    assert_eq!(data["pointSources"], json!([{ "code": "EJIA" }]));
});

on_both!(what_cannot_be_coerced_refuses_the_whole_call, |db| async move {
    let app = district(db).await;
    let adapter = app.adapter("EJIA");
    let wrong = |name: &str, value: Value| {
        let mut entry = earn("E2", "B1", 1.0);
        entry[name] = value;
        entry
    };
    for (name, value) in [
        ("points", json!(1.005)),
        ("points", json!("5")),
        ("points", Value::Null),
        ("points", json!(1e300)),
        ("points", json!(1_000_000_001)),
        ("occurredAt", json!("2025-07-01T12:00:00")),
        ("occurredAt", json!("2025-07-01")),
        // A leap second: one database would move it into the next month, the other keep it.
        ("occurredAt", json!("2025-07-31T15:59:60Z")),
        ("revision", json!(1.5)),
        ("revision", json!(3_000_000_000_i64)),
        ("kind", json!("GIFT")),
        ("eventId", json!(["a"])),
    ] {
        let input =
            json!({ "sourceCode": "EJIA", "entries": [earn("E1", "B1", 1.0), wrong(name, value.clone())] });
        let answer = adapter.mutate("pushPoints", "accepted", input).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{name} {value}");
        let message = answer.body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("entries") && message.contains(name), "{message}");
    }
    // Numbers that JSON has no form for never become a request.
    let body = r#"{"query":"mutation($i: PushPointsInput!) { pushPoints(input: $i) { accepted } }","variables":{"i":{"sourceCode":"EJIA","entries":[{"eventId":"E1","branchCode":"B1","points":NUMBER,"occurredAt":"2025-07-01T04:00:00Z"}]}}}"#;
    for number in ["NaN", "1e400", "Infinity", "+1", "01"] {
        let request = adapter
            .request("{ viewer { role } }", json!({}))
            .body(body.replace("NUMBER", number));
        let answer = adapter.send(request).await;
        assert_eq!(
            (answer.status, answer.error_code()),
            (400, "BAD_REQUEST"),
            "{number}"
        );
    }
    let literal = r#"mutation { pushPoints(input: { sourceCode: "EJIA", entries: [
        { eventId: "E1", branchCode: "B1", points: 1.005, occurredAt: "2025-07-01T04:00:00Z" }] }) { accepted } }"#;
    assert_eq!(adapter.ask(literal, json!({})).await.error_code(), "BAD_REQUEST");
    assert_eq!(standing(&app, "B1", "2025").await, (json!(0), json!(0)));
});

on_both!(what_coerces_is_judged_entry_by_entry, |db| async move {
    let app = district(db).await;
    let adapter = app.adapter("EJIA");
    let with = |event: &str, name: &str, value: Value| {
        let mut entry = earn(event, "B1", 1.0);
        entry[name] = value;
        entry
    };
    let long = "x".repeat(10_240);
    let entries = json!([
        earn("E1", "B1", 1.0),
        earn(&long, "B1", 1.0),
        earn("", "B1", 1.0),
        with("E2", "occurredAt", json!("2026-11-30T00:00:00Z")),
        with("E3", "revision", json!(0)),
        with("E4", "refersTo", json!("E1")),
        earn("E5", "B2", 1.0),
    ]);
    let payload = push(adapter.clone(), entries).await;
    let outcomes = payload["outcomes"].as_array().unwrap();
    let reasons: Vec<&str> = outcomes
        .iter()
        .map(|outcome| {
            outcome["reason"]
                .as_str()
                .unwrap_or_else(|| outcome["status"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        reasons,
        [
            "ACCEPTED",
            "INVALID_FIELD",
            "INVALID_FIELD",
            "FUTURE_DATED",
            "INVALID_FIELD",
            "INVALID_FIELD",
            "ACCEPTED"
        ]
    );
    let many: Vec<Value> = (0..1001).map(|n| earn(&format!("M{n}"), "B3", 1.0)).collect();
    let input = json!({ "sourceCode": "EJIA", "entries": many });
    let (code, path, message) = adapter
        .mutate("pushPoints", "accepted outcomes { eventId }", input)
        .await
        .refused();
    assert_eq!((code.as_str(), path.as_str()), ("INVALID_INPUT", "entries"));
    assert!(message.contains("1000") && message.contains("1001"), "{message}");
    assert_eq!(standing(&app, "B3", "2025").await, (json!(0), json!(0)));
    let payload = push(adapter, json!(many[..1000])).await;
    assert_eq!(payload["accepted"], 1000);
    assert_eq!(payload["outcomes"].as_array().unwrap().len(), 1000);
    assert_eq!(standing(&app, "B3", "2025-07").await, (json!(1000), json!(1000)));
});

on_both!(a_push_is_repeated_under_its_key, |db| async move {
    let app = district(db).await;
    let adapter = app.adapter("EJIA");
    let input = json!({ "sourceCode": "EJIA", "entries": [earn("E1", "B1", 1.0)] });
    for _ in 0..2 {
        let answer = adapter
            .mutate_once("k", "pushPoints", "accepted duplicates", input.clone())
            .await;
        assert_eq!(answer.done()["accepted"], 1);
    }
    assert_eq!(
        push(adapter, json!([earn("E1", "B1", 1.0)])).await["duplicates"],
        1
    );
});

on_both!(the_district_adjusts_with_a_document, |db| async move {
    let app = district(db).await;
    let id = crate::support::branches::by_code(app.admin(), "B1").await["id"].clone();
    let selection = "pointEntry { eventId kind points note documentNumber source { code } branch { code } postings { amount } }";
    let input = json!({ "branchId": id, "points": -2.5, "occurredAt": "2025-07-01T04:00:00Z",
        "documentNumber": "海委组〔2025〕7号", "note": "核减" });
    let done = app.admin().mutate("adjustPoints", selection, input.clone()).await;
    assert_eq!(
        done.done()["pointEntry"],
        json!({ "eventId": "ADJ-000001", "kind": "ADJUSTMENT", "points": -2.5, "note": "核减",
            "documentNumber": "海委组〔2025〕7号", "source": { "code": "LOCAL" }, "branch": { "code": "B1" },
            "postings": [{ "amount": -2.5 }] })
    );
    let again = app.admin().mutate("adjustPoints", selection, input.clone()).await;
    assert_eq!(again.done()["pointEntry"]["eventId"], "ADJ-000002");
    assert_eq!(standing(&app, "B1", "2025-07").await, (json!(-5), json!(2)));
    for (name, value, expected) in [
        ("branchId", json!("nothing"), ("NOT_FOUND", "branchId")),
        ("points", json!(0), ("INVALID_INPUT", "points")),
        ("documentNumber", json!("  "), ("INVALID_INPUT", "documentNumber")),
        (
            "note",
            json!("身份证11010519491231002X"),
            ("INVALID_INPUT", "note"),
        ),
        (
            "occurredAt",
            json!("2027-01-01T00:00:00Z"),
            ("INVALID_INPUT", "occurredAt"),
        ),
        (
            "occurredAt",
            json!("2001-01-01T00:00:00Z"),
            ("RULE_VIOLATION", "occurredAt"),
        ),
    ] {
        let mut input = input.clone();
        input[name] = value;
        let (code, path, _) = app
            .admin()
            .mutate("adjustPoints", selection, input)
            .await
            .refused();
        assert_eq!((code.as_str(), path.as_str()), expected);
    }
    assert_eq!(standing(&app, "B1", "2025-07").await, (json!(-5), json!(2)));
});

on_both!(totals_are_reconciled_with_the_platforms, |db| async move {
    let app = district(db).await;
    push(
        app.adapter("EJIA"),
        json!([
            earn("E1", "B1", 5.0),
            earn("E2", "B2", 2.5),
            { "eventId": "R2", "branchCode": "B2", "kind": "REVERSAL", "points": 0, "refersTo": "E2", "occurredAt": "2025-07-02T04:00:00Z" },
            earn("E3", "B3", 1.0),
            { "eventId": "E4", "branchCode": "B1", "points": 9, "occurredAt": "2025-08-01T04:00:00Z" },
        ]),
    )
    .await;
    let selection = "agreed differences { branchCode branch { code } platformTotal ledgerTotal }";
    let input =
        |period: &str, totals: Value| json!({ "sourceCode": "EJIA", "period": period, "totals": totals });
    let totals = json!([
        { "branchCode": "B1", "total": 4.5 }, { "branchCode": "B2", "total": 0 }, { "branchCode": "X9", "total": 1 },
    ]);
    let answer = app
        .admin()
        .mutate("reconcilePoints", selection, input("2025-07", totals.clone()))
        .await;
    assert_eq!(
        *answer.done(),
        json!({ "agreed": 1, "userErrors": [], "differences": [
            { "branchCode": "B1", "branch": { "code": "B1" }, "platformTotal": 4.5, "ledgerTotal": 5 },
            { "branchCode": "B3", "branch": { "code": "B3" }, "platformTotal": null, "ledgerTotal": 1 },
            { "branchCode": "X9", "branch": null, "platformTotal": 1, "ledgerTotal": null },
        ] })
    );
    // An adapter may compare too, though it sees no branches.
    let answer = app
        .adapter("EJIA")
        .mutate(
            "reconcilePoints",
            selection,
            input(
                "2025",
                json!([{ "branchCode": "B1", "total": 14 }, { "branchCode": "B3", "total": 1 }]),
            ),
        )
        .await;
    assert_eq!(answer.done()["agreed"], 2);
    assert_eq!(answer.done()["differences"], json!([]));
    let answer = app
        .adapter("EJIA")
        .mutate("reconcilePoints", selection, input("2025-13", json!([])))
        .await;
    assert_eq!(answer.error_code(), "BAD_REQUEST");
});

on_both!(
    callers_whose_events_name_each_other_do_not_stand_still,
    |db| async move {
        let app = district(db).await;
        // Small batches of events, reversals and corrections of each other, in an order that has nothing to do with their names.
        let entry = |n: usize| {
            let event = (n * 37) % 40;
            match n % 3 {
                0 => earn(&format!("E{event}"), "B1", 1.0),
                1 => {
                    json!({ "eventId": format!("A{n}"), "branchCode": "-", "kind": "CORRECTION", "points": 2,
                "refersTo": format!("E{event}"), "occurredAt": "2025-07-02T04:00:00Z" })
                }
                _ => json!({ "eventId": format!("Z{n}"), "branchCode": "-", "kind": "REVERSAL", "points": 0,
                "refersTo": format!("E{}", (event * 7) % 40), "occurredAt": "2025-07-02T04:00:00Z" }),
            }
        };
        let callers = (0..12).map(|caller| {
            let adapter = app.adapter("EJIA");
            async move {
                for batch in 0..6 {
                    let entries: Vec<Value> = (0..5).map(|n| entry(caller * 11 + batch * 5 + n)).collect();
                    // Answered without an error, each of them.
                    push(adapter.clone(), json!(entries)).await;
                }
            }
        });
        let started = std::time::Instant::now();
        futures_util::future::join_all(callers).await;
        eprintln!("{:?}: {:?}", app.database.backend(), started.elapsed());
        let reader = app.database.reader();
        assert_eq!(zhibu::points::verify_totals(reader).await.unwrap(), 0);
        assert_eq!(zhibu::points::verify_scores(reader).await.unwrap(), 0);
    }
);
