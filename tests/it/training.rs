//! Trainings and sites, asked as a client would.

use chrono::NaiveDate;
use serde_json::{Value, json};
use zhibu::{
    auth::Grant,
    storage::Location,
    training::{Window, distinct_participants},
};

use crate::{
    brand::{found, heard},
    support::{
        app::{Answer, As, TestApp},
        on_both,
    },
};

const RECORD: &str =
    "trainingRecord { id topic heldOn hours attendeeCount version site { name } branches { code } }";
const SITE: &str = "site { id name kind upgradedOn version organization { code } }";

fn with(mut input: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(more);
    input
}

async fn training(app: &TestApp, organizer: &str, branches: &[&str], refs: &[&str]) -> Value {
    json!({
        "topic": "支部书记轮训", "kind": "ROTATION", "audience": "SECRETARY", "heldOn": "2022-05-01", "hours": 7.5,
        "organizerId": app.organization_id(organizer).await, "branchIds": branches, "participantRefs": refs,
    })
}

fn id_of(answer: &Answer) -> String {
    let record = &answer.done()["trainingRecord"];
    record["id"].as_str().unwrap().to_owned()
}

async fn distinct(app: &TestApp, from: &str, to: &str) -> u64 {
    let window = Window {
        from: from.parse::<NaiveDate>().unwrap(),
        to: to.parse::<NaiveDate>().unwrap(),
    };
    let grant = Grant::of_the_service();
    distinct_participants(app.database.reader(), grant.scope(), window, None)
        .await
        .unwrap()
}

on_both!(a_person_counts_once_and_can_never_be_read_back, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    let officer = app.committee("C1");
    let first = training(
        &app,
        "C1",
        &[&b1],
        &["staff-0001", " staff-0001 ", "ｓｔａｆｆ-0001", "staff-0002"],
    )
    .await;
    let first = officer.mutate("recordTraining", RECORD, first).await;
    assert_eq!(first.done()["trainingRecord"]["attendeeCount"], 2);
    let again = with(
        training(&app, "G1", &[], &["staff-0002", "staff-0003"]).await,
        json!({ "audience": "PARTY_WORKER", "heldOn": "2022-06-01" }),
    );
    officer.mutate("recordTraining", RECORD, again).await.done();
    // Members are trained too, but not counted; nor is another year.
    let members = with(
        training(&app, "C1", &[&b1], &["staff-0004"]).await,
        json!({ "audience": "MEMBER" }),
    );
    officer.mutate("recordTraining", RECORD, members).await.done();
    let later = with(
        training(&app, "C1", &[&b1], &["staff-0005"]).await,
        json!({ "heldOn": "2023-01-01" }),
    );
    officer.mutate("recordTraining", RECORD, later).await.done();
    assert_eq!(distinct(&app, "2022-01-01", "2022-12-31").await, 3);
    assert_eq!(distinct(&app, "2022-05-01", "2022-05-01").await, 2);
    assert_eq!(distinct(&app, "2022-01-01", "2023-01-01").await, 4);

    let id = id_of(&first);
    let correction = json!({ "id": id, "version": 1, "participantRefs": ["staff-0002"] });
    let corrected = officer.mutate("correctTraining", RECORD, correction).await;
    assert_eq!(corrected.done()["trainingRecord"]["attendeeCount"], 1);
    assert_eq!(distinct(&app, "2022-01-01", "2022-12-31").await, 2);
    let removal = json!({ "id": id, "version": 2 });
    officer
        .mutate("removeTraining", "removedId", removal)
        .await
        .done();
    assert_eq!(distinct(&app, "2022-05-01", "2022-05-01").await, 0);

    let audit = app
        .admin()
        .data("{ auditEntries(first: 100) { nodes { action before after } } }")
        .await
        .to_string();
    assert!(audit.contains("recordTraining") && audit.contains("correctTraining"));
    assert!(!audit.contains("staff-"));
    // No field of the API leads to a participant.
    let fields = app
        .admin()
        .ask(
            "{ __type(name: \"TrainingRecord\") { fields { name } } }",
            json!({}),
        )
        .await
        .body
        .to_string();
    assert!(!fields.to_lowercase().contains("participant"), "{fields}");
    if let Location::Sqlite(file) = app.database.location() {
        let wal = file.with_file_name(format!("{}-wal", file.file_name().unwrap().to_str().unwrap()));
        let mut searched = 0;
        for name in [file, &wal] {
            if let Ok(bytes) = std::fs::read(name) {
                searched += bytes.len();
                let found = bytes.windows(6).any(|w| w == b"staff-");
                assert!(!found, "a reference stands in {}", name.display());
            }
        }
        assert!(searched > 0, "{}", file.display());
    }
});

