//! Kept results: told again while they stand, never when something has moved.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const POINTS: &str =
    r#"query($code: String!) { branch(by: { code: $code }) { points(period: "2025") { total } } }"#;

/// The body of an answer, and what its cache says.
async fn asked(request: reqwest::RequestBuilder) -> (u16, Value, String, reqwest::header::HeaderMap) {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let cache = headers
        .get("cache-status")
        .map_or("", |value| value.to_str().unwrap());
    let cache = cache.to_owned();
    let body = answer.json().await.unwrap_or(Value::Null);
    (status, body, cache, headers)
}

fn total(body: &Value) -> f64 {
    body["data"]["branch"]["points"]["total"].as_f64().unwrap()
}

const MISS: &str = "zhibu; fwd=miss; stored";
const HIT: &str = "zhibu; hit";

on_both!(a_result_is_kept_until_what_it_reads_has_moved, |db| async move {
    let app = district(db).await;
    eventually("the tail follows", async || {
        asked(app.admin().request("{ organizations { totalCount } }", json!({})))
            .await
            .2
            != "zhibu; fwd=bypass"
    })
    .await;
    let of = |code: &str| app.viewer(None).request(POINTS, json!({ "code": code }));
    let (_, body, cache, headers) = asked(of("B1")).await;
    assert_eq!((total(&body), cache.as_str()), (0.0, MISS));
    assert_eq!(headers["cache-control"], "private, no-cache");
    assert_eq!(asked(of("B1")).await.2, HIT);
    // Another's of the same role and scope is the same; another language, role or branch is not.
    let role = zhibu::auth::Role::Viewer;
    let other = app.as_role(role, "somebody-else", None, None, None);
    assert_eq!(asked(other.request(POINTS, json!({ "code": "B1" }))).await.2, HIT);
    let zh = app
        .viewer(None)
        .in_language("zh")
        .request(POINTS, json!({ "code": "B1" }));
    assert_eq!(asked(zh).await.2, MISS);
    assert_eq!(
        asked(app.admin().request(POINTS, json!({ "code": "B1" })))
            .await
            .2,
        MISS
    );
    assert_eq!(asked(of("B2")).await.2, MISS);
    push(app.adapter("EJIA"), "E1", "B1", 5.0).await;
    let (_, body, cache, _) = asked(of("B1")).await;
    assert_eq!((total(&body), cache.as_str()), (5.0, MISS));
    assert_eq!(asked(of("B1")).await.2, HIT);
    // What it does not read does not matter.
    let codes = "{ organizations { nodes { code } } }";
    assert_eq!(asked(app.viewer(None).request(codes, json!({}))).await.2, MISS);
    push(app.adapter("EJIA"), "E2", "B1", 5.0).await;
    assert_eq!(asked(app.viewer(None).request(codes, json!({}))).await.2, HIT);
    let past = of("B1").header("cache-control", "no-cache");
    let (_, body, cache, _) = asked(past).await;
    assert_eq!((total(&body), cache.as_str()), (10.0, ""));

    // Over GET with a validator.
    let query = "%7Borganizations%7BtotalCount%7D%7D";
    let get = || {
        let url = format!("{}/graphql?query={query}", app.url);
        app.http().get(url).bearer_auth(app.viewer(None).token().unwrap())
    };
    let (status, _, _, headers) = asked(get()).await;
    assert_eq!(status, 200);
    let etag = headers["etag"].clone();
    let (status, body, cache, headers) = asked(get().header("if-none-match", etag.clone())).await;
    assert_eq!((status, &body, cache.as_str()), (304, &Value::Null, HIT));
    assert_eq!(headers["etag"], etag);
    organization(&app, "X1").await;
    let (status, body, ..) = asked(get().header("if-none-match", etag)).await;
    assert_eq!(
        (status, &body["data"]["organizations"]["totalCount"]),
        (200, &json!(5))
    );
});

