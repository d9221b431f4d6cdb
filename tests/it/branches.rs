//! Lists of branches against a model: every filter, every order, pages both ways, and what a page of them costs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use zhibu::jobs;

use crate::support::{
    app::{As, TestApp},
    branches::many,
    changes::branch_changes_once,
    on_both,
};

const FIELDS: &str = "id code name domain form status foundedOn updatedAt termState isGold
    term { endsOn } organization { code }";

async fn all(caller: As<'_>) -> Vec<Value> {
    let query = format!(
        "{{ branches(filter: {{ statuses: [ACTIVE, MERGED, DISSOLVED] }}) {{ nodes {{ {FIELDS} }} }} }}"
    );
    caller.data(&query).await["branches"]["nodes"]
        .as_array()
        .unwrap()
        .clone()
}

fn codes(nodes: &Value) -> Vec<String> {
    let code = |node: &Value| node["code"].as_str().unwrap().to_owned();
    nodes.as_array().unwrap().iter().map(code).collect()
}

/// Whether a branch passes a filter, by what it tells of itself.
fn passes(branch: &Value, filter: &Value) -> bool {
    let text = |name: &str| branch[name].as_str().unwrap();
    let among = |given: &Value, value: &str| given.as_array().unwrap().iter().any(|v| v == value);
    let home = branch["organization"]["code"].as_str().unwrap();
    let paired = |branch: &Value| {
        let name = branch["name"].as_str().unwrap();
        ["第5党支部", "第8党支部"].iter().any(|part| name.contains(part))
    };
    let mut holds = match filter.get("statuses") {
        Some(statuses) => among(statuses, text("status")),
        None => text("status") == "ACTIVE",
    };
    for (name, given) in filter.as_object().unwrap() {
        holds &= match name.as_str() {
            "statuses" => true,
            "organization" => match given.as_str().unwrap() {
                "D" => true,
                "C1" => ["C1", "G1"].contains(&home),
                other => other == home,
            },
            "domains" => among(given, text("domain")),
            "forms" => among(given, text("form")),
            "termStates" => among(given, text("termState")),
            "gold" => branch["isGold"] == *given,
            "paired" => json!(paired(branch)) == *given,
            "foundedFrom" => text("foundedOn") >= given.as_str().unwrap(),
            "foundedTo" => text("foundedOn") <= given.as_str().unwrap(),
            other => panic!("{other}"),
        };
    }
    holds
}

on_both!(
    every_filter_lets_through_what_the_branches_tell_of_themselves,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        many(&app).await;
        let rows = all(app.viewer(None)).await;
        assert_eq!(rows.len(), 30);
        let statuses = json!(["ACTIVE", "MERGED", "DISSOLVED"]);
        let mut partial = 0;
        for filter in [
            json!({}),
            json!({ "statuses": ["MERGED", "DISSOLVED"] }),
            json!({ "statuses": [] }),
            json!({ "organization": "D" }),
            json!({ "organization": "C1" }),
            json!({ "organization": "G1" }),
            json!({ "organization": "C2", "statuses": statuses }),
            json!({ "domains": ["RURAL", "NON_PUBLIC"] }),
            json!({ "forms": ["JOINT", "TEMPORARY"] }),
            json!({ "termStates": ["IN_TERM"] }),
            json!({ "termStates": ["DUE_SOON"] }),
            json!({ "termStates": ["OVERDUE", "DUE_SOON"] }),
            json!({ "termStates": ["NOT_APPLICABLE"], "statuses": statuses }),
            json!({ "termStates": [] }),
            json!({ "gold": true }),
            json!({ "gold": true, "statuses": statuses }),
            json!({ "gold": false }),
            json!({ "paired": true }),
            json!({ "paired": false, "statuses": statuses }),
            json!({ "foundedFrom": "2012-01-01", "foundedTo": "2013-01-01" }),
            json!({ "foundedFrom": "2012-01-02" }),
            json!({ "organization": "C1", "domains": ["RURAL", "COMMUNITY", "GOVERNMENT"], "forms": ["SINGLE"], "gold": false }),
        ] {
            let expected: Vec<String> = rows
                .iter()
                .filter(|row| passes(row, &filter))
                .map(|row| row["code"].as_str().unwrap().to_owned())
                .collect();
            partial += usize::from(!expected.is_empty() && expected.len() < rows.len());
            let mut given = filter.clone();
            if let Some(code) = given.as_object_mut().unwrap().remove("organization") {
                given["organizationId"] = json!(app.organization_id(code.as_str().unwrap()).await);
            }
            let query =
                "query($filter: BranchFilter) { branches(filter: $filter) { totalCount nodes { code } } }";
            let answer = app.viewer(None).ask(query, json!({ "filter": given })).await;
            let found = &answer.data()["branches"];
            assert_eq!(codes(&found["nodes"]), expected, "{filter}");
            assert_eq!(found["totalCount"], expected.len(), "{filter}");
        }
        assert!(partial >= 15, "the filters let through all or nothing: {partial}");
        // An id that names no organization lets nothing through; an adapter sees nothing at all.
        let query =
            "query($id: ID) { branches(filter: { organizationId: $id }) { totalCount nodes { code } } }";
        let answer = app.admin().ask(query, json!({ "id": "nonsense" })).await;
        assert_eq!(answer.data()["branches"], json!({ "totalCount": 0, "nodes": [] }));
        let data = app
            .adapter("EJIA")
            .data("{ branches { totalCount nodes { code } } }")
            .await;
        assert_eq!(data["branches"], json!({ "totalCount": 0, "nodes": [] }));
    }
);

