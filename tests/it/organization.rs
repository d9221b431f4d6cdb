//! Organizations and head counts, asked as a client would.

use serde_json::json;

use crate::support::{app::TestApp, on_both};

on_both!(the_tree_is_read_and_paged, |db| async move {
    let app = TestApp::with_tree(db).await;
    let data = app
        .admin()
        .data(
            r#"{ organization(by: { code: "D" }) {
                 code kind parent { code }
                 children(first: 1) { totalCount nodes { code parent { code } } pageInfo { hasNextPage endCursor } }
               }
               organizations { totalCount nodes { code } } }"#,
        )
        .await;
    assert_eq!(data["organization"]["kind"], "DISTRICT");
    assert_eq!(data["organization"]["parent"], json!(null));
    let children = &data["organization"]["children"];
    assert_eq!(children["totalCount"], 2);
    assert_eq!(
        children["nodes"],
        json!([{ "code": "C1", "parent": { "code": "D" } }])
    );
    assert_eq!(children["pageInfo"]["hasNextPage"], true);
    let codes: Vec<_> = data["organizations"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| &n["code"])
        .collect();
    assert_eq!(codes, ["C1", "C2", "D", "G1"]);

    let after = children["pageInfo"]["endCursor"].clone();
    let query = "query($after: String) { organization(by: { code: \"D\" }) { children(after: $after) {
        nodes { code } pageInfo { hasNextPage hasPreviousPage } } } }";
    let rest = app.viewer(None).ask(query, json!({ "after": after })).await;
    let rest = &rest.data()["organization"]["children"];
    assert_eq!(rest["nodes"], json!([{ "code": "C2" }]));
    assert_eq!(
        rest["pageInfo"],
        json!({ "hasNextPage": false, "hasPreviousPage": true })
    );
});

on_both!(a_full_width_code_finds_its_organization, |db| async move {
    let app = TestApp::with_tree(db).await;
    let data = app
        .viewer(None)
        .data("{ organization(by: { code: \"\u{3000}ｃ１ \" }) { code } }")
        .await;
    assert_eq!(data["organization"]["code"], "C1");
});

on_both!(bad_page_arguments_are_named, |db| async move {
    let app = TestApp::with_tree(db).await;
    for (arguments, said) in [
        ("first: -1", "negative"),
        ("last: -1", "negative"),
        ("first: 201", "200"),
        ("first: 1, last: 1", "together"),
        ("after: \"nonsense\"", "cursor"),
    ] {
        let query = format!("{{ organizations({arguments}) {{ nodes {{ code }} }} }}");
        let answer = app.admin().ask(&query, json!({})).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{arguments}");
        assert!(
            answer.body["errors"][0]["message"]
                .as_str()
                .unwrap()
                .contains(said),
            "{:#}",
            answer.body
        );
    }
});

on_both!(an_organization_cannot_stand_below_itself, |db| async move {
    let app = TestApp::with_tree(db).await;
    let c1 = app.organization_id("C1").await;
    let g1 = app.organization_id("G1").await;
    let update = |id: &str, parent: &str| json!({ "id": id, "version": 1, "parentId": parent });
    for (id, parent) in [(&c1, &g1), (&c1, &c1)] {
        let answer = app
            .admin()
            .mutate("updateOrganization", "organization { id }", update(id, parent))
            .await;
        assert_eq!(answer.refusal_code(), "RULE_VIOLATION");
    }
});

