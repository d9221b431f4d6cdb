//! Brands, asked as a client would.

use serde_json::{Value, json};

use crate::support::{
    app::{Answer, As, TestApp},
    on_both,
};

/// Founds a branch; gives its id.
pub async fn found(app: &TestApp, code: &str, organization: &str, domain: &str) -> String {
    let organization = app.organization_id(organization).await;
    let input = json!({
        "code": code, "name": format!("第{code}党支部"), "domain": domain, "organizationId": organization,
        "foundedOn": "2020-07-01", "memberCount": 12,
    });
    let answer = app.admin().mutate("createBranch", "branch { id }", input).await;
    answer.done()["branch"]["id"].as_str().unwrap().to_owned()
}

/// The changes of a topic that a caller hears of, once there are so many: on PostgreSQL the feed stays behind every
/// transaction of the cluster that is still open, those of other tests too.
pub async fn heard(caller: &As<'_>, topic: &str, selection: &str, at_least: usize) -> Vec<Value> {
    let query = format!("{{ changes(filter: {{ topics: [{topic}] }}) {{ changes {{ {selection} }} }} }}");
    let mut changes = Vec::new();
    for _ in 0..2_000 {
        let data = caller.data(&query).await;
        changes = data["changes"]["changes"].as_array().unwrap().clone();
        if changes.len() >= at_least {
            break;
        }
    }
    changes
}

const BRAND: &str = "brand { id name slogan results themes state version returnReason publishedAt }";

fn content(branch: &str, name: &str) -> Value {
    json!({ "branchId": branch, "name": name, "description": "随叫随到" })
}

fn with(mut input: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(more);
    input
}

/// A brand with the version it stands at.
#[derive(Clone, Debug)]
struct Stands {
    id: String,
    version: i64,
}

impl Stands {
    fn of(answer: &Answer) -> Self {
        let brand = &answer.done()["brand"];
        Self {
            id: brand["id"].as_str().unwrap().to_owned(),
            version: brand["version"].as_i64().unwrap(),
        }
    }

    fn input(&self) -> Value {
        json!({ "id": self.id, "version": self.version })
    }
}

async fn draft(app: &TestApp, code: &str, branch: &str, name: &str) -> Stands {
    let secretary = app.secretary_of(code);
    Stands::of(&secretary.mutate("saveBrand", BRAND, content(branch, name)).await)
}

async fn submitted(app: &TestApp, code: &str, branch: &str, name: &str) -> Stands {
    let brand = draft(app, code, branch, name).await;
    let secretary = app.secretary_of(code);
    Stands::of(&secretary.mutate("submitBrand", BRAND, brand.input()).await)
}

async fn published(app: &TestApp, code: &str, branch: &str, name: &str) -> Stands {
    let brand = submitted(app, code, branch, name).await;
    Stands::of(&app.admin().mutate("publishBrand", BRAND, brand.input()).await)
}

async fn in_state(app: &TestApp, code: &str, branch: &str, state: &str) -> Stands {
    match state {
        "DRAFT" => draft(app, code, branch, "市政110").await,
        "SUBMITTED" => submitted(app, code, branch, "市政110").await,
        "PUBLISHED" => published(app, code, branch, "市政110").await,
        _ => {
            let earlier = published(app, code, branch, "市政110").await;
            published(app, code, branch, "市政120").await;
            Stands {
                version: earlier.version + 1,
                ..earlier
            }
        }
    }
}

/// What came of it: DONE, the code of the refusal, or the code of the error.
fn outcome(answer: &Answer) -> String {
    if answer.body.get("errors").is_some() {
        return answer.error_code().to_owned();
    }
    let payload = answer.data().as_object().unwrap().values().next().unwrap();
    match payload["userErrors"].as_array().unwrap().as_slice() {
        [] => "DONE".to_owned(),
        _ => answer.refusal_code(),
    }
}

