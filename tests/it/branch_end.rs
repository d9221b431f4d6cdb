//! How branches end: merged into a successor that answers for the old code, or dissolved.

use serde_json::json;

use crate::support::{
    app::TestApp,
    branches::{SELECTION, because, by_code, create, done, refused, sql, with},
    changes::branch_changes_once,
    on_both,
};

on_both!(a_merged_branchs_code_gives_its_successor, |db| async move {
    let app = TestApp::with_tree(db).await;
    let (a, b, c) = (
        create(&app, "A", json!({})).await,
        create(&app, "B", json!({})).await,
        create(&app, "C", json!({ "foundedOn": "2025-01-01" })).await,
    );
    let temporary = create(&app, "T", json!({ "form": "TEMPORARY" })).await;
    let merge = |id: &str, version: i32, into: &str, on: &str| json!({ "id": id, "version": version, "intoBranchId": into, "effectiveOn": on, "reason": "社区调整" });
    done(
        &app,
        "addBranchAlias",
        json!({ "branchId": a, "code": "OLD-A", "since": "2020-01-01" }),
    )
    .await;
    let organization = app.organization_id("C1").await;
    for (input, code, path) in [
        (merge(&a, 2, &a, "2026-03-01"), "RULE_VIOLATION", "intoBranchId"),
        (merge(&a, 1, &b, "2026-03-01"), "VERSION_CONFLICT", "version"),
        (merge(&a, 2, &b, "2026-03-03"), "RULE_VIOLATION", "effectiveOn"),
        (merge(&a, 2, &b, "2019-04-30"), "RULE_VIOLATION", "effectiveOn"),
        (merge(&a, 2, &c, "2024-12-31"), "RULE_VIOLATION", "effectiveOn"),
        (
            merge(&a, 2, &temporary, "2026-03-01"),
            "RULE_VIOLATION",
            "intoBranchId",
        ),
        (merge(&temporary, 1, &a, "2026-03-01"), "RULE_VIOLATION", "id"),
        (merge(&organization, 1, &a, "2026-03-01"), "NOT_FOUND", "id"),
        (
            merge(&a, 2, "nonsense", "2026-03-01"),
            "NOT_FOUND",
            "intoBranchId",
        ),
        (
            with(
                merge(&a, 2, &b, "2026-03-01"),
                json!({ "reason": "电话13800138000" }),
            ),
            "INVALID_INPUT",
            "reason",
        ),
    ] {
        assert_eq!(
            refused(&app, "mergeBranch", input.clone()).await,
            because(code, path),
            "{input}"
        );
    }
    let merged = done(&app, "mergeBranch", merge(&a, 2, &b, "2026-03-01")).await;
    assert_eq!(
        (
            &merged["status"],
            &merged["endedOn"],
            &merged["successor"]["code"],
            &merged["termState"]
        ),
        (
            &json!("MERGED"),
            &json!("2026-03-01"),
            &json!("B"),
            &json!("NOT_APPLICABLE")
        )
    );
    // A ring, and a merger into what has ended.
    let ring = app
        .admin()
        .mutate("mergeBranch", SELECTION, merge(&b, 1, &a, "2026-03-01"))
        .await;
    let (code, _, message) = ring.refused();
    assert!(code == "RULE_VIOLATION" && message.contains("ring"), "{message}");
    assert_eq!(
        refused(&app, "mergeBranch", merge(&c, 1, &a, "2026-03-01")).await,
        because("RULE_VIOLATION", "intoBranchId")
    );
    done(&app, "mergeBranch", merge(&b, 1, &c, "2026-03-02")).await;
    for code in ["A", "B", "C", "OLD-A"] {
        assert_eq!(by_code(app.viewer(None), code).await["id"], c, "{code}");
    }
    let query = "query($id: ID!) { branch(by: { id: $id }) { code status } }";
    let own = app.admin().ask(query, json!({ "id": a })).await;
    assert_eq!(own.data()["branch"], json!({ "code": "A", "status": "MERGED" }));

    // Nothing of it changes any more.
    for (field, input) in [
        ("updateBranch", json!({ "id": a, "version": 3, "memberCount": 5 })),
        (
            "recordElection",
            json!({ "branchId": a, "version": 3, "electedOn": "2026-03-01" }),
        ),
        (
            "extendTerm",
            json!({ "branchId": a, "version": 3, "extendedTo": "2026-06-01", "documentNumber": "1号" }),
        ),
        ("mergeBranch", merge(&a, 3, &c, "2026-03-01")),
        (
            "dissolveBranch",
            json!({ "id": a, "version": 3, "effectiveOn": "2026-03-01", "reason": "撤销" }),
        ),
        (
            "addBranchAlias",
            json!({ "branchId": a, "code": "X", "since": "2020-01-01" }),
        ),
        (
            "endBranchAlias",
            json!({ "branchId": a, "version": 3, "code": "OLD-A", "until": "2026-03-01" }),
        ),
    ] {
        assert_eq!(
            refused(&app, field, input).await.0,
            "INVALID_TRANSITION",
            "{field}"
        );
    }
    // The log tells of both branches of a merger.
    branch_changes_once(app.admin(), |changes| {
        let told = |id: &str, version: i32| changes.contains(&json!({ "nodeId": id, "version": version }));
        told(&a, 3) && told(&b, 1) && told(&b, 2) && told(&c, 1)
    })
    .await;
});