on_both!(
    every_order_is_the_models_and_pages_meet_both_ways,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        many(&app).await;
        let rows = all(app.viewer(None)).await;
        // What decides between equals is the key, which is older for what was founded first here.
        let key = |row: &Value| -> i32 {
            let name = row["name"].as_str().unwrap();
            let number = name.rsplit('第').next().unwrap();
            number.split('党').next().unwrap().parse().unwrap()
        };
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let end = |row: &Value| row["term"]["endsOn"].as_str().unwrap_or("9999-12-31").to_owned();
        let instant = |row: &Value| {
            text(row, "updatedAt")
                .parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap()
        };
        for order in ["CODE", "NAME", "FOUNDED_DESC", "TERM_END_ASC", "UPDATED_DESC"] {
            let mut sorted = rows.clone();
            sorted.sort_by_key(|row| key(row));
            match order {
                "CODE" => sorted.sort_by_key(|row| text(row, "code")),
                "NAME" => sorted.sort_by_key(|row| text(row, "name")),
                "TERM_END_ASC" => sorted.sort_by_key(end),
                "FOUNDED_DESC" => {
                    sorted.sort_by_key(|row| text(row, "foundedOn"));
                    sorted.reverse();
                }
                _ => {
                    sorted.sort_by_key(instant);
                    sorted.reverse();
                }
            }
            let expected: Vec<String> = sorted.iter().map(|row| text(row, "code")).collect();
            for (size, count, cursor, from, more) in [
                (7, "first", "after", "endCursor", "hasNextPage"),
                (4, "last", "before", "startCursor", "hasPreviousPage"),
                (30, "first", "after", "endCursor", "hasNextPage"),
            ] {
                let query = format!(
                "query($cursor: String) {{ branches(orderBy: {order}, filter: {{ statuses: [ACTIVE, MERGED, DISSOLVED] }},
                   {count}: {size}, {cursor}: $cursor) {{ nodes {{ code }} pageInfo {{ {from} {more} }} }} }}"
            );
                let mut walked: Vec<String> = Vec::new();
                let mut at = json!(null);
                loop {
                    let answer = app.viewer(None).ask(&query, json!({ "cursor": at })).await;
                    let page = &answer.data()["branches"];
                    let found = codes(&page["nodes"]);
                    walked = if count == "first" {
                        [walked, found].concat()
                    } else {
                        [found, walked].concat()
                    };
                    at = page["pageInfo"][from].clone();
                    if page["pageInfo"][more] == false {
                        break;
                    }
                    assert!(walked.len() < 30, "{order} {count} never ends");
                }
                assert_eq!(walked, expected, "{order} {count}");
            }
        }
        // A cursor of one order is none of another's.
        let data = app
            .admin()
            .data("{ branches(first: 1) { pageInfo { endCursor } } }")
            .await;
        let query = "query($after: String) { branches(orderBy: NAME, after: $after) { nodes { code } } }";
        let after = &data["branches"]["pageInfo"]["endCursor"];
        assert_eq!(
            app.admin()
                .ask(query, json!({ "after": after }))
                .await
                .error_code(),
            "BAD_REQUEST"
        );
        for arguments in ["first: -1", "last: 201", "first: 1, last: 1", "before: \"x\""] {
            for query in [
                format!("{{ branches({arguments}) {{ nodes {{ code }} }} }}"),
                format!("{{ organizations {{ nodes {{ branches({arguments}) {{ nodes {{ code }} }} }} }} }}"),
            ] {
                assert_eq!(
                    app.admin().ask(&query, json!({})).await.error_code(),
                    "BAD_REQUEST",
                    "{query}"
                );
            }
        }
    }
);