on_both!(a_faulty_training_is_told_all_its_faults, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    let young = found_on(&app, "B2", "2022-05-02").await;
    let input = json!({
        "topic": "电话 13800138000", "kind": "LECTURE", "audience": "MEMBER", "heldOn": "2022-05-01", "hours": 0.3,
        "organizerId": "nobody", "siteId": "nowhere", "branchIds": [b1, b1, young, "nobody"],
        "participantRefs": ["staff-0001", " ", "staff-0002", "x".repeat(201)],
    });
    let answer = app.admin().mutate("recordTraining", RECORD, input).await;
    let errors = answer.data()["recordTraining"]["userErrors"]
        .as_array()
        .unwrap()
        .clone();
    let told: Vec<(String, String)> = errors
        .iter()
        .map(|e| {
            let path: Vec<&str> = e["path"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| p.as_str().unwrap())
                .collect();
            (path.join("."), e["code"].as_str().unwrap().to_owned())
        })
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(p, c)| (p.as_str(), c.as_str())).collect();
    assert_eq!(
        told,
        [
            ("organizerId", "NOT_FOUND"),
            ("topic", "INVALID_INPUT"),
            ("hours", "INVALID_INPUT"),
            ("siteId", "NOT_FOUND"),
            ("branchIds.1", "INVALID_INPUT"),
            ("branchIds.2", "RULE_VIOLATION"),
            ("branchIds.3", "NOT_FOUND"),
            ("participantRefs.1", "INVALID_INPUT"),
            ("participantRefs.3", "INVALID_INPUT"),
        ]
    );
    assert!(!answer.body.to_string().contains("staff-0001"));

    for (more, code, path) in [
        (json!({ "heldOn": "2026-03-03" }), "RULE_VIOLATION", "heldOn"),
        (
            json!({ "participantRefs": [] }),
            "INVALID_INPUT",
            "participantRefs",
        ),
        (json!({ "hours": 0 }), "INVALID_INPUT", "hours"),
        (json!({ "hours": 1000.25 }), "INVALID_INPUT", "hours"),
    ] {
        let input = with(training(&app, "C1", &[&b1], &["staff-0001"]).await, more);
        let refused = app
            .admin()
            .mutate("recordTraining", RECORD, input)
            .await
            .refused();
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, path));
    }
});

async fn found_on(app: &TestApp, code: &str, day: &str) -> String {
    let input = json!({
        "code": code, "name": format!("第{code}党支部"), "domain": "RURAL", "foundedOn": day, "memberCount": 5,
        "organizationId": app.organization_id("C2").await,
    });
    let answer = app.admin().mutate("createBranch", "branch { id }", input).await;
    answer.done()["branch"]["id"].as_str().unwrap().to_owned()
}