on_both!(every_state_takes_its_steps_from_those_who_may, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    found(&app, "B2", "C2", "RURAL").await;
    let invalid = "INVALID_TRANSITION";
    let (forbidden, done, missing) = ("FORBIDDEN", "DONE", "NOT_FOUND");
    // What a stranger may see it may not touch; what it may not see is not there.
    for state in ["DRAFT", "SUBMITTED", "PUBLISHED", "ARCHIVED"] {
        let strange = if state == "PUBLISHED" { forbidden } else { missing };
        for field in ["saveBrand", "submitBrand", "publishBrand", "returnBrand"] {
            let open = match (state, field) {
                ("DRAFT", "saveBrand" | "submitBrand") | ("SUBMITTED", "publishBrand" | "returnBrand") => {
                    done
                }
                ("PUBLISHED" | "ARCHIVED", "saveBrand") => done,
                _ => invalid,
            };
            let of_the_branch = matches!(field, "saveBrand" | "submitBrand");
            let callers: Vec<(&str, As<'_>, &str)> = if of_the_branch {
                let other = if field == "saveBrand" { forbidden } else { strange };
                vec![
                    ("district", app.admin(), forbidden),
                    ("committee", app.committee("C1"), forbidden),
                    ("viewer", app.viewer(None), forbidden),
                    ("examiner", app.examiner_of("B1"), forbidden),
                    ("adapter", app.adapter("EJIA"), forbidden),
                    ("another branch", app.secretary_of("B2"), other),
                    ("the branch", app.secretary_of("B1"), open),
                ]
            } else {
                vec![
                    ("the branch", app.secretary_of("B1"), forbidden),
                    ("viewer", app.viewer(None), forbidden),
                    ("examiner", app.examiner_of("B1"), forbidden),
                    ("adapter", app.adapter("EJIA"), forbidden),
                    ("another committee", app.committee("C2"), strange),
                    ("its committee", app.committee("C1"), open),
                ]
            };
            let brand = in_state(&app, "B1", &b1, state).await;
            let input = match field {
                "saveBrand" => with(content(&b1, "市政110"), brand.input()),
                "returnBrand" => with(brand.input(), json!({ "reason": "成效写得太少" })),
                _ => brand.input(),
            };
            for (who, caller, expected) in callers {
                let answer = caller.mutate(field, BRAND, input.clone()).await;
                assert_eq!(
                    outcome(&answer),
                    expected,
                    "{state} {field} by {who}: {:#}",
                    answer.body
                );
            }
        }
    }
    // The district does what a committee does.
    let brand = submitted(&app, "B1", &b1, "市政110").await;
    let answer = app.admin().mutate("publishBrand", BRAND, brand.input()).await;
    assert_eq!(answer.done()["brand"]["state"], "PUBLISHED");
});

on_both!(publication_archives_the_earlier_brand, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    let first = published(&app, "B1", &b1, "市政110").await;
    let input = with(
        content(&b1, "市政120"),
        json!({ "id": first.id, "version": first.version, "slogan": "一呼百应" }),
    );
    let saved = app.secretary_of("B1").mutate("saveBrand", BRAND, input).await;
    let second = Stands::of(&saved);
    assert_ne!(second.id, first.id);
    assert_eq!(saved.done()["brand"]["state"], "DRAFT");
    // Until it is published, everybody goes on seeing the first.
    let current = "{ branch(by: { code: \"B1\" }) { brand { id name state } } }";
    let data = app.viewer(None).data(current).await;
    assert_eq!(data["branch"]["brand"]["id"], first.id.as_str());

    let second = Stands::of(
        &app.secretary_of("B1")
            .mutate("submitBrand", BRAND, second.input())
            .await,
    );
    app.clock.advance(chrono::Duration::hours(1));
    let answer = app
        .committee("C1")
        .mutate("publishBrand", BRAND, second.input())
        .await;
    assert_eq!(answer.done()["brand"]["publishedAt"], "2026-03-02T03:00:00Z");
    let data = app.viewer(None).data(current).await;
    assert_eq!(data["branch"]["brand"]["id"], second.id.as_str());
    let query = "query($id: ID!) { node(id: $id) { ... on Brand { state publishedAt version } } }";
    let earlier = app.secretary_of("B1").ask(query, json!({ "id": first.id })).await;
    assert_eq!(
        earlier.data()["node"],
        json!({ "state": "ARCHIVED", "publishedAt": "2026-03-02T02:00:00Z", "version": first.version + 1 })
    );
    // Whoever saw the first one published hears of its end, and may look at it no more.
    let changes = heard(&app.committee("C2"), "BRAND", "nodeId version node { id }", 3).await;
    let archived = json!({ "nodeId": first.id, "version": first.version + 1, "node": null });
    assert!(changes.contains(&archived), "{changes:#?}");
    // Drafts and submissions are none of its business.
    assert_eq!(changes.len(), 3, "{changes:#?}");
});