on_both!(
    a_term_state_is_the_same_in_a_list_and_on_the_branch_every_day,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        many(&app).await;
        let mut seen = BTreeSet::new();
        for day in [
            "2022-01-14",
            "2022-07-15",
            "2022-08-31",
            "2023-02-28",
            "2023-07-15",
            "2024-02-29",
            "2024-08-15",
            "2024-08-16",
            "2025-03-15",
            "2025-03-16",
            "2026-02-28",
            "2026-08-31",
            "2028-04-15",
            "2029-12-31",
        ] {
            app.clock.set(&format!("{day}T03:00:00Z"));
            let rows = all(app.admin()).await;
            for state in ["IN_TERM", "DUE_SOON", "OVERDUE", "NOT_APPLICABLE"] {
                let query = format!(
                    "{{ branches(filter: {{ termStates: [{state}], statuses: [ACTIVE, MERGED, DISSOLVED] }}) {{ nodes {{ code }} }} }}"
                );
                let listed = codes(&app.admin().data(&query).await["branches"]["nodes"]);
                let told: Vec<String> = rows
                    .iter()
                    .filter(|row| row["termState"] == state)
                    .map(|row| row["code"].as_str().unwrap().to_owned())
                    .collect();
                assert_eq!(listed, told, "{day} {state}");
                if !told.is_empty() {
                    seen.insert(state);
                }
            }
        }
        assert_eq!(seen.len(), 4);
    }
);

on_both!(
    a_search_finds_parts_of_names_codes_and_initials,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        many(&app).await;
        let rows = all(app.admin()).await;
        let active = |part: &str| {
            let holds =
                |row: &&Value| row["status"] == "ACTIVE" && row["name"].as_str().unwrap().contains(part);
            rows.iter().filter(holds).count()
        };
        for (typed, found) in [
            ("hcjd", active("海沧街道")),
            ("HCJD", active("海沧街道")),
            ("海沧 街道", active("海沧街道")),
            ("syjd", active("嵩屿街道")),
            ("100%", active("100%")),
            ("_", active("东孚_")),
            ("a\\b", active("A\\B")),
            ("（演示）", active("演示")),
            ("ｂ１４", 1),
            ("", active("支部")),
            ("hcjdx", 0),
            ("%%", 0),
            ("\u{0}", 0),
            (&"海".repeat(60_000), 0),
        ] {
            let query = "query($search: String) { branches(filter: { search: $search }) { totalCount nodes { name } } }";
            let answer = app.admin().ask(query, json!({ "search": typed })).await;
            let short: String = typed.chars().take(20).collect();
            assert_eq!(answer.data()["branches"]["totalCount"], found, "{short:?}");
            assert_eq!(
                answer.data()["branches"]["nodes"].as_array().unwrap().len(),
                found,
                "{short:?}"
            );
        }
    }
);

on_both!(
    lists_below_many_organizations_cost_as_much_as_below_one,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        many(&app).await;
        let fields = "code branchCount branches(first: 3, orderBy: NAME) {
        totalCount nodes { code name } pageInfo { hasNextPage } }";
        let cost = async |query: String| {
            let before = app.database.statements();
            let data = app.viewer(None).past_results().data(&query).await;
            (data, app.database.statements() - before)
        };
        let (_, one) = cost(format!(
            "{{ organizations(first: 1) {{ nodes {{ {fields} }} }} }}"
        ))
        .await;
        let (data, four) = cost(format!("{{ organizations {{ nodes {{ {fields} }} }} }}")).await;
        assert_eq!(one, four);
        let rows = all(app.viewer(None)).await;
        for organization in data["organizations"]["nodes"].as_array().unwrap() {
            let filter = json!({ "organization": organization["code"] });
            let mut below: Vec<&Value> = rows.iter().filter(|row| passes(row, &filter)).collect();
            below.sort_by_key(|row| row["name"].as_str().unwrap());
            assert!(below.len() > 3);
            assert_eq!(organization["branchCount"], below.len());
            assert_eq!(organization["branches"]["totalCount"], below.len());
            assert_eq!(organization["branches"]["pageInfo"]["hasNextPage"], true);
            let first: Vec<&Value> = below.iter().take(3).map(|row| &row["code"]).collect();
            assert_eq!(
                codes(&organization["branches"]["nodes"]),
                first.iter().map(|c| c.as_str().unwrap()).collect::<Vec<_>>()
            );
        }
    }
);