#[tokio::test]
async fn a_kept_result_is_packed_for_who_takes_it_packed() {
    let app = district(crate::support::sqlite::database().await).await;
    let fields: Vec<String> = (0..40).map(|n| format!("organization_{n}: name")).collect();
    let query = format!("{{ organizations {{ nodes {{ {} }} }} }}", fields.join(" "));
    let ask = async |coding: &str| {
        let body = json!({ "query": query });
        let request = app.http().post(format!("{}/graphql", app.url)).json(&body);
        let request = request.bearer_auth(app.viewer(None).token().unwrap());
        let answer = request.header("accept-encoding", coding).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let headers = answer.headers().clone();
        (headers, answer.bytes().await.unwrap())
    };
    let (plainly, body) = ask("identity").await;
    assert!(body.len() > 4000, "{}", body.len());
    for _ in 0..2 {
        let (headers, packed) = ask("br, gzip").await;
        assert_eq!(
            (&headers["content-encoding"], &headers["cache-status"]),
            (&"gzip".parse().unwrap(), &HIT.parse().unwrap())
        );
        assert_eq!(headers["etag"], plainly["etag"]);
        assert!(headers["vary"].to_str().unwrap().contains("Accept-Encoding"));
        assert!(packed.len() * 2 < body.len());
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*packed), &mut unpacked).unwrap();
        assert_eq!(unpacked, body);
    }
    let (headers, again) = ask("gzip;q=0").await;
    assert_eq!((headers.get("content-encoding"), again), (None, body));
}

on_both!(
    what_is_ones_own_or_not_to_be_kept_is_not_shared,
    |db| async move {
        let app = district(db).await;
        let role = zhibu::auth::Role::Viewer;
        for subject in ["one", "two"] {
            let caller = app.as_role(role, subject, None, None, None);
            let (_, body, ..) = asked(caller.request("{ viewer { subject } }", json!({}))).await;
            assert_eq!(body["data"]["viewer"]["subject"], subject);
        }
        for query in [
            r#"{ quarantine(sourceCode: "EJIA") { totalCount } }"#,
            "{ changes(first: 1) { hasMore } }",
            "{ auditEntries(first: 1) { totalCount } }",
            "{ pointSources { code position } }",
            "{ nothing }",
            "{ leaderboard(first: -1) { asOf } }",
            "{ __schema { queryType { name } } }",
        ] {
            for _ in 0..2 {
                let (.., cache, _) = asked(app.admin().request(query, json!({}))).await;
                assert_ne!(cache, HIT, "{query}");
            }
        }
    }
);