on_both!(those_who_hold_a_training_write_it_down, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    let b2 = found(&app, "B2", "C2", "RURAL").await;
    // C1 holds it, a branch of C2 comes too.
    let input = training(&app, "C1", &[&b1, &b2], &["staff-0001"]).await;
    let forbidden = |answer: &Answer| answer.error_code() == "FORBIDDEN";
    for (who, caller) in [
        ("another committee", app.committee("C2")),
        ("a committee below", app.committee("G1")),
        ("a branch", app.secretary_of("B1")),
        ("a viewer", app.viewer(None)),
        ("an examiner", app.examiner_of("B1")),
        ("an adapter", app.adapter("EJIA")),
    ] {
        let answer = caller.mutate("recordTraining", RECORD, input.clone()).await;
        assert!(forbidden(&answer), "{who}: {:#}", answer.body);
    }
    let record = id_of(&app.committee("C1").mutate("recordTraining", RECORD, input).await);
    let query = "query($id: ID!) { node(id: $id) { id } trainingRecords { totalCount }
        branches { nodes { code trainingRecords { totalCount nodes { topic } } } } }";
    // Who sees the record; of which branches its trainings are shown.
    for (who, caller, sees, of) in [
        ("district", app.admin(), true, vec!["B1", "B2"]),
        (
            "a viewer of the district",
            app.viewer(None),
            true,
            vec!["B1", "B2"],
        ),
        ("its committee", app.committee("C1"), true, vec!["B1"]),
        (
            "the committee of a branch that came",
            app.committee("C2"),
            true,
            vec!["B2"],
        ),
        (
            "a viewer above a branch that came",
            app.viewer(Some("G1")),
            true,
            vec!["B1"],
        ),
        ("a branch that came", app.secretary_of("B2"), true, vec!["B2"]),
        ("an examiner", app.examiner_of("B1"), false, vec![]),
    ] {
        let answer = caller.ask(query, json!({ "id": record })).await;
        let data = answer.data();
        assert_eq!(data["node"].is_null(), !sees, "{who}");
        assert_eq!(data["trainingRecords"]["totalCount"], i32::from(sees), "{who}");
        for branch in data["branches"]["nodes"].as_array().unwrap() {
            let shown = of.iter().any(|code| branch["code"] == *code);
            assert_eq!(
                branch["trainingRecords"]["totalCount"],
                i32::from(shown),
                "{who}: {branch}"
            );
            let nodes = branch["trainingRecords"]["nodes"].as_array().unwrap();
            assert_eq!(nodes.len(), usize::from(shown), "{who}: {branch}");
        }
    }
    found(&app, "B3", "C2", "RURAL").await;
    let stranger = app.secretary_of("B3").ask(query, json!({ "id": record })).await;
    assert_eq!(stranger.data()["node"], json!(null));
    let adapter = app
        .adapter("EJIA")
        .data("{ trainingRecords { totalCount } sites { totalCount } }")
        .await;
    assert_eq!(
        adapter,
        json!({ "trainingRecords": { "totalCount": 0 }, "sites": { "totalCount": 0 } })
    );

    // Who may see but did not hold it, may not correct it; who may not see it, finds nothing.
    let correction = json!({ "id": record, "version": 1, "topic": "改" });
    let removal = json!({ "id": record, "version": 1 });
    let answer = app
        .committee("C2")
        .mutate("correctTraining", RECORD, correction.clone())
        .await;
    assert!(forbidden(&answer));
    assert!(forbidden(
        &app.committee("C2")
            .mutate("removeTraining", "removedId", removal.clone())
            .await
    ));
    let own = with(correction, json!({ "branchIds": [b1] }));
    app.committee("C1")
        .mutate("correctTraining", RECORD, own)
        .await
        .done();
    let gone = app
        .committee("C2")
        .mutate("removeTraining", "removedId", removal)
        .await;
    assert_eq!(gone.refusal_code(), "NOT_FOUND");
    // The committee of the branch that never came hears that it left its scope.
    let changes = heard(&app.committee("C2"), "TRAINING", "action version node { id }", 2).await;
    assert_eq!(
        Value::from(changes),
        json!([
            { "action": "CREATED", "version": 1, "node": null },
            { "action": "UPDATED", "version": 2, "node": null },
        ])
    );
});