on_both!(of_two_publications_at_once_one_brand_stands, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    for round in 0..5 {
        let one = submitted(&app, "B1", &b1, &format!("甲{round}")).await;
        let two = submitted(&app, "B1", &b1, &format!("乙{round}")).await;
        let (district, committee) = (app.admin(), app.committee("C1"));
        let (a, b) = tokio::join!(
            district.mutate("publishBrand", BRAND, one.input()),
            committee.mutate("publishBrand", BRAND, two.input()),
        );
        assert_eq!((outcome(&a), outcome(&b)), ("DONE".to_owned(), "DONE".to_owned()));
        let data = app
            .admin()
            .data(
                "{ published: brands { totalCount }
                   archived: brands(filter: { states: [ARCHIVED] }) { totalCount } }",
            )
            .await;
        assert_eq!(data["published"]["totalCount"], 1);
        assert_eq!(data["archived"]["totalCount"], 2 * round + 1);
    }
    // The same brand twice: the second finds a later version.
    let brand = submitted(&app, "B1", &b1, "丙").await;
    let (district, committee) = (app.admin(), app.committee("C1"));
    let (a, b) = tokio::join!(
        district.mutate("publishBrand", BRAND, brand.input()),
        committee.mutate("publishBrand", BRAND, brand.input()),
    );
    let mut outcomes = [outcome(&a), outcome(&b)];
    outcomes.sort();
    assert_eq!(outcomes, ["DONE", "VERSION_CONFLICT"]);
});

on_both!(a_draft_is_edited_in_its_place, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    let b2 = found(&app, "B2", "G1", "COMMUNITY").await;
    let secretary = app.secretary_of("B1");
    let more = json!({
        "slogan": "一呼百应", "results": "抢修百次", "themes": ["为民 服务", "ＡＢＣ", "abc", "志愿"],
        "stories": [
            { "form": "SERVICE_TEAM", "title": "夜间抢修", "heldOn": "2022-05-01", "mediaUrl": "https://media.example.cn/1" },
            { "form": "CLAPPER_TALK", "title": "快板", "summary": "说说市政110" },
        ],
    });
    let full = "brand { id slogan results themes version stories { form title summary heldOn mediaUrl } }";
    let saved = secretary
        .mutate("saveBrand", full, with(content(&b1, "市政110"), more.clone()))
        .await;
    let brand = &saved.done()["brand"];
    assert_eq!(brand["themes"], json!(["为民 服务", "ABC", "志愿"]));
    assert_eq!(brand["stories"][0]["heldOn"], "2022-05-01");
    assert_eq!(brand["stories"][1]["summary"], "说说市政110");
    let first = Stands::of(&saved);

    // Left out stays, null clears; what has a default is written as given.
    let input = with(
        content(&b1, "市政110"),
        with(first.input(), json!({ "results": null, "themes": ["志愿"] })),
    );
    let saved = secretary.mutate("saveBrand", full, input.clone()).await;
    let brand = &saved.done()["brand"];
    assert_eq!(brand["id"], first.id.as_str());
    assert_eq!(
        (&brand["slogan"], &brand["results"], &brand["version"]),
        (&json!("一呼百应"), &json!(null), &json!(2))
    );
    assert_eq!(
        (&brand["themes"], &brand["stories"]),
        (&json!(["志愿"]), &json!([]))
    );

    let stale = secretary.mutate("saveBrand", full, input).await;
    assert_eq!(stale.refusal_code(), "VERSION_CONFLICT");
    for (more, code, path) in [
        (json!({ "id": first.id }), "INVALID_INPUT", "version"),
        (json!({ "version": 2 }), "INVALID_INPUT", "version"),
        (json!({ "id": b1, "version": 2 }), "NOT_FOUND", "id"),
        (json!({ "branchId": "nobody" }), "NOT_FOUND", "branchId"),
    ] {
        let refused = secretary
            .mutate("saveBrand", full, with(content(&b1, "市政110"), more))
            .await;
        let (given, at, _) = refused.refused();
        assert_eq!((given.as_str(), at.as_str()), (code, path));
    }
    // Another branch's draft is not there for its neighbour, under either branch's id.
    let theirs = draft(&app, "B2", &b2, "邻里医生").await;
    let refused = secretary
        .mutate("saveBrand", full, with(content(&b1, "市政110"), theirs.input()))
        .await;
    assert_eq!(refused.refusal_code(), "NOT_FOUND");
});