on_both!(
    the_daily_job_tells_once_of_terms_that_moved_with_the_date,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        many(&app).await;
        app.clock.set("2026-03-02T15:00:00Z");
        let states = async || -> Vec<(String, String)> {
            let pair = |row: &Value| (row["id"].to_string(), row["termState"].to_string());
            all(app.admin()).await.iter().map(pair).collect()
        };
        // Thirty were founded, two dissolved, and a merger tells of two.
        let mut told = 34;
        branch_changes_once(app.admin(), |changes| changes.len() == told).await;
        jobs::daily(&app.database).await.unwrap();
        for day in [
            "2026-12-16T03:00:00Z",
            "2027-06-02T03:00:00Z",
            "2028-06-02T03:00:00Z",
        ] {
            let before = states().await;
            app.clock.set(day);
            let after = states().await;
            let moved: BTreeSet<String> = before
                .iter()
                .zip(&after)
                .filter(|(before, after)| before != after)
                .map(|(before, _)| before.0.clone())
                .collect();
            assert!(!moved.is_empty(), "{day}");
            jobs::daily(&app.database).await.unwrap();
            jobs::daily(&app.database).await.unwrap();
            let all_told = told + moved.len();
            let changes = branch_changes_once(app.admin(), |changes| changes.len() >= all_told).await;
            let news: Vec<String> = changes[told..].iter().map(|c| c["nodeId"].to_string()).collect();
            assert_eq!(news.iter().cloned().collect::<BTreeSet<_>>(), moved, "{day}");
            // One that was told twice would push the next day's aside.
            assert_eq!(news.len(), moved.len(), "{day}");
            told = all_told;
        }
    }
);

on_both!(
    a_branch_tells_the_same_wherever_it_is_reached_from,
    |db| async move {
        let app = TestApp::with_demo(db).await;
        let fields = "fragment F on Branch { id code name domain form status foundedOn endedOn memberCount contactPhone isGold
            organization { id name kind parent { code } } brand { id name slogan state publishedAt }
            term { electedOn endsOn extendedTo onTime } terms { electedOn } termState successor { code } version updatedAt }";
        let ask = async |query: &str, variables: Value| {
            app.admin()
                .ask(&format!("{query} {fields}"), variables)
                .await
                .data()
                .clone()
        };
        let by_id = |branches: Vec<Value>| -> BTreeMap<String, Value> {
            branches.into_iter().map(|b| (b["id"].to_string(), b)).collect()
        };
        let list = |data: &Value, path: &str| data.pointer(path).unwrap().as_array().unwrap().clone();

        // From lists, whose statement reads organization, brand, term and title with the branch.
        let query = "query($f: BranchFilter) { branches(filter: $f, first: 200) { nodes { ...F } } }";
        let mut listed = BTreeMap::new();
        for filter in [
            json!({ "gold": true }),
            json!({ "paired": true, "gold": false }),
            json!({ "statuses": ["MERGED", "DISSOLVED"] }),
            json!({ "forms": ["TEMPORARY"] }),
            json!({ "termStates": ["NOT_APPLICABLE", "OVERDUE"] }),
        ] {
            listed.extend(by_id(list(
                &ask(query, json!({ "f": filter })).await,
                "/branches/nodes",
            )));
        }
        let has = |field: &str, wanted: bool| {
            let count = listed.values().filter(|b| b[field].is_null() != wanted).count();
            assert!(count > 5, "{field} {wanted}: {count}");
        };
        for field in ["brand", "term", "successor", "endedOn"] {
            has(field, true);
            has(field, false);
        }
        let several = |b: &&Value| b["terms"].as_array().unwrap().len() > 1;
        assert!(listed.values().filter(several).count() > 5);
        for branch in listed.values() {
            let latest = branch["terms"]
                .get(0)
                .map_or(&Value::Null, |term| &term["electedOn"]);
            assert_eq!(branch["term"].get("electedOn").unwrap_or(&Value::Null), latest);
        }

        // Through `nodes`, whose loaders read each by itself.
        let ids: Vec<Value> = listed.values().map(|b| b["id"].clone()).collect();
        for ids in ids.chunks(100) {
            let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ...F } }";
            let loaded = ask(query, json!({ "ids": ids })).await;
            for branch in list(&loaded, "/nodes") {
                assert_eq!(branch, listed[&branch["id"].to_string()]);
            }
        }
        // As members of pairings, of which the names come first.
        let query = "{ pairings(first: 200) { nodes { members { branch { ...F } } } } }";
        let mut members = 0;
        for pairing in list(&ask(query, json!({})).await, "/pairings/nodes") {
            for member in pairing["members"].as_array().unwrap() {
                let branch = &member["branch"];
                if let Some(expected) = listed.get(&branch["id"].to_string()) {
                    assert_eq!(branch, expected);
                    members += 1;
                }
            }
        }
        assert!(members > 100, "{members}");
        // One at a time.
        for branch in listed.values().step_by(17) {
            let query = "query($id: ID!, $code: String!) { id: branch(by: { id: $id }) { ...F }
                code: branch(by: { code: $code }) { ...F } }";
            let one = ask(query, json!({ "id": branch["id"], "code": branch["code"] })).await;
            assert_eq!(&one["id"], branch);
            if branch["status"] != "MERGED" {
                assert_eq!(&one["code"], branch);
            }
        }
    }
);