on_both!(a_record_is_corrected_and_removed, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    let c1 = app.organization_id("C1").await;
    let officer = app.committee("C1");
    let input = json!({ "name": "党建实训基地（演示）", "kind": "TRAINING_BASE", "organizationId": c1 });
    let site = officer.mutate("saveSite", SITE, input).await.done()["site"]["id"].clone();
    let input = with(
        training(&app, "C1", &[&b1], &["staff-0001"]).await,
        json!({ "siteId": site }),
    );
    let recorded = officer.mutate("recordTraining", RECORD, input).await;
    assert_eq!(
        recorded.done()["trainingRecord"]["site"]["name"],
        "党建实训基地（演示）"
    );
    let id = id_of(&recorded);

    // Left out stays, null clears.
    let correction = json!({ "id": id, "version": 1, "topic": "党务工作者轮训", "hours": 0.25 });
    let corrected = officer
        .mutate("correctTraining", RECORD, correction.clone())
        .await;
    let expected = json!({
        "id": id, "topic": "党务工作者轮训", "heldOn": "2022-05-01", "hours": 0.25, "attendeeCount": 1, "version": 2,
        "site": { "name": "党建实训基地（演示）" }, "branches": [{ "code": "B1" }],
    });
    assert_eq!(corrected.done()["trainingRecord"], expected);
    let stale = officer.mutate("correctTraining", RECORD, correction).await;
    assert_eq!(stale.refusal_code(), "VERSION_CONFLICT");
    let cleared = json!({ "id": id, "version": 2, "siteId": null, "branchIds": [] });
    let cleared = officer.mutate("correctTraining", RECORD, cleared).await;
    assert_eq!(cleared.done()["trainingRecord"]["site"], json!(null));
    assert_eq!(cleared.done()["trainingRecord"]["branches"], json!([]));
    let back = json!({ "id": id, "version": 3, "branchIds": [b1] });
    officer.mutate("correctTraining", RECORD, back).await.done();
    // Another day asks anew whether the branch was there already.
    let before_its_time = json!({ "id": id, "version": 4, "heldOn": "2020-06-30" });
    let refused = officer
        .mutate("correctTraining", RECORD, before_its_time)
        .await
        .refused();
    assert_eq!(
        (refused.0.as_str(), refused.1.as_str()),
        ("RULE_VIOLATION", "branchIds.0")
    );

    let removal = |version: i32| json!({ "id": id, "version": version });
    let stale = officer.mutate("removeTraining", "removedId", removal(1)).await;
    assert_eq!(stale.refusal_code(), "VERSION_CONFLICT");
    let removed = officer
        .mutate("removeTraining", "trainingRecord { id } removedId", removal(4))
        .await;
    assert_eq!(removed.done()["removedId"], id.as_str());
    assert_eq!(removed.done()["trainingRecord"], json!(null));
    let again = officer.mutate("removeTraining", "removedId", removal(4)).await;
    assert_eq!(again.refusal_code(), "NOT_FOUND");
    let data = officer.data("{ trainingRecords { totalCount } }").await;
    assert_eq!(data["trainingRecords"]["totalCount"], 0);
    // The site, the record, three corrections, and the end.
    let changes = heard(&officer, "TRAINING", "action nodeId", 6).await;
    assert_eq!(changes.len(), 6, "{changes:#?}");
    let last = changes.last().unwrap().clone();
    assert_eq!(last, json!({ "action": "REMOVED", "nodeId": id }));
    let audit = app
        .admin()
        .data("{ auditEntries(filter: { action: \"removeTraining\" }) { nodes { before after } } }")
        .await;
    let entry = audit["auditEntries"]["nodes"][0].clone();
    assert!(entry["before"].as_str().unwrap().contains("党务工作者轮训"));
    assert_eq!(entry["after"], json!(null));
});

