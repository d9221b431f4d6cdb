//! Lists of rectifications, who sees them, and what they cost.

use serde_json::{Value, json};

use super::found::{Found, step, step_with};
use crate::{brand::heard, support::on_both};

/// Eight problems: B1 with one of each state, B2, B3 and B4 with one each.
async fn eight(found: &Found) {
    let app = &found.app;
    for (n, title, due_on, more) in [
        (1, "甲", "2026-03-05", json!({ "aspect": "ORGANIZATION" })),
        (1, "乙", "2026-03-10", json!({})),
        (1, "丙", "2026-03-30", json!({})),
        (1, "丁", "2026-03-20", json!({})),
        (1, "戊", "2026-03-25", json!({})),
        (2, "己", "2026-03-09", json!({ "aspect": "TAILORED" })),
        (3, "庚", "2026-03-03", json!({})),
        (4, "辛", "2026-04-15", json!({})),
    ] {
        let over = crate::support::branches::with(json!({ "title": title, "dueOn": due_on }), more);
        let row = found.raise(n, over).await;
        app.clock.advance(chrono::Duration::hours(3));
        // A token is good for an hour.
        let (admin, secretary) = (app.admin(), app.secretary_of("B1"));
        match title {
            "乙" => drop(step(&admin, "assignRectification", &row).await.unwrap()),
            "丙" | "丁" => {
                let row = step(&admin, "assignRectification", &row).await.unwrap();
                let row = step(&secretary, "submitRectification", &row).await.unwrap();
                if title == "丁" {
                    let over = json!({ "nextReviewOn": "2026-05-01" });
                    step_with(&admin, "closeRectification", &row, over).await.unwrap();
                }
            }
            "戊" => drop(step(&admin, "waiveRectification", &row).await.unwrap()),
            _ => {}
        }
    }
    // Raised on the 2nd and the 3rd; now it is the 4th.
    app.clock.advance(chrono::Duration::days(1));
}

on_both!(a_list_holds_what_its_filter_takes, |db| async move {
    let found = Found::new(db).await;
    eight(&found).await;
    let app = &found.app;
    let (c1, g1) = (app.organization_id("C1").await, app.organization_id("G1").await);
    let b2 = found.branch(2);
    for (filter, expected) in [
        ("", "庚甲己乙丁戊丙辛".to_owned()),
        (&format!("branchId: \"{b2}\""), "己".to_owned()),
        (&format!("organizationId: \"{c1}\""), "庚甲己乙丁戊丙".to_owned()),
        (&format!("organizationId: \"{g1}\""), "甲乙丁戊丙".to_owned()),
        (
            &format!("organizationId: \"{g1}\", branchId: \"{b2}\""),
            String::new(),
        ),
        ("aspects: [ORGANIZATION, TAILORED]", "甲己".to_owned()),
        ("origins: [INSPECTION]", "庚甲己乙丁戊丙辛".to_owned()),
        ("origins: [COMPUTED, SELF_CHECK]", String::new()),
        ("states: [OPEN]", "庚甲己辛".to_owned()),
        ("states: [SUBMITTED, CLOSED]", "丁丙".to_owned()),
        ("states: []", String::new()),
        // It is the 4th.
        ("lights: [RED]", "庚".to_owned()),
        ("lights: [AMBER]", "甲己乙".to_owned()),
        ("lights: [BLUE]", "丙辛".to_owned()),
        ("lights: [GREEN]", "丁戊".to_owned()),
        ("lights: [GREEN, RED, RED]", "庚丁戊".to_owned()),
        ("lights: []", String::new()),
        ("dueBefore: \"2026-03-09\"", "庚甲".to_owned()),
        ("reviewBefore: \"2026-05-01\"", String::new()),
        ("reviewBefore: \"2026-05-02\"", "丁".to_owned()),
        ("branchId: \"nobody\"", String::new()),
        ("organizationId: \"nobody\"", String::new()),
    ] {
        let titles = found
            .titles(&app.admin(), &format!("(filter: {{ {filter} }})"))
            .await;
        assert_eq!(titles.concat(), expected, "{filter}");
    }
    let latest = found.titles(&app.admin(), "(orderBy: RAISED_DESC)").await;
    assert_eq!(latest.concat(), "辛庚己戊丁丙乙甲");
    // A list's lights are those that its rows show.
    for light in ["RED", "AMBER", "BLUE", "GREEN"] {
        let query = format!("{{ rectifications(filter: {{ lights: [{light}] }}) {{ nodes {{ light }} }} }}");
        for node in app.admin().data(&query).await["rectifications"]["nodes"]
            .as_array()
            .unwrap()
        {
            assert_eq!(node["light"], light);
        }
    }
});

