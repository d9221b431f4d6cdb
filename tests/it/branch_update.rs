//! `updateBranch`, asked as a client would: who may change what, the office line, moves between organizations.

use serde_json::{Value, json};

use crate::support::{
    app::{As, TestApp},
    changes::branch_changes_once,
    on_both,
};

const SELECTION: &str = "branch { version name domain memberCount contactPhone organization { code } }";

/// A branch under an organization's code, with an office line; gives its id.
async fn create(app: &TestApp, code: &str, organization: &str) -> String {
    let input = json!({
        "code": code, "name": format!("第{code}党支部（演示）"), "domain": "GOVERNMENT",
        "organizationId": app.organization_id(organization).await, "foundedOn": "2019-05-01", "memberCount": 12,
        "contactPhone": "0592-6051234",
    });
    let answer = app.admin().mutate("createBranch", "branch { id }", input).await;
    answer.done()["branch"]["id"].as_str().unwrap().to_owned()
}

on_both!(
    a_branch_changes_its_member_count_and_office_line_only,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let id = create(&app, "B1", "C1").await;
        let other = create(&app, "B2", "C1").await;
        let update =
            |version: i32, field: &str, value: Value| json!({ "id": id, "version": version, field: value });
        let secretary = app.secretary_of("B1");
        for (field, value) in [
            ("name", json!("改名")),
            ("domain", json!("RURAL")),
            ("organizationId", json!(app.organization_id("C1").await)),
            ("effectiveOn", json!("2026-03-01")),
        ] {
            let answer = secretary
                .mutate("updateBranch", SELECTION, update(1, field, value))
                .await;
            assert_eq!(answer.error_code(), "FORBIDDEN", "{field}");
        }
        let both = json!({ "id": id, "version": 1, "memberCount": 13, "name": "改名" });
        assert_eq!(
            secretary
                .mutate("updateBranch", SELECTION, both)
                .await
                .error_code(),
            "FORBIDDEN"
        );
        let theirs = json!({ "id": other, "version": 1, "memberCount": 13 });
        assert_eq!(
            secretary
                .mutate("updateBranch", SELECTION, theirs)
                .await
                .error_code(),
            "FORBIDDEN"
        );
        for caller in [
            app.committee("C2"),
            app.viewer(None),
            app.examiner_of("B1"),
            app.adapter("EJIA"),
        ] {
            let answer = caller
                .mutate("updateBranch", SELECTION, update(1, "memberCount", json!(13)))
                .await;
            assert_eq!(answer.error_code(), "FORBIDDEN");
        }

        let counted = secretary
            .mutate("updateBranch", SELECTION, update(1, "memberCount", json!(13)))
            .await;
        let branch = &counted.done()["branch"];
        // What is left out stays.
        assert_eq!(
            (&branch["memberCount"], &branch["contactPhone"]),
            (&json!(13), &json!("0592-6051234"))
        );
        let mobile = secretary
            .mutate(
                "updateBranch",
                SELECTION,
                update(2, "contactPhone", json!("138 0013 8000")),
            )
            .await;
        let (code, path, message) = mobile.refused();
        assert_eq!((code.as_str(), path.as_str()), ("INVALID_INPUT", "contactPhone"));
        assert!(!message.contains("138"));
        let negative = secretary
            .mutate("updateBranch", SELECTION, update(2, "memberCount", json!(-1)))
            .await;
        assert_eq!(negative.refused().1, "memberCount");
        let line = secretary
            .mutate(
                "updateBranch",
                SELECTION,
                update(2, "contactPhone", json!("0592-6050000 转 8")),
            )
            .await;
        assert_eq!(line.done()["branch"]["contactPhone"], "0592-6050000 转 8");
        let none = secretary
            .mutate("updateBranch", SELECTION, update(3, "contactPhone", json!(null)))
            .await;
        assert_eq!(none.done()["branch"]["contactPhone"], json!(null));
        let stale = secretary
            .mutate("updateBranch", SELECTION, update(3, "memberCount", json!(14)))
            .await;
        assert_eq!(stale.refusal_code(), "VERSION_CONFLICT");

        // The audit trail says that the line changed, never what it is.
        let query =
            "query($id: ID!) { auditEntries(filter: { nodeId: $id }) { nodes { action before after } } }";
        let entries = app
            .admin()
            .ask(query, json!({ "id": id }))
            .await
            .data()
            .to_string();
        assert!(entries.contains("contactPhoneChanged"), "{entries}");
        assert!(!entries.contains("605"), "{entries}");
    }
);