on_both!(
    sites_are_kept_by_their_committee_and_seen_by_all,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let (c1, c2, g1) = (
            app.organization_id("C1").await,
            app.organization_id("C2").await,
            app.organization_id("G1").await,
        );
        let site = |organization: &str, name: &str| json!({ "name": name, "kind": "NEIGHBOURHOOD_STATION", "organizationId": organization, "upgradedOn": "2022-03-01" });
        let officer = app.committee("C1");
        let made = officer.mutate("saveSite", SITE, site(&g1, "甲驿站")).await;
        let id = made.done()["site"]["id"].clone();
        assert_eq!(made.done()["site"]["organization"]["code"], "G1");
        app.admin()
            .mutate(
                "saveSite",
                SITE,
                with(
                    site(&c2, "乙基地"),
                    json!({ "kind": "TRAINING_BASE", "upgradedOn": null }),
                ),
            )
            .await
            .done();
        let not_theirs = officer.mutate("saveSite", SITE, site(&c2, "丙")).await;
        assert_eq!(not_theirs.error_code(), "FORBIDDEN");
        let from_afar = with(site(&c2, "甲驿站"), json!({ "id": id, "version": 1 }));
        assert_eq!(
            app.committee("C2")
                .mutate("saveSite", SITE, from_afar.clone())
                .await
                .error_code(),
            "FORBIDDEN"
        );
        assert_eq!(
            officer.mutate("saveSite", SITE, from_afar).await.error_code(),
            "FORBIDDEN"
        );
        for (more, code, path) in [
            (json!({ "id": id }), "INVALID_INPUT", "version"),
            (json!({ "version": 1 }), "INVALID_INPUT", "version"),
            (json!({ "id": id, "version": 9 }), "VERSION_CONFLICT", "version"),
            (json!({ "id": c1, "version": 1 }), "NOT_FOUND", "id"),
            (
                json!({ "organizationId": "nobody" }),
                "NOT_FOUND",
                "organizationId",
            ),
            (
                json!({ "upgradedOn": "2026-03-03" }),
                "RULE_VIOLATION",
                "upgradedOn",
            ),
            (json!({ "name": "联系 13800138000" }), "INVALID_INPUT", "name"),
        ] {
            let refused = officer
                .mutate("saveSite", SITE, with(site(&g1, "甲驿站"), more))
                .await
                .refused();
            assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, path));
        }
        // Left out the day stays, null clears it.
        let input = json!({ "id": id, "version": 1, "name": "甲邻里驿站", "kind": "SERVICE_CENTRE", "organizationId": c1 });
        let saved = officer.mutate("saveSite", SITE, input.clone()).await;
        assert_eq!(saved.done()["site"]["upgradedOn"], "2022-03-01");
        assert_eq!(saved.done()["site"]["version"], 2);
        let viewer = app.viewer(Some("C2"));
        let names = |filter: Value| {
            let viewer = viewer.clone();
            async move {
                let query = "query($f: SiteFilter) { sites(filter: $f) { totalCount nodes { name } } }";
                let answer = viewer.ask(query, json!({ "f": filter })).await;
                let sites = answer.data()["sites"].clone();
                let names: Vec<String> = sites["nodes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|n| n["name"].as_str().unwrap().to_owned())
                    .collect();
                assert_eq!(sites["totalCount"], names.len());
                names
            }
        };
        assert_eq!(names(json!(null)).await, ["乙基地", "甲邻里驿站"]);
        assert_eq!(names(json!({ "organizationId": c1 })).await, ["甲邻里驿站"]);
        assert_eq!(names(json!({ "kinds": ["TRAINING_BASE"] })).await, ["乙基地"]);
        assert_eq!(
            names(json!({ "upgradedFrom": "2022-03-01", "upgradedTo": "2022-03-01" })).await,
            ["甲邻里驿站"]
        );
        assert!(names(json!({ "upgradedFrom": "2022-03-02" })).await.is_empty());
        let cleared = with(input, json!({ "version": 2, "upgradedOn": null }));
        let cleared = officer.mutate("saveSite", SITE, cleared).await;
        assert_eq!(cleared.done()["site"]["upgradedOn"], json!(null));
        let page = viewer
            .data("{ sites(first: 1) { nodes { name } pageInfo { endCursor hasNextPage } } }")
            .await;
        let cursor = page["sites"]["pageInfo"]["endCursor"].as_str().unwrap();
        let rest = viewer
            .data(&format!(
                "{{ sites(after: \"{cursor}\") {{ nodes {{ name }} }} }}"
            ))
            .await;
        assert_eq!(rest["sites"]["nodes"], json!([{ "name": "甲邻里驿站" }]));
        let changes = heard(&viewer, "TRAINING", "nodeId version", 4).await;
        assert_eq!(changes.len(), 4, "{changes:#?}");
    }
);