on_both!(
    nothing_that_was_acknowledged_is_missing_from_a_result,
    |db| async move {
        const EACH: u64 = 40;
        let app = district(db).await;
        let acknowledged = AtomicU64::new(0);
        let write = async |writer: u64| {
            for n in 0..EACH {
                push(app.adapter("EJIA"), &format!("E{writer}-{n}"), "B1", 1.0).await;
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        };
        let kept = AtomicU64::new(0);
        let read = async || {
            let mut last = 0.0;
            while last < (2 * EACH) as f64 {
                let before = acknowledged.load(Ordering::SeqCst) as f64;
                let request = app.viewer(None).request(POINTS, json!({ "code": "B1" }));
                let (_, body, cache, _) = asked(request).await;
                let found = total(&body);
                assert!(
                    found >= before,
                    "{found} after {before} were acknowledged ({cache})"
                );
                assert!(found >= last, "{found} after {last} had been seen ({cache})");
                last = found;
                kept.fetch_add(u64::from(cache == HIT), Ordering::SeqCst);
            }
        };
        tokio::join!(write(1), write(2), read(), read(), read());
        assert!(kept.load(Ordering::SeqCst) > 0, "nothing was kept");
    }
);

on_both!(of_those_who_ask_at_once_one_reads, |db| async move {
    let app = TestApp::with_demo(db).await;
    let query = "{ branches(first: 200) { nodes { code pairings(first: 3) { nodes { title } } } } }";
    eventually("the tail follows", async || {
        asked(app.admin().request("{ organizations { totalCount } }", json!({})))
            .await
            .2
            != "zhibu; fwd=bypass"
    })
    .await;
    let before = app.database.statements();
    let caller = app.viewer(None);
    let all = (0..12).map(|_| asked(caller.request(query, json!({}))));
    let answers = futures_util::future::join_all(all).await;
    let statements = app.database.statements() - before;
    assert!(answers.iter().all(|(_, body, ..)| body == &answers[0].1));
    let made = answers.iter().filter(|(_, _, cache, _)| cache == MISS).count();
    assert_eq!(made, 1, "{statements} statements");
    assert!(statements <= 6, "{statements}");
});

/// Of several replicas over one PostgreSQL each hears of what another wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_hears_of_what_another_wrote() {
    let Some(db) = crate::support::postgres::database().await else {
        return;
    };
    let app = district(db).await;
    let other = app.replica().await;
    let of = |app: &TestApp| app.viewer(None).request(POINTS, json!({ "code": "B1" }));
    assert_eq!(total(&asked(of(&other)).await.1), 0.0);
    let token = app.viewer(None).token().unwrap().to_owned();
    let mut socket = Socket::open(&other, Some(&token)).await;
    socket.subscribe("board", BOARD, json!({})).await;
    socket.next_of("board").await;
    for n in 1..=5 {
        push(app.adapter("EJIA"), &format!("E{n}"), "B1", 1.0).await;
        let expected = f64::from(n);
        eventually("the other replica tells it", async || {
            total(&asked(of(&other)).await.1) == expected
        })
        .await;
        loop {
            let board = socket.next_of("board").await;
            if totals(&board).contains(&("B1", expected)) {
                break;
            }
        }
    }
}

on_both!(a_line_that_comes_to_nothing_is_seen_too, |db| async move {
    let app = district(db).await;
    let entry = |revision: i64, points: f64, note: &str| {
        json!({ "eventId": "E1", "revision": revision, "branchCode": "B1", "points": points, "note": note,
            "occurredAt": "2025-07-01T12:00:00+08:00" })
    };
    let deliver = async |entry: Value| {
        let input = json!({ "sourceCode": "EJIA", "entries": [entry] });
        let pushed = app.adapter("EJIA").mutate("pushPoints", "accepted", input).await;
        assert_eq!(pushed.done()["accepted"], 1);
    };
    let lines = async || {
        let query = "{ pointEntries(filter: {}) { totalCount } }";
        let (_, body, ..) = asked(app.viewer(None).request(query, json!({}))).await;
        body["data"]["pointEntries"]["totalCount"].clone()
    };
    deliver(entry(2, 5.0, "一")).await;
    assert_eq!(lines().await, 1);
    // An earlier revision that comes later, and a later one of the same worth.
    deliver(entry(1, 3.0, "二")).await;
    assert_eq!(lines().await, 2);
    deliver(entry(3, 5.0, "改")).await;
    assert_eq!(lines().await, 3);
});

on_both!(what_was_not_there_is_found_when_it_is, |db| async move {
    let app = TestApp::with_tree(db).await;
    let ask = async |query: &str| {
        let (_, body, ..) = asked(app.viewer(None).request(query, json!({}))).await;
        body["data"].clone()
    };
    let branch = r#"{ branch(by: { code: "N1" }) { __typename } }"#;
    let place = r#"{ organization(by: { code: "N2" }) { __typename } }"#;
    assert_eq!(ask(branch).await, json!({ "branch": null }));
    assert_eq!(ask(place).await, json!({ "organization": null }));
    create(&app, "N1", json!({})).await;
    organization(&app, "N2").await;
    assert_eq!(ask(branch).await, json!({ "branch": { "__typename": "Branch" } }));
    assert_eq!(
        ask(place).await,
        json!({ "organization": { "__typename": "Organization" } })
    );
});