on_both!(pages_join_both_ways_in_both_orders, |db| async move {
    let found = Found::new(db).await;
    eight(&found).await;
    let admin = found.app.admin();
    for (order, whole) in [
        ("DUE_ASC", "庚甲己乙丁戊丙辛"),
        ("RAISED_DESC", "辛庚己戊丁丙乙甲"),
    ] {
        for (size, at, from, more) in [
            ("first", "after", "endCursor", "hasNextPage"),
            ("last", "before", "startCursor", "hasPreviousPage"),
        ] {
            let mut read = String::new();
            let mut cursor = String::new();
            loop {
                let query = format!(
                    "{{ rectifications(orderBy: {order}, {size}: 3 {cursor}) {{ nodes {{ title }}
                        pageInfo {{ {from} {more} }} }} }}"
                );
                let page = admin.data(&query).await["rectifications"].clone();
                let titles: Vec<&str> = page["nodes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|node| node["title"].as_str().unwrap())
                    .collect();
                read = match size {
                    "first" => read + &titles.concat(),
                    _ => titles.concat() + &read,
                };
                if page["pageInfo"][more] == false {
                    break;
                }
                cursor = format!(", {at}: {}", page["pageInfo"][from]);
            }
            assert_eq!(read, whole, "{order} {size}");
        }
    }
    // The other order's cursor is told apart, in nested lists too.
    let query = "{ rectifications(first: 1) { pageInfo { endCursor } } }";
    let data = admin.data(query).await;
    let cursor = &data["rectifications"]["pageInfo"]["endCursor"];
    for query in [
        format!("{{ rectifications(orderBy: RAISED_DESC, after: {cursor}) {{ nodes {{ id }} }} }}"),
        format!(
            "{{ branches {{ nodes {{ rectifications(orderBy: RAISED_DESC, after: {cursor}) {{ nodes {{ id }} }} }} }} }}"
        ),
    ] {
        assert_eq!(admin.ask(&query, json!({})).await.error_code(), "BAD_REQUEST");
    }
});

on_both!(who_is_out_of_scope_sees_how_many_are_open, |db| async move {
    let found = Found::new(db).await;
    eight(&found).await;
    let app = &found.app;
    let all = "庚甲己乙丁戊丙辛";
    let whole = app.admin();
    let query = "{ rectifications { nodes { id title } } }";
    let rows = whole.data(query).await["rectifications"]["nodes"].clone();
    let of_b1 = &rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["title"] == "甲")
        .unwrap()["id"];
    for (who, caller, sees, count) in [
        ("district", app.admin(), all, json!(3)),
        ("C1", app.committee("C1"), "庚甲己乙丁戊丙", json!(3)),
        ("C2", app.committee("C2"), "辛", json!(3)),
        ("B1", app.secretary_of("B1"), "甲乙丁戊丙", json!(3)),
        ("B2", app.secretary_of("B2"), "己", json!(3)),
        ("viewer", app.viewer(None), all, json!(3)),
        ("viewer of G1", app.viewer(Some("G1")), "甲乙丁戊丙", json!(3)),
        ("viewer of C2", app.viewer(Some("C2")), "辛", json!(3)),
        ("examiner", app.examiner_of("B1"), "", json!(3)),
        ("adapter", app.adapter("EJIA"), "", json!(null)),
    ] {
        assert_eq!(found.titles(&caller, "").await.concat(), sees, "{who}");
        let reaches = sees.contains('甲');
        assert_eq!(!found.node(&caller, of_b1).await.is_null(), reaches, "{who}");
        let data = caller
            .data(
                "{ branch(by: { code: \"B1\" }) { openRectificationCount
                    rectifications(filter: { lights: [AMBER, BLUE] }) { totalCount nodes { title steps { by } } } } }",
            )
            .await;
        let branch = &data["branch"];
        assert_eq!(branch["openRectificationCount"], count, "{who}");
        if !branch.is_null() {
            let listed = if reaches { 3 } else { 0 };
            assert_eq!(branch["rectifications"]["totalCount"], listed, "{who}");
            assert_eq!(
                branch["rectifications"]["nodes"].as_array().unwrap().len(),
                listed
            );
        }
    }
    assert_eq!(
        app.nobody().ask(query, json!({})).await.error_code(),
        "UNAUTHENTICATED"
    );
});