on_both!(a_faulty_brand_is_told_all_its_faults, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    let input = json!({
        "branchId": b1, "name": " ", "slogan": "党".repeat(201), "description": "联系 13800138000",
        "themes": ["为民", "\u{3000}"],
        "stories": [{ "form": "PRACTICE", "title": "一", "summary": "电话：138 0013 8000", "mediaUrl": "file:///etc/passwd" }],
    });
    let answer = app.secretary_of("B1").mutate("saveBrand", BRAND, input).await;
    let payload = &answer.data()["saveBrand"];
    assert_eq!(payload["brand"], json!(null));
    let errors = payload["userErrors"].as_array().unwrap();
    let paths: Vec<String> = errors
        .iter()
        .map(|e| {
            let path = e["path"].as_array().unwrap();
            path.iter()
                .map(|p| p.as_str().unwrap())
                .collect::<Vec<_>>()
                .join(".")
        })
        .collect();
    assert_eq!(
        paths,
        [
            "name",
            "slogan",
            "description",
            "themes.1",
            "stories.0.summary",
            "stories.0.mediaUrl"
        ]
    );
    assert!(errors.iter().all(|e| e["code"] == "INVALID_INPUT"));
    assert!(!answer.body.to_string().contains("138"));
    let none = app
        .admin()
        .data("{ brands(filter: { states: [DRAFT] }) { totalCount } }")
        .await;
    assert_eq!(none["brands"]["totalCount"], 0);
});

on_both!(
    a_returned_brand_says_why_until_it_is_submitted_again,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
        let brand = submitted(&app, "B1", &b1, "市政110").await;
        let officer = app.committee("C1");
        let empty = with(brand.input(), json!({ "reason": " " }));
        let (code, path, _) = officer.mutate("returnBrand", BRAND, empty).await.refused();
        assert_eq!((code.as_str(), path.as_str()), ("INVALID_INPUT", "reason"));
        let reason = with(brand.input(), json!({ "reason": "成效写得太少" }));
        let returned = officer.mutate("returnBrand", BRAND, reason).await;
        assert_eq!(returned.done()["brand"]["state"], "DRAFT");
        let secretary = app.secretary_of("B1");
        let data = secretary
            .data("{ brands(filter: { states: [DRAFT] }) { nodes { returnReason } } }")
            .await;
        assert_eq!(
            data["brands"]["nodes"],
            json!([{ "returnReason": "成效写得太少" }])
        );
        let again = Stands::of(&returned);
        let again = secretary.mutate("submitBrand", BRAND, again.input()).await;
        assert_eq!(again.done()["brand"]["returnReason"], json!(null));
        let audit = app
            .admin()
            .data("{ auditEntries(filter: { action: \"returnBrand\" }) { nodes { nodeId after } } }")
            .await;
        let entries = audit["auditEntries"]["nodes"].as_array().unwrap().clone();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["nodeId"], brand.id.as_str());
        assert!(entries[0]["after"].as_str().unwrap().contains("成效写得太少"));
    }
);