on_both!(a_move_takes_the_subtree_along, |db| async move {
    let app = TestApp::with_tree(db).await;
    let (g1, c2) = (app.organization_id("G1").await, app.organization_id("C2").await);
    let input = json!({ "id": g1, "version": 1, "parentId": c2, "effectiveOn": "2026-03-01" });
    let moved = app
        .admin()
        .mutate(
            "updateOrganization",
            "organization { version parent { code } }",
            input,
        )
        .await;
    assert_eq!(
        moved.done()["organization"],
        json!({ "version": 2, "parent": { "code": "C2" } })
    );
    app.settle().await;
    // The officer of the committee it left hears of it, and so does the one it came to.
    app.settle().await;
    for officer in ["C1", "C2"] {
        let data = app
            .committee(officer)
            .data("{ changes(filter: { topics: [ORGANIZATION] }) { changes { nodeId version } } }")
            .await;
        let seen = data["changes"]["changes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|c| c["nodeId"] == g1 && c["version"] == 2);
        assert!(seen, "{officer}: {data:#}");
    }
});

on_both!(of_two_writers_on_one_version_exactly_one_wins, |db| async move {
    let app = TestApp::with_tree(db).await;
    let id = app.organization_id("C1").await;
    let write = |name: &str| {
        let input = json!({ "id": id, "version": 1, "name": name });
        let admin = app.admin();
        async move {
            admin
                .mutate("updateOrganization", "organization { name version }", input)
                .await
        }
    };
    let (a, b) = tokio::join!(write("甲"), write("乙"));
    let won = [&a, &b]
        .into_iter()
        .filter(|x| x.body["data"]["updateOrganization"]["userErrors"] == json!([]))
        .count();
    assert_eq!(won, 1, "{:#} {:#}", a.body, b.body);
    let lost = if a.body["data"]["updateOrganization"]["userErrors"] == json!([]) {
        &b
    } else {
        &a
    };
    assert_eq!(lost.refused().0, "VERSION_CONFLICT");
});

on_both!(an_idempotency_key_runs_a_mutation_once, |db| async move {
    let app = TestApp::with_tree(db).await;
    let parent = app.organization_id("D").await;
    let input = |code: &str| json!({ "code": code, "name": "街道", "kind": "COMMITTEE", "parentId": parent });
    let once = |code: &'static str| {
        let input = input(code);
        let admin = app.admin();
        async move {
            admin
                .mutate_once("k-1", "createOrganization", "organization { id code }", input)
                .await
        }
    };
    let first = once("C9").await;
    let again = once("C9").await;
    assert_eq!(first.done(), again.done());
    assert_eq!(first.headers.get("idempotent-replayed"), None);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let other = once("C10").await;
    assert_eq!((other.status, other.error_code()), (422, "IDEMPOTENCY_CONFLICT"));
    // A refusal is kept as well: what made it refused may change, the answer to this key does not.
    let refused = |key: &'static str| {
        let input = input("C9");
        let admin = app.admin();
        async move {
            admin
                .mutate_once(key, "createOrganization", "organization { id }", input)
                .await
        }
    };
    assert_eq!(refused("k-2").await.refusal_code(), "ALREADY_EXISTS");
    let replayed = refused("k-2").await;
    assert_eq!(replayed.refusal_code(), "ALREADY_EXISTS");
    assert_eq!(replayed.headers["idempotent-replayed"], "true");
});

on_both!(one_key_sent_many_times_at_once_makes_one_thing, |db| async move {
    let app = TestApp::with_tree(db).await;
    let parent = app.organization_id("D").await;
    let sent = (0..12).map(|_| {
        let input = json!({ "code": "C9", "name": "街道", "kind": "COMMITTEE", "parentId": parent });
        let admin = app.admin();
        async move {
            admin
                .mutate_once("same", "createOrganization", "organization { id }", input)
                .await
        }
    });
    let answers = futures_util::future::join_all(sent).await;
    let mut ids = std::collections::BTreeSet::new();
    for answer in &answers {
        match answer.status {
            200 => {
                ids.insert(answer.done()["organization"]["id"].as_str().unwrap().to_owned());
            }
            409 => assert_eq!(answer.error_code(), "IDEMPOTENCY_CONFLICT"),
            status => panic!("{status}: {:#}", answer.body),
        }
    }
    assert_eq!(ids.len(), 1);
    let data = app.admin().data("{ organizations { totalCount } }").await;
    assert_eq!(data["organizations"]["totalCount"], 5);
});

on_both!(head_counts_stand_until_a_later_day, |db| async move {
    let app = TestApp::with_tree(db).await;
    let id = app.organization_id("C1").await;
    let report = |count: i32, day: &str| {
        let input = json!({ "organizationId": id, "kind": "VOLUNTEER", "count": count, "asOf": day });
        let officer = app.committee("C1");
        async move {
            officer
                .mutate("reportHeadcount", "headcount { id count }", input)
                .await
        }
    };
    report(10, "2026-01-31").await.done();
    report(12, "2026-02-28").await.done();
    // Reported again for the same day: it takes the earlier one's place.
    report(13, "2026-02-28").await.done();
    assert_eq!(report(1, "2026-03-03").await.refusal_code(), "RULE_VIOLATION");
    assert_eq!(report(-1, "2026-03-01").await.refused().1, "count");
    let at =
        |day: &str| format!("{{ headcounts(asOf: \"{day}\") {{ count asOf organization {{ code }} }} }}");
    let now = app.viewer(None).data("{ headcounts { count } }").await;
    assert_eq!(now["headcounts"], json!([{ "count": 13 }]));
    let january = app.viewer(None).data(&at("2026-02-01")).await;
    assert_eq!(january["headcounts"][0]["count"], 10);
    assert_eq!(
        app.viewer(None).data(&at("2025-12-31")).await["headcounts"],
        json!([])
    );
    // Another committee's is not this officer's to report.
    let input = json!({ "organizationId": id, "kind": "VOLUNTEER", "count": 1, "asOf": "2026-03-01" });
    let answer = app
        .committee("C2")
        .mutate("reportHeadcount", "headcount { id }", input)
        .await;
    assert_eq!(answer.error_code(), "FORBIDDEN");
});