on_both!(changes_are_told_in_scope_only, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let row = found.in_state(1, "SUBMITTED").await;
    let closed = step(&app.committee("C1"), "closeRectification", &row)
        .await
        .unwrap();
    let told = heard(
        &app.secretary_of("B1"),
        "RECTIFICATION",
        "action nodeId version node { id }",
        4,
    )
    .await;
    assert_eq!(told.len(), 4, "{told:#?}");
    assert_eq!(told[0]["action"], "CREATED");
    assert_eq!(told[3]["version"], closed["version"]);
    assert_eq!(told[3]["node"]["id"], closed["id"]);
    for (who, caller, count) in [
        ("district", app.admin(), 4),
        ("C1", app.committee("C1"), 4),
        ("viewer", app.viewer(None), 4),
        ("C2", app.committee("C2"), 0),
        ("B2", app.secretary_of("B2"), 0),
        ("viewer of C2", app.viewer(Some("C2")), 0),
        ("examiner", app.examiner_of("B4"), 0),
        ("adapter", app.adapter("EJIA"), 0),
    ] {
        let told = heard(&caller, "RECTIFICATION", "nodeId", count).await;
        assert_eq!(told.len(), count, "{who}");
    }
});

on_both!(a_kept_answer_knows_of_the_next_step, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let mut row = found.in_state(1, "OPEN").await;
    let query = "{ branch(by: { code: \"B1\" }) { openRectificationCount } rectifications { nodes { state light } } }";
    let seen = async || {
        let data = app.committee("C1").data(query).await;
        let state = data["rectifications"]["nodes"][0]["state"]
            .as_str()
            .unwrap()
            .to_owned();
        (state, data["branch"]["openRectificationCount"].as_i64().unwrap())
    };
    assert_eq!(seen().await, ("OPEN".to_owned(), 1));
    // A viewer of another committee sees the number only.
    let query = "{ branch(by: { code: \"B1\" }) { openRectificationCount } }";
    let stranger =
        async || app.viewer(Some("C2")).data(query).await["branch"]["openRectificationCount"].clone();
    assert_eq!(stranger().await, 1);
    for (field, state, open) in [
        ("assignRectification", "ASSIGNED", 1),
        ("waiveRectification", "WAIVED", 0),
    ] {
        row = step(&app.admin(), field, &row).await.unwrap();
        assert_eq!(seen().await, (state.to_owned(), open));
        assert_eq!(stranger().await, open);
    }
});

on_both!(
    a_page_of_branches_reads_their_rectifications_together,
    |db| async move {
        let found = Found::new(db).await;
        eight(&found).await;
        let app = &found.app;
        let cost = async |query: String| -> (Value, u64) {
            let admin = app.admin().past_results();
            admin.data(&query).await;
            let before = app.database.statements();
            let data = admin.data(&query).await;
            (data, app.database.statements() - before)
        };
        let branches = |n: usize| {
            format!(
                "{{ branches(first: {n}) {{ nodes {{ code openRectificationCount
                    rectifications(first: 10) {{ totalCount nodes {{ title light steps {{ by }} branch {{ name }} }} }} }} }} }}"
            )
        };
        let (_, one) = cost(branches(1)).await;
        let (data, four) = cost(branches(4)).await;
        assert_eq!(data["branches"]["nodes"][0]["rectifications"]["totalCount"], 5);
        assert_eq!(
            data["branches"]["nodes"][3]["rectifications"]["nodes"][0]["title"],
            "辛"
        );
        assert_eq!(one, four);
        let rows = |n: usize| {
            format!(
                "{{ rectifications(first: {n}) {{ nodes {{ title steps {{ by note }} branch {{ code }} }} }} }}"
            )
        };
        let ((_, one), (_, all)) = (cost(rows(1)).await, cost(rows(8)).await);
        assert_eq!((one, all), (3, 3));
    }
);
