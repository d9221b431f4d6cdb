//! The demonstration district's figures, asked over the API where it asks for them.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Value, json};
use zhibu::{
    config::{Config, Overrides},
    demo,
    training::{Window, distinct_participants},
};

use crate::support::{
    app::{As, TestApp},
    on_both,
    platform::Platform,
};

/// Every node of a connection, read page by page.
async fn all(caller: &As<'_>, field: &str, arguments: &str, selection: &str) -> Vec<Value> {
    let query = format!(
        "query($after: String) {{ {field}({arguments} first: 200, after: $after) {{
           nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let mut nodes = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = caller.ask(&query, json!({ "after": after })).await;
        let page = &answer.data()[field];
        nodes.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] == false {
            return nodes;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

on_both!(the_published_figures_come_out_of_the_api, |db| async move {
    let app = TestApp::with_demo(db).await;
    let viewer = app.viewer(None);
    let data = viewer
        .data(
            r#"{
              all: branches { totalCount }
              founded: branches(filter: { forms: [SINGLE, JOINT], foundedFrom: "2020-07-01", foundedTo: "2022-12-31" }) { totalCount }
              temporary: branches(filter: { forms: [TEMPORARY], foundedFrom: "2020-07-01", foundedTo: "2022-12-31" }) { totalCount }
              gold: branches(filter: { gold: true }) { totalCount }
              paired: branches(filter: { paired: true }) { totalCount }
              bases: sites(filter: { kinds: [TRAINING_BASE], upgradedFrom: "2020-07-01", upgradedTo: "2022-12-31" }) { totalCount }
              pairings(filter: { year: 2022 }) { totalCount }
              oneToMany: pairings(filter: { year: 2022, forms: [ONE_TO_MANY] }) { totalCount }
              headcounts { kind count }
            }"#,
        )
        .await;
    let total = |name: &str| data[name]["totalCount"].as_u64().unwrap();
    assert_eq!(
        [
            "all",
            "founded",
            "temporary",
            "gold",
            "bases",
            "pairings",
            "oneToMany"
        ]
        .map(total),
        [826, 91, 7, 52, 25, 44, 40]
    );
    let counted = |kind: &str| -> u64 {
        let rows = data["headcounts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["kind"] == kind);
        rows.map(|row| row["count"].as_u64().unwrap()).sum()
    };
    for (kind, count) in [
        ("TWO_COMMITTEES", 372),
        ("RISING_STAR", 102),
        ("RURAL_WORKER", 28),
        ("NON_PUBLIC_INSTRUCTOR", 10),
        ("ASSIGNED_OFFICIAL", 412),
        ("VOLUNTEER", 161_384),
    ] {
        assert_eq!(counted(kind), count, "{kind}");
    }

    let window = "2020-07-01".to_owned()..="2022-12-31".to_owned();
    let branches = all(&viewer, "branches", "", "domain terms { electedOn onTime }").await;
    let elections = branches
        .iter()
        .flat_map(|branch| branch["terms"].as_array().unwrap())
        .filter(|term| {
            term["onTime"] == true && window.contains(&term["electedOn"].as_str().unwrap().to_owned())
        });
    assert_eq!(elections.count(), 175);

    let pairings = all(
        &viewer,
        "pairings",
        "filter: { year: 2022 },",
        "members { leftOn branch { code } }",
    )
    .await;
    let members: BTreeSet<&str> = pairings
        .iter()
        .flat_map(|pairing| pairing["members"].as_array().unwrap())
        .filter(|member| member["leftOn"].is_null())
        .map(|member| member["branch"]["code"].as_str().unwrap())
        .collect();
    assert_eq!(members.len(), 216);

    // Later issues show it on the board; here the store says it.
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let window = Window {
        from: day("2020-07-01"),
        to: day("2022-12-31"),
    };
    let scope = app.requester(&viewer).await.scope();
    let trained = distinct_participants(app.database.reader(), &scope, window, None)
        .await
        .unwrap();
    assert_eq!(trained, 1328);
});

on_both!(
    the_newcomers_query_is_answered_with_the_demonstration,
    |db| async move {
        let app = TestApp::with_demo(db).await;
        let data = app
            .secretary_of("HC-0001")
            .data(
                r#"{ branch(by: { code: "HC-0001" }) { name brand { name } term { endsOn }
                 pairings(states: [ACTIVE]) { nodes { members { branch { name } } } }
                 trainingRecords(first: 5) { nodes { topic heldOn } } } }"#,
            )
            .await;
        let branch = &data["branch"];
        assert_eq!(branch["brand"]["name"], "邻里医生");
        assert!(branch["term"]["endsOn"].is_string());
        assert!(branch["pairings"]["nodes"].as_array().unwrap().len() >= 2);
        let records = branch["trainingRecords"]["nodes"].as_array().unwrap();
        assert_eq!(records.len(), 5);
        assert!(records.is_sorted_by(|a, b| a["heldOn"].as_str() >= b["heldOn"].as_str()));
    }
);