on_both!(
    a_chain_of_mergers_is_followed_sixteen_times_and_no_longer,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let mut ids = Vec::new();
        for n in 0..=17 {
            ids.push(create(&app, &format!("L{n}"), json!({})).await);
        }
        for n in 0..16 {
            let input = json!({ "id": ids[n], "version": 1, "intoBranchId": ids[n + 1], "effectiveOn": "2026-03-01", "reason": "合并" });
            done(&app, "mergeBranch", input).await;
        }
        assert_eq!(by_code(app.viewer(None), "L0").await["code"], "L16");
        let input = json!({ "id": ids[16], "version": 1, "intoBranchId": ids[17], "effectiveOn": "2026-03-01", "reason": "合并" });
        let answer = app.admin().mutate("mergeBranch", SELECTION, input).await;
        let (code, path, message) = answer.refused();
        assert_eq!((code.as_str(), path.as_str()), ("RULE_VIOLATION", "intoBranchId"));
        assert!(message.contains("16"), "{message}");
    }
);

on_both!(a_dissolved_branch_ends_for_good, |db| async move {
    let app = TestApp::with_tree(db).await;
    let id = create(&app, "T", json!({ "form": "TEMPORARY" })).await;
    let input = |on: &str| json!({ "id": id, "version": 1, "effectiveOn": on, "reason": "任务结束" });
    for on in ["2026-03-03", "2019-04-30"] {
        assert_eq!(
            refused(&app, "dissolveBranch", input(on)).await,
            because("RULE_VIOLATION", "effectiveOn")
        );
    }
    let branch = done(&app, "dissolveBranch", input("2026-02-28")).await;
    assert_eq!(
        (&branch["status"], &branch["successor"]),
        (&json!("DISSOLVED"), &json!(null))
    );
    let again = with(input("2026-03-01"), json!({ "version": 2 }));
    assert_eq!(
        refused(&app, "dissolveBranch", again).await.0,
        "INVALID_TRANSITION"
    );
    assert_eq!(by_code(app.viewer(None), "T").await["status"], "DISSOLVED");
});

on_both!(
    a_branch_that_ends_leaves_its_pairings_in_the_same_breath,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        for code in ["LEAD", "ONE", "TWO", "NEW"] {
            create(&app, code, json!({})).await;
        }
        let member = |code: &str, role: &str, position: i32| {
            format!(
                "INSERT INTO pairing_member (pairing_id, branch_id, role, position) VALUES \
             ((SELECT max(id) FROM pairing), (SELECT id FROM branch WHERE code = '{code}'), '{role}', {position})"
            )
        };
        let pairing = "INSERT INTO pairing (form, basis, title, year, state, starts_on, version, updated_at) VALUES \
                   ('ONE_TO_MANY', 'SAME_DOMAIN', '结对', 2026, 'ACTIVE', '2026-01-01', 1, '2026-01-01 00:00:00+00:00')";
        sql(
            &app,
            vec![
                pairing.to_owned(),
                member("LEAD", "LEAD", 0),
                member("ONE", "PARTNER", 0),
                member("TWO", "PARTNER", 1),
            ],
        )
        .await;
        let seen = async || {
            let data = app
            .admin()
            .data("{ pairings(filter: { states: [ACTIVE, TERMINATED] }) { nodes { state members { branch { code } leftOn } } } branches(filter: { paired: true }) { nodes { code } } }")
            .await;
            let pairing = data["pairings"]["nodes"][0].clone();
            let left = pairing["members"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|m| m["leftOn"] == "2026-03-01")
                .count();
            (
                pairing["state"].clone(),
                left,
                data["branches"]["nodes"].as_array().unwrap().len(),
            )
        };
        assert_eq!(seen().await, (json!("ACTIVE"), 0, 3));
        let id = async |code: &str| by_code(app.admin(), code).await["id"].clone();
        let merge = json!({
            "id": id("ONE").await, "version": 1, "intoBranchId": id("NEW").await, "effectiveOn": "2026-03-01", "reason": "合并",
        });
        done(&app, "mergeBranch", merge).await;
        // One partner is still one to many; none is not.
        assert_eq!(seen().await, (json!("ACTIVE"), 1, 2));
        let dissolve =
            json!({ "id": id("TWO").await, "version": 1, "effectiveOn": "2026-03-01", "reason": "撤销" });
        done(&app, "dissolveBranch", dissolve).await;
        assert_eq!(seen().await, (json!("TERMINATED"), 2, 0));
    }
);
