//! Values that fit their types and that no honest client sends: long lists, far years, U+0000, long searches.

use serde_json::json;

use crate::support::{app::TestApp, on_both};

on_both!(a_filter_that_repeats_a_value_asks_for_no_more, |db| async move {
    let app = TestApp::with_tree(db).await;
    let branches = "query($f: BranchFilter) { branches(filter: $f) { totalCount nodes { code } } }";
    let brands = "query($f: BrandFilter) { brands(filter: $f) { totalCount } }";
    let pairings = "query($f: PairingFilter) { pairings(filter: $f) { totalCount } }";
    let trainings = "query($f: TrainingFilter) { trainingRecords(filter: $f) { totalCount } }";
    let sites = "query($f: SiteFilter) { sites(filter: $f) { totalCount } }";
    let changes = "query($f: ChangeFilter) { changes(filter: $f) { changes { nodeId } } }";
    for (query, name, value) in [
        (branches, "termStates", "NOT_APPLICABLE"),
        (branches, "domains", "RURAL"),
        (branches, "forms", "SINGLE"),
        (branches, "statuses", "ACTIVE"),
        (brands, "states", "DRAFT"),
        (brands, "domains", "RURAL"),
        (pairings, "forms", "ONE_TO_MANY"),
        (pairings, "bases", "SAME_DOMAIN"),
        (pairings, "states", "ACTIVE"),
        (trainings, "kinds", "LECTURE"),
        (trainings, "audiences", "MEMBER"),
        (sites, "kinds", "SERVICE_CENTRE"),
        (changes, "topics", "ORGANIZATION"),
    ] {
        let once = app.admin().ask(query, json!({ "f": { name: [value] } })).await;
        // More than SQLite binds, and deeper than a stack where each became a term of its own.
        let often = json!({ "f": { name: vec![value; 40_000] } });
        let often = app.admin().ask(query, often).await;
        assert_eq!(often.data(), once.data(), "{name}");
    }
    let headcounts = "query($f: [HeadcountKind!]) { headcounts(kinds: $f) { count } }";
    let often = json!({ "f": vec!["VOLUNTEER"; 40_000] });
    assert_eq!(
        app.admin().ask(headcounts, often).await.data()["headcounts"],
        json!([])
    );
});

on_both!(a_year_without_four_digits_is_no_date, |db| async move {
    let app = TestApp::with_tree(db).await;
    let query = "query($on: Date) { headcounts(asOf: $on) { count } }";
    for day in [
        "+99999-1-1",
        "-9999-01-1",
        " 2022-1-01",
        "+2022-1-01",
        "2022-1-001",
        "2022-02-30",
        "20221-1-01",
    ] {
        let answer = app.admin().ask(query, json!({ "on": day })).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{day}");
    }
    for day in ["0000-01-01", "0001-01-01", "9999-12-31"] {
        assert_eq!(
            app.admin().ask(query, json!({ "on": day })).await.data()["headcounts"],
            json!([])
        );
    }
    let query = "query($at: DateTime) { auditEntries(filter: { to: $at }) { totalCount } }";
    for at in ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"] {
        let answer = app.admin().ask(query, json!({ "at": at })).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{at}");
    }
});

on_both!(a_filter_no_text_can_meet_finds_nothing, |db| async move {
    let app = TestApp::with_tree(db).await;
    let long = "党".repeat(60_000);
    for text in ["\u{0}", "a\u{0}b", long.as_str()] {
        for query in [
            "query($t: String!) { found: branches(filter: { search: $t }) { totalCount } }",
            "query($t: String!) { found: brands(filter: { search: $t }) { totalCount } }",
            "query($t: String!) { found: brands(filter: { theme: $t }) { totalCount } }",
            "query($t: String!) { found: auditEntries(filter: { subject: $t }) { totalCount } }",
            "query($t: String!) { found: auditEntries(filter: { action: $t }) { totalCount } }",
            "query($t: ID!) { found: auditEntries(filter: { nodeId: $t }) { totalCount } }",
        ] {
            let answer = app.admin().ask(query, json!({ "t": text })).await;
            assert_eq!(answer.data()["found"]["totalCount"], 0, "{query}");
        }
    }
});

on_both!(a_made_up_cursor_of_a_far_day_is_not_ours, |db| async move {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let app = TestApp::with_tree(db).await;
    for key in [
        json!(["training.latest", "-262143-01-01", 1]),
        json!(["training.latest", "+262142-01-01", 1]),
    ] {
        let cursor = URL_SAFE_NO_PAD.encode(key.to_string());
        let query = "query($after: String) { trainingRecords(after: $after) { totalCount } }";
        let answer = app.admin().ask(query, json!({ "after": cursor })).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{key}");
    }
});
