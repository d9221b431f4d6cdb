//! Branches, asked as a client would: foundings that are refused, codes, aliases, elections and extensions.

use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    branches::{because, by_code, create, done, refused, try_create, with},
    on_both,
};

on_both!(
    a_branch_is_found_by_its_code_however_it_is_typed,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let id = create(&app, "HC-0101", json!({})).await;
        for code in ["HC-0101", "hc-0101", "ＨＣ－０１０１", "\u{3000}HC-0101 \u{a0}"] {
            assert_eq!(by_code(app.viewer(None), code).await["id"], id, "{code}");
        }
        for code in ["HC-0102", "", "%", "HC-0101\u{0}x"] {
            assert_eq!(by_code(app.viewer(None), code).await, json!(null), "{code:?}");
        }
        assert_eq!(by_code(app.adapter("EJIA"), "HC-0101").await, json!(null));
        let by_id = "query($id: ID!) { branch(by: { id: $id }) { code } }";
        let organization = app.organization_id("C1").await;
        for (id, found) in [
            (id.as_str(), json!({ "code": "HC-0101" })),
            (organization.as_str(), json!(null)),
            ("nonsense", json!(null)),
        ] {
            let answer = app.admin().ask(by_id, json!({ "id": id })).await;
            assert_eq!(answer.data()["branch"], found, "{id}");
        }
    }
);

on_both!(
    a_founding_that_cannot_be_is_refused_with_its_path,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let district = app.organization_id("D").await;
        create(&app, "B0", json!({})).await;
        for (over, code, path) in [
            (
                json!({ "foundedOn": "2026-03-03" }),
                "RULE_VIOLATION",
                "foundedOn",
            ),
            (
                json!({ "electedOn": "2019-04-30" }),
                "RULE_VIOLATION",
                "electedOn",
            ),
            (
                json!({ "electedOn": "2026-03-03" }),
                "RULE_VIOLATION",
                "electedOn",
            ),
            (
                json!({ "form": "TEMPORARY", "electedOn": "2020-01-01" }),
                "RULE_VIOLATION",
                "electedOn",
            ),
            (json!({ "memberCount": 2 }), "RULE_VIOLATION", "memberCount"),
            (json!({ "memberCount": -1 }), "INVALID_INPUT", "memberCount"),
            (
                json!({ "form": "JOINT", "memberCount": -1 }),
                "INVALID_INPUT",
                "memberCount",
            ),
            (json!({ "name": "a\u{0}b" }), "INVALID_INPUT", "name"),
            (json!({ "name": "党".repeat(201) }), "INVALID_INPUT", "name"),
            (json!({ "name": "  " }), "INVALID_INPUT", "name"),
            (json!({ "name": "找张 13800138000" }), "INVALID_INPUT", "name"),
            (json!({ "code": "A B?" }), "INVALID_INPUT", "code"),
            (
                json!({ "contactPhone": "13800138000" }),
                "INVALID_INPUT",
                "contactPhone",
            ),
            (
                json!({ "contactPhone": "张三 6051234" }),
                "INVALID_INPUT",
                "contactPhone",
            ),
            (
                json!({ "organizationId": district }),
                "RULE_VIOLATION",
                "organizationId",
            ),
            (
                json!({ "organizationId": "nonsense" }),
                "NOT_FOUND",
                "organizationId",
            ),
            (json!({ "code": "ｂ０" }), "ALREADY_EXISTS", "code"),
        ] {
            let answer = try_create(&app, "C1", over.clone()).await;
            let (was, at, _) = answer.refused();
            assert_eq!((was.as_str(), at.as_str()), (code, path), "{over}");
        }
        // Of several faults the caller hears at once.
        let many = try_create(
            &app,
            "C1",
            json!({ "memberCount": 1, "foundedOn": "2027-01-01", "name": "" }),
        )
        .await;
        let said = many.data()["createBranch"]["userErrors"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(said, 3, "{:#}", many.body);
        let no_day = try_create(&app, "C1", json!({ "foundedOn": "2022-02-30" })).await;
        assert!(no_day.body.get("errors").is_some(), "{:#}", no_day.body);
        // Three members are enough, and beyond fifty is a matter of fact; a joint branch may begin smaller.
        create(&app, "B3", json!({ "memberCount": 3 })).await;
        create(
            &app,
            "B51",
            json!({ "memberCount": 51, "contactPhone": "0592-6051234" }),
        )
        .await;
        create(&app, "BJ", json!({ "memberCount": 2, "form": "JOINT" })).await;
        create(&app, "BT", json!({ "form": "TEMPORARY" })).await;
    }
);

