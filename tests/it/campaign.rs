//! Campaigns: opened once a year, with a template that is never changed and a plan for gold branches.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, eventually},
    branches::create,
    on_both,
    process::zhibu,
};

const PLAN: &str =
    "goldPlan { totalQuota domainMinimums { domain count } requireBrand topPercent pointsPeriod }";

fn year(year: i32) -> Value {
    json!({ "year": year, "theme": "金牌引领·百支齐行", "windowFrom": format!("{year}-01-01"),
        "windowTo": format!("{year}-12-31") })
}

fn with(mut input: Value, field: &str, value: Value) -> Value {
    input[field] = value;
    input
}

on_both!(a_year_is_opened_once_with_the_latest_template, |db| async move {
    let app = TestApp::with_tree(db).await;
    let gold = json!({ "totalQuota": 52, "domainMinimums": [{ "domain": "RURAL", "count": 8 }, { "domain": "COMMUNITY", "count": 0 }] });
    let selection = format!(
        "campaign {{ id year theme windowFrom windowTo template {{ version items(domain: RURAL) {{ code domain weight mandatory }} }} {PLAN} }}"
    );
    let answer = app
        .admin()
        .mutate("openCampaign", &selection, with(year(2026), "gold", gold))
        .await;
    let campaign = &answer.done()["campaign"];
    assert_eq!(
        (&campaign["year"], &campaign["theme"]),
        (&json!(2026), &json!("金牌引领·百支齐行"))
    );
    assert_eq!(
        campaign["goldPlan"],
        json!({ "totalQuota": 52, "domainMinimums": [{ "domain": "RURAL", "count": 8 }], "requireBrand": true,
            "topPercent": 30, "pointsPeriod": "2026" })
    );
    let items = campaign["template"]["items"].as_array().unwrap();
    assert_eq!(
        (campaign["template"]["version"].as_i64(), items.len()),
        (Some(1), 50)
    );
    let weight = |tailored: bool| {
        let of = items.iter().filter(|item| item["domain"].is_null() != tailored);
        of.map(|item| item["weight"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!((weight(false), weight(true)), (100, 20));
    assert_eq!(items.iter().filter(|item| item["mandatory"] == true).count(), 6);

    let again = app
        .admin()
        .mutate("openCampaign", "campaign { id }", year(2026))
        .await;
    assert_eq!(again.refusal_code(), "ALREADY_EXISTS");
    app.admin()
        .mutate("openCampaign", "campaign { id }", year(2025))
        .await
        .done();
    let seen = app
        .viewer(None)
        .data("{ campaigns { year goldPlan { totalQuota } } campaign(year: 2025) { theme } none: campaign(year: 2024) { id } }")
        .await;
    assert_eq!(
        seen["campaigns"],
        json!([{ "year": 2026, "goldPlan": { "totalQuota": 52 } }, { "year": 2025, "goldPlan": null }])
    );
    assert_eq!(
        (&seen["campaign"]["theme"], &seen["none"]),
        (&json!("金牌引领·百支齐行"), &json!(null))
    );
    let nothing = app
        .adapter("EJIA")
        .data("{ campaigns { year } campaign(year: 2026) { id } }")
        .await;
    assert_eq!(nothing, json!({ "campaigns": [], "campaign": null }));
    // It is a node, and a change.
    let id = campaign["id"].as_str().unwrap();
    let node = format!(r#"{{ node(id: "{id}") {{ ... on Campaign {{ year }} }} }}"#);
    assert_eq!(app.viewer(None).data(&node).await["node"]["year"], 2026);
    app.settle().await;
    let changes = "{ changes(filter: { topics: [CAMPAIGN] }) { changes { action node { ... on Campaign { year } } } } }";
    let changes = app.viewer(None).data(changes).await;
    assert_eq!(
        changes["changes"]["changes"],
        json!([{ "action": "CREATED", "node": { "year": 2026 } }, { "action": "CREATED", "node": { "year": 2025 } }])
    );
});

on_both!(what_is_no_campaign_is_refused_with_its_rule, |db| async move {
    let app = TestApp::with_tree(db).await;
    let refused = async |input: Value| {
        let answer = app.admin().mutate("openCampaign", "campaign { id }", input).await;
        // Where there are several, the first.
        let error = answer.data()["openCampaign"]["userErrors"][0].clone();
        let path = error["path"].as_array().unwrap().iter();
        let path: Vec<&str> = path.map(|part| part.as_str().unwrap()).collect();
        (error["code"].as_str().unwrap().to_owned(), path.join("."))
    };
    let is = |code: &str, path: &str| (code.to_owned(), path.to_owned());
    let plan = |gold: Value| {
        let mut whole = json!({ "totalQuota": 10 });
        whole
            .as_object_mut()
            .unwrap()
            .extend(gold.as_object().unwrap().clone());
        with(year(2026), "gold", whole)
    };
    for (input, expected) in [
        (with(year(2026), "year", json!(10)), is("INVALID_INPUT", "year")),
        (
            with(year(2026), "theme", json!("  ")),
            is("INVALID_INPUT", "theme"),
        ),
        (
            with(year(2026), "theme", json!("找13800138000")),
            is("INVALID_INPUT", "theme"),
        ),
        (
            with(year(2026), "windowTo", json!("2025-12-31")),
            is("INVALID_INPUT", "windowFrom"),
        ),
        (
            with(year(2026), "windowTo", json!("2027-01-01")),
            is("INVALID_INPUT", "windowFrom"),
        ),
        (
            with(year(2026), "templateVersion", json!(2)),
            is("NOT_FOUND", "templateVersion"),
        ),
        (
            plan(json!({ "totalQuota": 0 })),
            is("INVALID_INPUT", "gold.totalQuota"),
        ),
        (
            plan(json!({ "topPercent": 101 })),
            is("INVALID_INPUT", "gold.topPercent"),
        ),
        (
            plan(json!({ "domainMinimums": [{ "domain": "RURAL", "count": -1 }] })),
            is("INVALID_INPUT", "gold.domainMinimums.0"),
        ),
        (
            plan(
                json!({ "domainMinimums": [{ "domain": "RURAL", "count": 1 }, { "domain": "RURAL", "count": 2 }] }),
            ),
            is("INVALID_INPUT", "gold.domainMinimums.1"),
        ),
        (
            plan(
                json!({ "domainMinimums": [{ "domain": "RURAL", "count": 6 }, { "domain": "COMMUNITY", "count": 5 }] }),
            ),
            is("INVALID_INPUT", "gold.domainMinimums"),
        ),
    ] {
        let shown = input.to_string();
        let (code, path) = refused(input).await;
        assert_eq!((code, path), expected, "{shown}");
    }
    assert_eq!(
        app.admin().data("{ campaigns { year } }").await["campaigns"],
        json!([])
    );
    let none = app
        .admin()
        .mutate(
            "updateGoldPlan",
            "campaign { id }",
            json!({ "year": 2026, "gold": { "totalQuota": 3 } }),
        )
        .await;
    assert_eq!(none.refusal_code(), "NOT_FOUND");
});

on_both!(a_plan_is_changed_until_somebody_applies, |db| async move {
    use sea_orm::ConnectionTrait as _;
    let app = TestApp::with_tree(db).await;
    create(&app, "B1", json!({})).await;
    app.admin()
        .mutate("openCampaign", "campaign { id }", year(2026))
        .await
        .done();
    let plan = |quota: i32| json!({ "year": 2026, "gold": { "totalQuota": quota, "topPercent": 20, "requireBrand": false, "pointsPeriod": "2026-02" } });
    let selection = format!("campaign {{ {PLAN} }}");
    let answer = app.admin().mutate("updateGoldPlan", &selection, plan(9)).await;
    assert_eq!(
        answer.done()["campaign"]["goldPlan"],
        json!({ "totalQuota": 9, "domainMinimums": [], "requireBrand": false, "topPercent": 20, "pointsPeriod": "2026-02" })
    );
    let sql = "INSERT INTO gold_application (campaign_id, branch_id, state, statement, eligibility, version, updated_at) \
               SELECT c.id, b.id, 'APPLIED', 's', '{}', 1, b.updated_at FROM campaign c, branch b";
    app.raw().await.execute_unprepared(sql).await.unwrap();
    let refused = app.admin().mutate("updateGoldPlan", &selection, plan(8)).await;
    assert_eq!(refused.refusal_code(), "RULE_VIOLATION");
});

on_both!(two_who_open_a_year_at_once_open_it_once, |db| async move {
    let app = TestApp::with_tree(db).await;
    for round in 2027..2032 {
        let open = || app.admin();
        let (one, other) = tokio::join!(
            async {
                open()
                    .mutate("openCampaign", "campaign { id }", year(round))
                    .await
            },
            async {
                open()
                    .mutate("openCampaign", "campaign { id }", year(round))
                    .await
            },
        );
        let done =
            |answer: &crate::support::app::Answer| !answer.data()["openCampaign"]["campaign"].is_null();
        assert_ne!(done(&one), done(&other), "{round}");
    }
});

on_both!(
    this_year_is_that_of_the_latest_campaign_that_has_begun,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        create(&app, "B1", json!({})).await;
        let of = async || {
            let seen = app
                .viewer(None)
                .data(r#"{ branch(by: { code: "B1" }) { points { period } } leaderboard { period } }"#)
                .await;
            let periods = (
                &seen["branch"]["points"]["period"],
                &seen["leaderboard"]["period"],
            );
            assert_eq!(periods.0, periods.1);
            periods.0.as_str().unwrap().to_owned()
        };
        assert_eq!(of().await, "2026");
        app.admin()
            .mutate("openCampaign", "campaign { id }", year(2025))
            .await
            .done();
        // Also where results are kept.
        assert_eq!(of().await, "2025");
        let late = with(year(2026), "windowFrom", json!("2026-03-03"));
        app.admin()
            .mutate("openCampaign", "campaign { id }", late)
            .await
            .done();
        assert_eq!(of().await, "2025");
        app.clock.set("2026-03-02T16:00:00Z");
        eventually("its window begins", async || of().await == "2026").await;
    }
);

fn said(output: &Output) -> String {
    String::from_utf8_lossy(if output.status.success() {
        &output.stdout
    } else {
        &output.stderr
    })
    .into_owned()
}

#[test]
fn a_template_is_published_from_a_file_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("template.json");
    let publish = || {
        let arguments = [
            "template",
            "publish",
            file.to_str().unwrap(),
            "--data-dir",
            data.to_str().unwrap(),
        ];
        zhibu(&arguments).output().unwrap()
    };
    let mut template: Value =
        serde_json::from_str(include_str!("../../src/campaign/data/template.json")).unwrap();
    std::fs::write(&file, template.to_string()).unwrap();
    assert_eq!(said(&publish()), "template version 1 is published\n");
    let same = publish();
    assert!(
        !same.status.success() && said(&same).contains("The same as the latest version"),
        "{}",
        said(&same)
    );
    template["items"][0]["nameZh"] = json!("支部设置合规");
    std::fs::write(&file, template.to_string()).unwrap();
    assert_eq!(said(&publish()), "template version 2 is published\n");
    template["items"][0]["weight"] = json!(3);
    template["items"][79]["code"] = json!("R-ORG-01");
    std::fs::write(&file, template.to_string()).unwrap();
    let wrong = said(&publish());
    assert!(
        wrong.contains("add up to 101") && wrong.contains("R-ORG-01 stands twice"),
        "{wrong}"
    );
    std::fs::write(&file, "{").unwrap();
    assert!(said(&publish()).contains("not a template"));
}