on_both!(
    trainings_are_filtered_and_paged_the_latest_first,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
        let b2 = found(&app, "B2", "C2", "RURAL").await;
        let c1 = app.organization_id("C1").await;
        let record = |organizer: &'static str, branch: String, more: Value| {
            let app = &app;
            async move {
                let input = with(training(app, organizer, &[&branch], &["staff-0001"]).await, more);
                app.admin().mutate("recordTraining", RECORD, input).await.done();
            }
        };
        record("C1", b1.clone(), json!({ "topic": "甲", "heldOn": "2022-05-02" })).await;
        record(
            "C1",
            b2.clone(),
            json!({ "topic": "乙", "heldOn": "2022-05-01", "kind": "ONLINE" }),
        )
        .await;
        record(
            "C2",
            b2.clone(),
            json!({ "topic": "丙", "heldOn": "2022-05-02", "audience": "MEMBER" }),
        )
        .await;
        record("D", b1.clone(), json!({ "topic": "丁", "heldOn": "2022-06-01" })).await;
        let topics = |caller: As<'_>, filter: Value| {
            let caller = caller.request(
                "query($f: TrainingFilter) { trainingRecords(filter: $f) { totalCount nodes { topic } } }",
                json!({ "f": filter }),
            );
            let app = &app;
            async move {
                let answer = app.admin().send(caller).await;
                let records = answer.data()["trainingRecords"].clone();
                let topics: Vec<String> = records["nodes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|n| n["topic"].as_str().unwrap().to_owned())
                    .collect();
                assert_eq!(records["totalCount"], topics.len());
                topics.concat()
            }
        };
        for (filter, expected) in [
            (json!(null), "丁丙甲乙"),
            (json!({ "branchId": b1 }), "丁甲"),
            (json!({ "organizationId": c1 }), "丁甲乙"),
            (json!({ "organizationId": c1, "branchId": b2 }), "乙"),
            (json!({ "kinds": ["ONLINE"] }), "乙"),
            (json!({ "audiences": ["SECRETARY"] }), "丁甲乙"),
            (json!({ "from": "2022-05-02" }), "丁丙甲"),
            (json!({ "to": "2022-05-01" }), "乙"),
            (json!({ "branchId": "nobody" }), ""),
        ] {
            assert_eq!(topics(app.admin(), filter.clone()).await, expected, "{filter}");
        }
        assert_eq!(topics(app.committee("C2"), json!(null)).await, "丙乙");
        assert_eq!(topics(app.committee("C1"), json!(null)).await, "丁甲乙");
        assert_eq!(topics(app.secretary_of("B1"), json!(null)).await, "丁甲");

        let mut seen = String::new();
        let mut after = "null".to_owned();
        for _ in 0..4 {
            let query = format!(
                "{{ trainingRecords(first: 1, after: {after}) {{ nodes {{ topic }} pageInfo {{ endCursor hasNextPage }} }} }}"
            );
            let page = app.admin().data(&query).await["trainingRecords"].clone();
            seen.push_str(page["nodes"][0]["topic"].as_str().unwrap());
            after = page["pageInfo"]["endCursor"].to_string();
            assert_eq!(page["pageInfo"]["hasNextPage"], seen.chars().count() < 4);
        }
        assert_eq!(seen, "丁丙甲乙");

        // A page of branches reads its trainings in one statement, each branch its own page.
        let query = "{ branches { nodes { code trainingRecords(first: 1, filter: { to: \"2022-05-31\" }) {
        totalCount nodes { topic site { name } } pageInfo { hasNextPage endCursor } } } } }";
        let admin = app.admin().past_results();
        let data = admin.data(query).await;
        let nodes = data["branches"]["nodes"].as_array().unwrap().clone();
        assert_eq!(nodes[0]["trainingRecords"]["nodes"][0]["topic"], "甲");
        assert_eq!(nodes[0]["trainingRecords"]["totalCount"], 1);
        assert_eq!(nodes[1]["trainingRecords"]["nodes"][0]["topic"], "丙");
        assert_eq!(nodes[1]["trainingRecords"]["totalCount"], 2);
        assert_eq!(nodes[1]["trainingRecords"]["pageInfo"]["hasNextPage"], true);
        let before = app.database.statements();
        admin.data(query).await;
        let two = app.database.statements() - before;
        for code in ["B3", "B4", "B5"] {
            let branch = found(&app, code, "C1", "RURAL").await;
            record("C1", branch, json!({})).await;
        }
        admin.data(query).await;
        let before = app.database.statements();
        admin.data(query).await;
        assert!(app.database.statements() - before <= two);
    }
);