on_both!(two_branches_cannot_hold_one_code_at_one_time, |db| async move {
    let app = TestApp::with_tree(db).await;
    let one = create(&app, "ONE", json!({})).await;
    let two = create(&app, "TWO", json!({})).await;
    let alias = |branch: &str, over: Value| with(json!({ "branchId": branch, "since": "2020-01-01" }), over);
    let taken = because("ALREADY_EXISTS", "code");
    done(
        &app,
        "addBranchAlias",
        alias(&one, json!({ "code": "OLD", "until": "2021-12-31" })),
    )
    .await;
    done(
        &app,
        "addBranchAlias",
        alias(&one, json!({ "code": "P-1", "sourceCode": "EJIA" })),
    )
    .await;
    for input in [
        alias(&two, json!({ "code": "ONE" })),
        alias(&two, json!({ "code": "ONE", "sourceCode": "EJIA" })),
        alias(&two, json!({ "code": "old" })),
        alias(&two, json!({ "code": "OLD", "since": "2021-12-31" })),
        alias(&two, json!({ "code": "OLD", "sourceCode": "EJIA" })),
        alias(&two, json!({ "code": "P-1" })),
        alias(
            &two,
            json!({ "code": "P-1", "sourceCode": "EJIA", "since": "2025-01-01" }),
        ),
    ] {
        assert_eq!(
            refused(&app, "addBranchAlias", input.clone()).await,
            taken,
            "{input}"
        );
    }
    // The code is free again after its alias, and another source has codes of its own.
    done(
        &app,
        "addBranchAlias",
        alias(&two, json!({ "code": "OLD", "since": "2022-01-01" })),
    )
    .await;
    done(
        &app,
        "addBranchAlias",
        alias(&two, json!({ "code": "P-1", "sourceCode": "OTHER" })),
    )
    .await;
    let founded = try_create(&app, "C1", json!({ "code": "OLD" })).await;
    assert_eq!(founded.refusal_code(), "ALREADY_EXISTS");
    let backwards = alias(&two, json!({ "code": "NEW", "until": "2019-12-31" }));
    assert_eq!(
        refused(&app, "addBranchAlias", backwards).await,
        because("RULE_VIOLATION", "until")
    );

    let at_once =
        futures_util::future::join_all((0..6).map(|_| try_create(&app, "C1", json!({ "code": "RACE" }))))
            .await;
    let founded = at_once
        .iter()
        .filter(|answer| answer.data()["createBranch"]["userErrors"] == json!([]))
        .count();
    assert_eq!(founded, 1);
    for answer in &at_once {
        if answer.data()["createBranch"]["userErrors"] != json!([]) {
            assert_eq!(answer.refusal_code(), "ALREADY_EXISTS");
        }
    }
});