on_both!(drafts_are_seen_in_scope_only, |db| async move {
    let app = TestApp::with_tree(db).await;
    let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
    found(&app, "B2", "C2", "RURAL").await;
    let mut ids = Vec::new();
    for state in ["ARCHIVED", "SUBMITTED", "DRAFT"] {
        ids.push(in_state(&app, "B1", &b1, state).await.id);
    }
    let query = "query($ids: [ID!]!) {
        all: brands(filter: { states: [DRAFT, SUBMITTED, PUBLISHED, ARCHIVED] }) { totalCount nodes { state } }
        published: brands { totalCount nodes { state } }
        nodes(ids: $ids) { id } }";
    for (who, caller, seen) in [
        ("district", app.admin(), 4),
        ("its committee", app.committee("C1"), 4),
        ("the branch", app.secretary_of("B1"), 4),
        ("a viewer of the district", app.viewer(None), 4),
        ("a viewer of its committee", app.viewer(Some("G1")), 4),
        ("another committee", app.committee("C2"), 1),
        ("another branch", app.secretary_of("B2"), 1),
        ("a viewer of another committee", app.viewer(Some("C2")), 1),
        ("an examiner", app.examiner_of("B1"), 1),
        ("an adapter", app.adapter("EJIA"), 0),
    ] {
        let answer = caller.ask(query, json!({ "ids": ids })).await;
        let data = answer.data();
        assert_eq!(data["all"]["totalCount"], seen, "{who}");
        assert_eq!(data["all"]["nodes"].as_array().unwrap().len(), seen, "{who}");
        assert_eq!(data["published"]["totalCount"], seen.min(1), "{who}");
        let found = data["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|n| !n.is_null())
            .count();
        assert_eq!(found, if seen == 4 { 3 } else { 0 }, "{who}");
    }
});