on_both!(branches_named_one_by_one_are_read_together, |db| async move {
    let app = TestApp::with_tree(db).await;
    many(&app).await;
    let rows = all(app.admin()).await;
    let cost = async |by: &dyn Fn(&Value) -> String| {
        let named = |(n, row): (usize, &Value)| {
            format!("b{n}: branch(by: {}) {{ id organization {{ code }} }}", by(row))
        };
        let fields: Vec<String> = rows.iter().take(16).enumerate().map(named).collect();
        let before = app.database.statements();
        let data = app.admin().data(&format!("{{ {} }}", fields.join(" "))).await;
        for (n, row) in rows.iter().take(16).enumerate() {
            assert_eq!(data[format!("b{n}")]["id"], row["id"]);
        }
        app.database.statements() - before
    };
    assert_eq!(cost(&|row| format!("{{ id: {} }}", row["id"])).await, 1);
    // Merged branches' codes lead elsewhere, and are looked up one by one.
    let active: Vec<&Value> = rows.iter().filter(|row| row["status"] == "ACTIVE").collect();
    let fields: Vec<String> = active
        .iter()
        .take(16)
        .enumerate()
        .map(|(n, row)| format!("b{n}: branch(by: {{ code: {} }}) {{ id }}", row["code"]))
        .collect();
    let before = app.database.statements();
    app.admin().data(&format!("{{ {} }}", fields.join(" "))).await;
    assert_eq!(app.database.statements() - before, 1);
});

on_both!(a_page_of_none_tells_whether_there_are_any, |db| async move {
    let app = TestApp::with_tree(db).await;
    let query = "{ branches(first: 0) { nodes { code } pageInfo { hasNextPage endCursor } }
        last: branches(last: 0) { nodes { code } pageInfo { hasPreviousPage } }
        organizations { nodes { branches(first: 0) { nodes { code } pageInfo { hasNextPage } } } } }";
    let empty = app.admin().data(query).await;
    assert_eq!(empty["branches"]["pageInfo"]["hasNextPage"], false);
    many(&app).await;
    let full = app.admin().data(query).await;
    assert_eq!(full["branches"]["nodes"], json!([]));
    assert_eq!(
        full["branches"]["pageInfo"],
        json!({ "hasNextPage": true, "endCursor": null })
    );
    assert_eq!(full["last"]["pageInfo"]["hasPreviousPage"], true);
    let below = &full["organizations"]["nodes"][0]["branches"];
    assert_eq!(below["pageInfo"]["hasNextPage"], true);
});