on_both!(node_works_for_every_type_that_has_an_id, |db| async move {
    let platform = Platform::start().await;
    let sources = Config::parse(Some(("test", &platform.by_cursor(""))), [], &Overrides::default());
    let app = TestApp::with_config(db, |config| config.sources = sources.unwrap().sources).await;
    app.load_demo().await;
    let admin = app.admin();
    let asked_for = admin.mutate("pullPoints", "run { id }", json!({ "sourceCode": demo::SOURCE }));
    asked_for.await.done();
    // The demonstration's points are booked apart: one that is booked and one that waits will do.
    let earn = |branch: &str| {
        json!({ "eventId": branch, "branchCode": branch, "points": 5, "activity": "THEME_DAY",
            "occurredAt": "2022-07-01T12:00:00+08:00" })
    };
    let input =
        json!({ "sourceCode": demo::SOURCE, "entries": [earn(demo::SHOWCASE_BRANCH), earn("HC-9001")] });
    let adapter = app.adapter(demo::SOURCE);
    let pushed = adapter.mutate("pushPoints", "accepted quarantined", input).await;
    assert_eq!(
        (&pushed.done()["accepted"], &pushed.done()["quarantined"]),
        (&json!(1), &json!(1))
    );
    let branch = admin
        .data(&format!(
            "{{ branch(by: {{ code: \"{}\" }}) {{ id }} }}",
            demo::SHOWCASE_BRANCH
        ))
        .await;
    let finding = json!({ "branchId": branch["branch"]["id"], "origin": "INSPECTION", "finding": {
        "aspect": "ROLE", "title": "t", "prescription": "p", "dueOn": "2023-01-31" } });
    let raised = admin.mutate("raiseRectification", "rectification { id }", finding);
    raised.await.done();
    let data = admin
        .data(
            "{ organizations(first: 1) { nodes { id __typename } } branches(first: 1) { nodes { id __typename } }
               brands(first: 1) { nodes { id __typename } }
               pairings(first: 1) { nodes { id __typename activities(first: 1) { nodes { id __typename } } } }
               campaigns { id __typename }
               rectifications(first: 1) { nodes { id __typename } } healthChecks(first: 1) { nodes { id __typename } }
               trainingRecords(first: 1) { nodes { id __typename } } sites(first: 1) { nodes { id __typename } }
               headcounts { id __typename } auditEntries(first: 1) { nodes { id __typename } }
               pointSources { id __typename runs(first: 1) { nodes { id __typename } } } pointEntries(first: 1) { nodes { id __typename } }
               quarantine(sourceCode: \"EJIA\", first: 1) { nodes { id __typename } }
               goldApplications { nodes { id __typename } } vetoes { nodes { id __typename } } }",
        )
        .await;
    let mut found = Vec::new();
    collect(&data, &mut found);
    let types: BTreeSet<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
    let every: BTreeSet<&str> = zhibu::kernel::id::NodeType::ALL
        .iter()
        .map(|t| t.as_str())
        .collect();
    assert_eq!(types, every);
    let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).take(100).collect();
    let answer = admin
        .ask(
            "query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }",
            json!({ "ids": ids }),
        )
        .await;
    for ((id, name), node) in found.iter().zip(answer.data()["nodes"].as_array().unwrap()) {
        assert_eq!(node, &json!({ "id": id, "__typename": name }));
    }
});

fn collect(value: &Value, found: &mut Vec<(String, String)>) {
    if let (Some(id), Some(name)) = (value["id"].as_str(), value["__typename"].as_str()) {
        found.push((id.to_owned(), name.to_owned()));
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}