on_both!(brands_are_filtered_and_paged, |db| async move {
    let app = TestApp::with_tree(db).await;
    for (code, organization, domain, name, theme) in [
        ("B1", "G1", "COMMUNITY", "邻里医生", "为民（服务）"),
        ("B2", "C2", "RURAL", "远海红", "乡村振兴"),
        ("B3", "C1", "GOVERNMENT", "市政110", "为民(服务)"),
        ("B4", "C2", "COMMUNITY", "100%满意_", "志愿"),
    ] {
        let branch = found(&app, code, organization, domain).await;
        let input = with(
            content(&branch, name),
            json!({ "themes": [theme], "slogan": format!("{name}在身边") }),
        );
        let brand = Stands::of(&app.secretary_of(code).mutate("saveBrand", BRAND, input).await);
        let brand = Stands::of(
            &app.secretary_of(code)
                .mutate("submitBrand", BRAND, brand.input())
                .await,
        );
        app.admin()
            .mutate("publishBrand", BRAND, brand.input())
            .await
            .done();
    }
    let c1 = app.organization_id("C1").await;
    let names = |filter: Value| {
        let viewer = app.viewer(None);
        async move {
            let query =
                "query($filter: BrandFilter) { brands(filter: $filter) { totalCount nodes { name } } }";
            let answer = viewer.ask(query, json!({ "filter": filter })).await;
            let brands = answer.data()["brands"].clone();
            let names: Vec<String> = brands["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n["name"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(brands["totalCount"], names.len());
            names
        }
    };
    // The newest first.
    assert_eq!(
        names(json!(null)).await,
        ["100%满意_", "市政110", "远海红", "邻里医生"]
    );
    for (filter, expected) in [
        (json!({ "organizationId": c1 }), vec!["市政110", "邻里医生"]),
        (json!({ "domains": ["COMMUNITY"] }), vec!["100%满意_", "邻里医生"]),
        (
            json!({ "organizationId": c1, "domains": ["COMMUNITY"] }),
            vec!["邻里医生"],
        ),
        (json!({ "theme": "为民（服务）" }), vec!["市政110", "邻里医生"]),
        (json!({ "theme": "为民" }), vec![]),
        (json!({ "search": "yhh" }), vec!["远海红"]),
        (json!({ "search": "LLYS" }), vec!["邻里医生"]),
        (json!({ "search": "医生在身边" }), vec!["邻里医生"]),
        (
            json!({ "search": "随叫" }),
            vec!["100%满意_", "市政110", "远海红", "邻里医生"],
        ),
        (json!({ "search": "%" }), vec!["100%满意_"]),
        (json!({ "search": "_" }), vec!["100%满意_"]),
        (json!({ "gold": true }), vec![]),
        (json!({ "gold": false, "domains": ["RURAL"] }), vec!["远海红"]),
        (json!({ "domains": [] }), vec![]),
        (json!({ "states": [] }), vec![]),
        (json!({ "branchId": "nobody" }), vec![]),
    ] {
        assert_eq!(names(filter.clone()).await, expected, "{filter}");
    }
    let page = |arguments: String| {
        let viewer = app.viewer(None);
        async move {
            let query = format!(
                "{{ brands({arguments}) {{ nodes {{ name }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
            );
            viewer.data(&query).await["brands"].clone()
        }
    };
    let first = page("first: 3".to_owned()).await;
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let cursor = first["pageInfo"]["endCursor"].as_str().unwrap();
    let rest = page(format!("first: 3, after: \"{cursor}\"")).await;
    assert_eq!(rest["nodes"], json!([{ "name": "邻里医生" }]));
    let cursor = rest["pageInfo"]["startCursor"].as_str().unwrap();
    let back = page(format!("last: 1, before: \"{cursor}\"")).await;
    assert_eq!(back["nodes"], json!([{ "name": "远海红" }]));
});

on_both!(a_page_of_branches_reads_its_brands_together, |db| async move {
    let app = TestApp::with_tree(db).await;
    let query = "{ branches { nodes { code brand { name themes stories { title } } } } }";
    let mut counts = Vec::new();
    for code in ["B1", "B2", "B3"] {
        let branch = found(&app, code, "C1", "COMMUNITY").await;
        published(&app, code, &branch, &format!("品牌{code}")).await;
        let admin = app.admin().past_results();
        admin.data(query).await;
        let before = app.database.statements();
        let data = admin.data(query).await;
        counts.push(app.database.statements() - before);
        assert_eq!(data["branches"]["nodes"].as_array().unwrap().len(), counts.len());
    }
    assert!(counts[2] <= counts[0], "{counts:?}");
});

on_both!(
    a_branch_that_has_ended_has_no_more_brands_to_come,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let b1 = found(&app, "B1", "G1", "COMMUNITY").await;
        let waiting = submitted(&app, "B1", &b1, "市政110").await;
        let input = json!({ "id": b1, "version": 1, "effectiveOn": "2026-03-02", "reason": "撤销" });
        app.admin()
            .mutate("dissolveBranch", "branch { status }", input)
            .await
            .done();
        let answer = app.admin().mutate("publishBrand", BRAND, waiting.input()).await;
        assert_eq!(answer.refusal_code(), "RULE_VIOLATION");
        let answer = app
            .secretary_of("B1")
            .mutate("saveBrand", BRAND, content(&b1, "又一个"))
            .await;
        assert_eq!(outcome(&answer), "RULE_VIOLATION", "{:#}", answer.body);
    }
);