on_both!(
    the_office_line_is_seen_up_the_branchs_own_chain_only,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        create(&app, "B1", "G1").await;
        create(&app, "B2", "C2").await;
        let query = "{ branch(by: { code: \"B1\" }) { name memberCount contactPhone } }";
        for (name, caller, seen) in [
            ("admin", app.admin(), true),
            ("its committee", app.committee("C1"), true),
            ("its general branch", app.committee("G1"), true),
            ("another committee", app.committee("C2"), false),
            ("its secretary", app.secretary_of("B1"), true),
            ("another secretary", app.secretary_of("B2"), false),
            ("a viewer of the district", app.viewer(None), true),
            ("a viewer of another committee", app.viewer(Some("C2")), false),
            ("an examiner", app.examiner_of("B1"), false),
        ] {
            let branch = &caller.data(query).await["branch"];
            assert_eq!(branch["memberCount"], 12, "{name}");
            assert_eq!(branch["contactPhone"] == "0592-6051234", seen, "{name}");
        }
        assert_eq!(app.adapter("EJIA").data(query).await["branch"], json!(null));
    }
);

async fn counts(caller: As<'_>) -> [i64; 3] {
    let query = "{ d: organization(by: { code: \"D\" }) { branchCount }
        a: organization(by: { code: \"C1\" }) { branchCount } b: organization(by: { code: \"C2\" }) { branchCount } }";
    let data = caller.data(query).await;
    ["d", "a", "b"].map(|name| data[name]["branchCount"].as_i64().unwrap())
}

on_both!(
    a_move_is_dated_and_counts_use_the_tree_as_it_stands,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let id = create(&app, "B1", "G1").await;
        let c2 = app.organization_id("C2").await;
        let update = |over: Value| {
            let mut input = json!({ "id": id, "version": 1 });
            input
                .as_object_mut()
                .unwrap()
                .extend(over.as_object().unwrap().clone());
            input
        };
        assert_eq!(counts(app.viewer(None)).await, [1, 1, 0]);
        for (over, code, path) in [
            (
                json!({ "organizationId": c2, "effectiveOn": "2026-03-03" }),
                "RULE_VIOLATION",
                "effectiveOn",
            ),
            (
                json!({ "organizationId": c2, "effectiveOn": "2019-04-30" }),
                "RULE_VIOLATION",
                "effectiveOn",
            ),
            (
                json!({ "effectiveOn": "2026-03-01" }),
                "INVALID_INPUT",
                "effectiveOn",
            ),
            (
                json!({ "organizationId": app.organization_id("D").await }),
                "RULE_VIOLATION",
                "organizationId",
            ),
            (json!({ "organizationId": id }), "NOT_FOUND", "organizationId"),
        ] {
            let answer = app
                .admin()
                .mutate("updateBranch", SELECTION, update(over.clone()))
                .await;
            let (was, at, _) = answer.refused();
            assert_eq!((was.as_str(), at.as_str()), (code, path), "{over}");
        }
        // A committee moves nothing out of its subtree.
        let out = update(json!({ "organizationId": c2 }));
        let answer = app.committee("C1").mutate("updateBranch", SELECTION, out).await;
        assert_eq!(answer.error_code(), "FORBIDDEN");

        let moved = update(json!({ "organizationId": c2, "effectiveOn": "2026-02-01", "domain": "RURAL" }));
        let moved = app.admin().mutate("updateBranch", SELECTION, moved).await;
        let branch = &moved.done()["branch"];
        assert_eq!(
            (&branch["organization"]["code"], &branch["domain"]),
            (&json!("C2"), &json!("RURAL"))
        );
        assert_eq!(counts(app.viewer(None)).await, [1, 0, 1]);
        // Whoever it left hears of it, and so does whoever it came to.
        for officer in ["C1", "G1", "C2"] {
            let change = json!({ "nodeId": id, "version": 2 });
            branch_changes_once(app.committee(officer), |changes| changes.contains(&change)).await;
        }
        // Renamed, it is found by its new name.
        let renamed = json!({ "id": id, "version": 2, "name": "青礁村党支部（演示）" });
        app.committee("C2")
            .mutate("updateBranch", SELECTION, renamed)
            .await
            .done();
        let found = app
            .viewer(None)
            .data("{ branches(filter: { search: \"qjcdzb\" }) { nodes { code } } }")
            .await;
        assert_eq!(found["branches"]["nodes"], json!([{ "code": "B1" }]));
    }
);

on_both!(of_two_writers_on_one_branch_exactly_one_wins, |db| async move {
    let app = TestApp::with_tree(db).await;
    let id = create(&app, "B1", "C1").await;
    let write = |members: i32| {
        let input = json!({ "id": id, "version": 1, "memberCount": members });
        let admin = app.admin();
        async move { admin.mutate("updateBranch", SELECTION, input).await }
    };
    let answers = futures_util::future::join_all((20..26).map(write)).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.data()["updateBranch"]["userErrors"] == json!([]));
    assert_eq!((won.len(), lost.len()), (1, 5));
    assert!(
        lost.iter()
            .all(|answer| answer.refusal_code() == "VERSION_CONFLICT")
    );
});