on_both!(an_alias_names_its_branch_while_it_is_valid, |db| async move {
    let app = TestApp::with_tree(db).await;
    let id = create(&app, "ONE", json!({})).await;
    for (code, source, since, until) in [
        ("PAST", None, "2020-01-01", Some("2026-03-01")),
        ("LAST", None, "2020-01-01", Some("2026-03-02")),
        ("NOW", None, "2026-03-02", None),
        ("SOON", None, "2026-03-03", None),
        ("EJ-7", Some("EJIA"), "2020-01-01", None),
    ] {
        let input =
            json!({ "branchId": id, "code": code, "sourceCode": source, "since": since, "until": until });
        done(&app, "addBranchAlias", input).await;
    }
    for (code, found) in [
        ("PAST", false),
        ("LAST", true),
        ("NOW", true),
        ("SOON", false),
        ("EJ-7", false),
    ] {
        let named = by_code(app.viewer(None), code).await["id"] == id;
        assert_eq!(named, found, "{code}");
    }
    let end = |version: i32, over: Value| {
        with(
            json!({ "branchId": id, "version": version, "code": "NOW", "until": "2026-03-02" }),
            over,
        )
    };
    assert_eq!(
        refused(&app, "endBranchAlias", end(1, json!({}))).await.0,
        "VERSION_CONFLICT"
    );
    let unknown = end(6, json!({ "code": "EJ-7" }));
    assert_eq!(
        refused(&app, "endBranchAlias", unknown).await,
        because("NOT_FOUND", "code")
    );
    let before = end(6, json!({ "until": "2026-03-01" }));
    assert_eq!(
        refused(&app, "endBranchAlias", before).await,
        because("RULE_VIOLATION", "until")
    );
    let branch = done(&app, "endBranchAlias", end(6, json!({}))).await;
    assert_eq!(branch["version"], 7);
    app.clock.set("2026-03-02T16:00:00Z"); // the 3rd in Shanghai
    assert_eq!(by_code(app.viewer(None), "NOW").await, json!(null));
    assert_eq!(by_code(app.viewer(None), "SOON").await["id"], id);

    // Aliases are for those in scope.
    let query = "{ branch(by: { code: \"ONE\" }) { aliases { code } } }";
    for (caller, seen) in [
        (app.admin(), 5),
        (app.committee("C1"), 5),
        (app.secretary_of("ONE"), 5),
        (app.committee("C2"), 0),
        (app.viewer(Some("C2")), 0),
    ] {
        let aliases = caller.data(query).await["branch"]["aliases"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(aliases, seen);
    }
});

on_both!(elections_open_terms_and_extensions_are_bounded, |db| async move {
    let app = TestApp::with_tree(db).await;
    let id = create(&app, "B1", json!({ "electedOn": "2019-05-01" })).await;
    let elect = |version: i32, on: &str, over: Value| {
        with(
            json!({ "branchId": id, "version": version, "electedOn": on }),
            over,
        )
    };
    let extend = |version: i32, to: &str| json!({ "branchId": id, "version": version, "extendedTo": to, "documentNumber": "海委组〔2022〕7号" });
    for (to, because) in [
        ("2022-05-01", because("RULE_VIOLATION", "extendedTo")),
        ("2023-05-02", because("RULE_VIOLATION", "extendedTo")),
    ] {
        assert_eq!(refused(&app, "extendTerm", extend(1, to)).await, because);
    }
    let blank = with(extend(1, "2022-12-31"), json!({ "documentNumber": " " }));
    assert_eq!(
        refused(&app, "extendTerm", blank).await,
        because("INVALID_INPUT", "documentNumber")
    );
    let branch = done(&app, "extendTerm", extend(1, "2022-12-31")).await;
    let term = json!({ "electedOn": "2019-05-01", "endsOn": "2022-05-01", "extendedTo": "2022-12-31", "onTime": null });
    assert_eq!(
        (&branch["term"], &branch["termState"], &branch["version"]),
        (&term, &json!("OVERDUE"), &json!(2))
    );

    for (on, over, path) in [
        ("2019-05-01", json!({}), "electedOn"),
        ("2019-04-30", json!({}), "electedOn"),
        ("2026-03-03", json!({}), "electedOn"),
        ("2023-01-01", json!({ "termYears": 4 }), "termYears"),
        ("2023-01-01", json!({ "termYears": 0 }), "termYears"),
    ] {
        assert_eq!(
            refused(&app, "recordElection", elect(2, on, over)).await,
            because("RULE_VIOLATION", path)
        );
    }
    let stale = elect(1, "2022-12-31", json!({}));
    assert_eq!(
        refused(&app, "recordElection", stale).await,
        because("VERSION_CONFLICT", "version")
    );
    let branch = done(&app, "recordElection", elect(2, "2022-12-31", json!({}))).await;
    assert_eq!(branch["term"]["onTime"], true);
    let branch = done(
        &app,
        "recordElection",
        elect(3, "2026-01-01", json!({ "termYears": 1 })),
    )
    .await;
    assert_eq!(branch["term"]["onTime"], false);
    assert_eq!(
        (&branch["term"]["endsOn"], &branch["termState"]),
        (&json!("2027-01-01"), &json!("IN_TERM"))
    );
    assert_eq!(
        branch["terms"],
        json!([{ "electedOn": "2026-01-01" }, { "electedOn": "2022-12-31" }, { "electedOn": "2019-05-01" }])
    );

    let rural = create(
        &app,
        "R1",
        json!({ "domain": "RURAL", "electedOn": "2020-02-29" }),
    )
    .await;
    let branch = &app
        .admin()
        .data("{ branch(by: { code: \"R1\" }) { term { endsOn } } }")
        .await["branch"];
    assert_eq!(branch["term"]["endsOn"], "2025-02-28");
    assert!(!rural.is_empty());
    let temporary = create(&app, "T1", json!({ "form": "TEMPORARY" })).await;
    let input = json!({ "branchId": temporary, "version": 1, "electedOn": "2020-01-01" });
    assert_eq!(
        refused(&app, "recordElection", input).await,
        because("RULE_VIOLATION", "electedOn")
    );
    let input = json!({ "branchId": create(&app, "N1", json!({})).await, "version": 1, "extendedTo": "2026-01-01", "documentNumber": "1号" });
    assert_eq!(
        refused(&app, "extendTerm", input).await,
        because("RULE_VIOLATION", "branchId")
    );
});
