//! Who is let in: by what a caller has used up, by how much there is to do, and by how many connections there are.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    app::{Answer, As, TestApp, eventually},
    branches, postgres,
    socket::Socket,
    sqlite,
};
use zhibu::{auth::Role, config::Config};

/// 1 for the field.
const CHEAP: &str = "{ __typename }";
/// Not kept, and dearer than 100.
const DEAR: &str = "{ auditEntries(first: 100) { nodes { action } } }";

async fn app(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with_config(sqlite::database().await, change).await;
    app.plant_tree().await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_used_up_what_it_may_is_told_when_to_come_back() {
    let app = app(|config| {
        config.rate.burst = 50_000;
        // So that nothing comes back while this runs.
        config.rate.per_second = 1;
    })
    .await;
    let caller = app.as_role(Role::DistrictAdmin, "busy", None, None, None);
    let mut left = 50_000;
    let refused = loop {
        let answer = caller.ask(DEAR, json!({})).await;
        if answer.status == 429 {
            break answer;
        }
        answer.data();
        assert_eq!(answer.headers["ratelimit-policy"], "\"cost\";q=50000;w=50000");
        let now = answer.headers["ratelimit"].to_str().unwrap();
        let now: u32 = now
            .strip_prefix("\"cost\";r=")
            .and_then(|rest| rest.split_once(';'))
            .map(|(left, _)| left.parse().unwrap())
            .unwrap();
        assert!(now < left, "{now} after {left}");
        left = now;
    };
    assert_eq!(refused.error_code(), "RATE_LIMITED");
    let wait: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(refused.body["errors"][0]["extensions"]["retryAfter"], wait);
    assert!(wait > 1, "{wait}");
    assert!(
        refused.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"cost\";r=0;t=")
    );
    // Another caller is another bucket; what is kept costs next to nothing: 1 to read what is asked, 1 to say it.
    let other = app.as_role(Role::DistrictAdmin, "quiet", None, None, None);
    let tree = "{ organizations(first: 100) { nodes { code } } }";
    other.data(tree).await;
    let kept = async || {
        let answer = other.ask(tree, json!({})).await;
        assert_eq!(answer.headers["cache-status"], "zhibu; hit");
        answer.headers["ratelimit"].to_str().unwrap().to_owned()
    };
    let (first, second) = (kept().await, kept().await);
    let left = |text: &str| text[10..].split(';').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(left(&first) - left(&second), 2, "{first} {second}");
    // Over a socket it is the same bucket.
    let mut socket = Socket::open(&app, caller.token()).await;
    socket.subscribe("1", DEAR, json!({})).await;
    let told = socket.hear().await;
    assert_eq!(told["type"], "error", "{told}");
    assert_eq!(told["payload"][0]["extensions"]["code"], "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_are_refused_and_tokens_that_are_none_are_counted_too() {
    let app = app(|config| {
        config.rate.burst = 50_000;
        config.rate.per_second = 1;
        config.auth.anonymous_role = Some(Role::Viewer);
        config.server.connections.proxies.0 = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let from = |address: &str, token: Option<&str>, document: &str| {
        let request = app.nobody().request(document, json!({}));
        let request = request.header("x-forwarded-for", address.to_owned());
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    };
    let nobody = app.nobody();
    let long = format!("{{ {} }}", "wrong ".repeat(3_000));
    let mut asked = 0;
    while nobody.send(from("192.0.2.1", None, &long)).await.status != 429 {
        asked += 1;
        assert!(asked < 100);
    }
    assert!(asked > 5, "{asked}");
    // Who else comes through the same proxy is somebody else.
    assert_eq!(nobody.send(from("192.0.2.2", None, CHEAP)).await.status, 200);

    let mut asked = 0;
    while nobody
        .send(from("192.0.2.3", Some("no.token.this"), CHEAP))
        .await
        .status
        == 401
    {
        asked += 1;
        assert!(asked < 1000);
    }
    let refused = nobody.send(from("192.0.2.3", Some("no.token.this"), CHEAP)).await;
    assert_eq!((refused.status, refused.error_code()), (429, "RATE_LIMITED"));
    // A good token is its subject's, wherever it comes from.
    let token = app.admin().token().unwrap().to_owned();
    assert_eq!(
        nobody.send(from("192.0.2.3", Some(&token), CHEAP)).await.status,
        200
    );
}

/// What is left of a caller's bucket.
fn left(answer: &Answer) -> u32 {
    let field = answer.headers["ratelimit"].to_str().unwrap();
    let (left, _) = field["\"cost\";r=".len()..].split_once(';').unwrap();
    left.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_in_a_refusal_is_paid_for_and_not_looked_at_by_who_cannot_pay() {
    let app = app(|config| {
        config.rate.burst = 20_000;
        config.rate.per_second = 1;
    })
    .await;
    let caller = app.as_role(Role::DistrictAdmin, "curious", None, None, None);
    let token = caller.token().unwrap();
    let post = |body: String| {
        let request = app.http().post(format!("{}/graphql", app.url)).bearer_auth(token);
        let request = request.header("accept", "application/graphql-response+json");
        request.header("content-type", "application/json").body(body)
    };
    let document = |document: &str| post(json!({ "query": document }).to_string());
    let by_get = |document: &str| {
        let url = format!("{}/graphql?query={}", app.url, document.replace(' ', "%20"));
        app.http().get(url).bearer_auth(token)
    };
    let introspection = "{ __schema { types { name fields { name } } } }";
    let asked = || {
        [
            (400, 1, post("{ no JSON".to_owned())),
            (400, 100, post(format!("[{}]", "1,".repeat(20_000)))),
            (400, 50, document("{ organizations(")),
            (400, 50, document("{ nothing }")),
            (406, 50, document("subscription { changes { cursor } }")),
            (405, 50, by_get("mutation{__typename}")),
            (200, 100, document(introspection)),
        ]
    };
    let mut before = left(&caller.ask(CHEAP, json!({})).await);
    for (status, least, request) in asked() {
        let answer = caller.send(request).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        let after = left(&answer);
        assert!(before - after >= least, "{}: {before} then {after}", answer.body);
        before = after;
    }
    // What is known to be valid is not read again.
    let again = left(&caller.ask(CHEAP, json!({})).await);
    assert!(before - again <= 4, "{before} then {again}");

    while caller.ask(DEAR, json!({})).await.status == 200 {}
    // The last of it, in small coins.
    while caller.send(post("{ no JSON".to_owned())).await.status != 429 {}
    for (_, _, request) in asked() {
        let answer = caller.send(request).await;
        assert_eq!(answer.status, 429, "{}", answer.body);
        assert_eq!(answer.error_code(), "RATE_LIMITED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_of_a_subscription_are_paid_by_its_subscriber_and_none_is_missed() {
    let app = app(|config| {
        config.rate.burst = 20_000;
        // So that nothing comes back while this runs.
        config.rate.per_second = 1;
    })
    .await;
    let watcher = app.as_role(Role::DistrictAdmin, "watcher", None, None, None);
    let mut socket = Socket::open(&app, watcher.token()).await;
    let document = "subscription { changes(filter: { topics: [BRANCH] }) { cursor nodeId topic at } }";
    socket.subscribe("1", document, json!({})).await;
    // It is heard that it runs.
    socket.subscribe("2", CHEAP, json!({})).await;
    socket.next_of("2").await;
    socket.hear().await;
    let before = left(&watcher.ask(CHEAP, json!({})).await);
    let mut made = std::collections::BTreeSet::new();
    for n in 0..5 {
        made.insert(json!(branches::create(&app, &format!("B{n}"), json!({})).await).to_string());
    }
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < made.len() {
        let told = socket.next_of("1").await;
        heard.insert(told["changes"]["nodeId"].to_string());
    }
    assert_eq!(heard, made);
    let after = left(&watcher.ask(CHEAP, json!({})).await);
    // Four fields each time; what it takes to ask what is left is less than one of them.
    assert!(before - after >= 5 * 4, "{before} then {after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_pay_for_what_many_are_told_stops_nobody() {
    let app = app(|config| {
        config.rate.burst = 20_000;
        config.rate.per_second = 1;
    })
    .await;
    let poor = app.as_role(Role::Viewer, "poor", None, None, None);
    let rich = app.as_role(Role::Viewer, "rich", None, None, None);
    let value = "subscription { leaderboard(first: 200) { asOf rows { rank total branch { name code } } } }";
    let mut first = Socket::open(&app, poor.token()).await;
    // So that the document is known, and costs nothing to read.
    first.subscribe("0", value, json!({})).await;
    first.next_of("0").await;
    first.say(json!({ "id": "0", "type": "complete" })).await;
    eventually("nobody is told anything", async || app.app.cohorts().count() == 0).await;
    first.subscribe("0", CHEAP, json!({})).await;
    first.next_of("0").await;
    first.hear().await;
    // Nothing is left for what the value costs.
    let dear = "{ branches(first: 100) { nodes { code name } } }";
    let asks = || app.as_role(Role::Viewer, "poor", None, None, None).past_results();
    while asks().ask(dear, json!({})).await.status == 200 {}
    first.subscribe("1", value, json!({})).await;
    first.subscribe("2", CHEAP, json!({})).await;
    // It has been taken: what comes after it is answered, one way or the other.
    let heard = first.hear().await;
    assert_eq!(heard["id"], "2", "{heard}");
    let mut second = Socket::open(&app, rich.token()).await;
    second.subscribe("1", value, json!({})).await;
    let told = second.next_of("1").await;
    // It is the same value, and was paid for.
    loop {
        let heard = first.hear().await;
        if heard["id"] == "1" {
            assert_eq!(heard["payload"]["data"], told, "{heard}");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_streams_and_messages_are_paid_for_by_their_bytes() {
    let app = app(|config| {
        config.rate.burst = 20_000;
        config.rate.per_second = 1;
    })
    .await;
    let caller = app.as_role(Role::DistrictAdmin, "wordy", None, None, None);
    let padding = "x".repeat(500_000);
    let before = left(&caller.ask(CHEAP, json!({})).await);
    let request = caller.request(
        "subscription { changes { cursor } }",
        json!({ "padding": padding }),
    );
    let stream = request
        .header("accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    drop(stream);
    let after = left(&caller.ask(CHEAP, json!({})).await);
    assert!(before - after >= 1_900, "{before} then {after}");

    let mut socket = Socket::open(&app, caller.token()).await;
    socket.subscribe("1", CHEAP, json!({ "padding": padding })).await;
    socket.hear().await;
    let then = left(&caller.ask(CHEAP, json!({})).await);
    assert!(after - then >= 1_900, "{after} then {then}");
    // Nobody reads what nobody pays for.
    while caller.ask(DEAR, json!({})).await.status == 200 {}
    socket.subscribe("2", CHEAP, json!({ "padding": padding })).await;
    loop {
        match socket.next().await {
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), 1013);
                break;
            }
            Message::Text(_) | Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// An organization that is asked for until there is a place for it: others ask at the same time, and may have taken the last one.
async fn made_once_let_in(caller: &As<'_>, parent: &str, code: String) -> Answer {
    let input = json!({ "code": code, "name": "第七党委", "kind": "COMMITTEE", "parentId": parent });
    loop {
        let answer = caller
            .mutate("createOrganization", "organization { code }", input.clone())
            .await;
        if answer.status != 503 {
            return answer;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_caller_has_half_of_the_places_and_a_quarter_of_the_room_for_bodies() {
    let app = app(|config| {
        config.load.requests = Some(4);
        config.load.waiting = Some(1);
        config.load.patience = Duration::from_secs(60);
        config.load.body_bytes = 2 * 1024 * 1024;
    })
    .await;
    let district = app.organization_id("D").await;
    let raw = app.raw().await;
    raw.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let busy = app.as_role(Role::DistrictAdmin, "busy", None, None, None);
    let make = |n: u32| made_once_let_in(&busy, &district, format!("C7{n}"));
    let others = async {
        // Two of its mutations wait for the file.
        eventually("its share is taken", async || {
            busy.ask(CHEAP, json!({})).await.status == 503
        })
        .await;
        // There are places for others.
        assert_eq!(app.viewer(None).ask(CHEAP, json!({})).await.status, 200);
        let large = app
            .viewer(None)
            .ask(CHEAP, json!({ "padding": "x".repeat(600_000) }))
            .await;
        assert_eq!(
            (large.status, large.error_code()),
            (503, "UNAVAILABLE"),
            "more than a quarter"
        );
        raw.execute_unprepared("ROLLBACK").await.unwrap();
    };
    let (first, second, ()) = tokio::join!(make(1), make(2), others);
    first.done();
    second.done();
    assert_eq!(busy.ask(CHEAP, json!({})).await.status, 200);
}

/// What is asked of PostgreSQL ends with the request: its connections are those of everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_over_time_leaves_no_statement_behind() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let app = TestApp::with_config(db, |config| {
        config.server.request_timeout = Duration::from_millis(300);
        config.database.statement_timeout = Duration::from_secs(60);
    })
    .await;
    app.create_organization("D", "DISTRICT", None).await;
    let (raw, holder) = (app.raw().await, app.locked("organization").await);
    let admin = app.admin();
    let slow = "{ organizations { totalCount } }";
    let (first, second) = tokio::join!(admin.ask(slow, json!({})), admin.ask(slow, json!({})));
    for answer in [first, second] {
        assert_eq!((answer.status, answer.error_code()), (504, "TIMEOUT"));
    }
    let waits = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let gone = eventually("nothing waits", async || {
        let row = raw
            .query_one_raw(Statement::from_string(DbBackend::Postgres, waits))
            .await;
        row.unwrap().unwrap().try_get::<i64>("", "n").unwrap() == 0
    });
    // Far below the 10 s after which waiting for a lock is given up.
    tokio::time::timeout(Duration::from_secs(6), gone)
        .await
        .expect("they end with the request");
    holder.rollback().await.unwrap();
    assert_eq!(admin.ask(slow, json!({})).await.status, 200);
}

/// Sockets that were opened, beside what the test's own client keeps open, and what the first was told that was not.
async fn sockets_until_one_is_refused(address: &str, most: usize) -> (Vec<TcpStream>, String) {
    let mut held = Vec::new();
    loop {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let upgrade = b"GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
        let _ = socket.write_all(upgrade).await;
        let mut told = [0; 12];
        socket.read_exact(&mut told).await.unwrap();
        if &told != b"HTTP/1.1 101" {
            let mut rest = String::from_utf8(told.to_vec()).unwrap();
            let _ = socket.read_to_string(&mut rest).await;
            // The client's own are few.
            assert!(held.len() >= most / 2, "refused after {}", held.len());
            return (held, rest);
        }
        held.push(socket);
        assert!(held.len() <= most, "there is no end of them");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_so_many_connections_and_leaves_room_for_others() {
    const MOST: usize = 8;
    let app = app(|config| config.server.connections.connections_per_address = MOST).await;
    let address = app.url.strip_prefix("http://").unwrap().to_owned();
    let (held, refused) = sockets_until_one_is_refused(&address, MOST).await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    drop(held);
    eventually("there is room again", async || {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let asked = async {
            let request = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await?;
            let mut told = Vec::new();
            stream.read_to_end(&mut told).await?;
            std::io::Result::Ok(told)
        };
        asked.await.is_ok_and(|told| told.starts_with(b"HTTP/1.1 200"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_no_room_for_is_turned_away_at_once_and_points_last() {
    let app = app(|config| {
        config.load.requests = Some(1);
        config.load.waiting = Some(1);
        config.load.patience = Duration::from_millis(20);
    })
    .await;
    app.open_source("EJIA").await;
    // While another holds the file's only lock, a mutation has to wait, and fills the house.
    let raw = app.raw().await;
    raw.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let district = app.organization_id("D").await;
    let admin = app.admin();
    let waits = made_once_let_in(&admin, &district, "C7".to_owned());
    let others = async {
        let viewer = app.viewer(None);
        let mut turned_away = None;
        eventually("there is no room", async || {
            let answer = viewer.ask(CHEAP, json!({})).await;
            let is_full = answer.status == 503;
            turned_away = is_full.then_some(answer);
            is_full
        })
        .await;
        let turned_away = turned_away.unwrap();
        assert_eq!(turned_away.error_code(), "UNAVAILABLE");
        assert_eq!(turned_away.headers["retry-after"], "1");
        let mut socket = Socket::open(&app, viewer.token()).await;
        socket.subscribe("1", CHEAP, json!({})).await;
        let told = socket.hear().await;
        assert_eq!(told["payload"][0]["extensions"]["code"], "UNAVAILABLE", "{told}");
        // Points are let in all the same, and only wait for the file.
        let push = "mutation($input: PushPointsInput!) { pushPoints(input: $input) { accepted quarantined userErrors { message } } }";
        let entry = json!({ "eventId": "e-1", "branchCode": "B1", "points": 1, "occurredAt": "2026-03-01T10:00:00+08:00",
            "kind": "EARN", "activity": "OTHER" });
        let adapter = app.adapter("EJIA");
        // What else it asks has no other places than anybody's.
        assert_eq!(adapter.ask(CHEAP, json!({})).await.status, 503);
        let push = adapter.ask(
            push,
            json!({ "input": { "sourceCode": "EJIA", "entries": [entry] } }),
        );
        let unlock = async {
            // Each of these waits for as long as the points would, had they no places of their own.
            for _ in 0..3 {
                assert_eq!(viewer.ask(CHEAP, json!({})).await.status, 503);
            }
            raw.execute_unprepared("ROLLBACK").await.unwrap();
        };
        let (pushed, ()) = tokio::join!(push, unlock);
        pushed.data();
    };
    let (made, ()) = tokio::join!(waits, others);
    assert_eq!(made.done()["organization"]["code"], "C7");
    // And then there is room again.
    assert_eq!(app.viewer(None).ask(CHEAP, json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_have_a_number_and_sockets_count_among_them() {
    const MOST: usize = 8;
    let app = app(|config| config.server.connections.connections = MOST).await;
    let address = app.url.strip_prefix("http://").unwrap().to_owned();
    let (held, refused) = sockets_until_one_is_refused(&address, MOST).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("Retry-After: 1\r\n"), "{refused}");
    drop(held);
    eventually("there is room again", async || {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let request = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let mut told = Vec::new();
        let asked = async {
            stream.write_all(request).await?;
            stream.read_to_end(&mut told).await
        };
        asked.await.is_ok() && told.starts_with(b"HTTP/1.1 200")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_is_so_long_and_no_longer() {
    let app = app(|_| {}).await;
    let mut stream = TcpStream::connect(app.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    // One byte more than is read of it, so that nothing of it is left when the connection ends.
    let line = "GET /livez HTTP/1.1\r\nhost: x\r\nx-long: ";
    let head = format!("{line}{}", "x".repeat(64 * 1024 - line.len()));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    stream.read_to_end(&mut told).await.unwrap();
    assert!(
        told.starts_with(b"HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&told)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_say_what_it_wants_is_given_up() {
    let app = app(|config| {
        config.server.connections.head_timeout = Duration::from_millis(50);
        config.server.request_timeout = Duration::from_millis(300);
    })
    .await;
    let address = app.url.strip_prefix("http://").unwrap().to_owned();
    let token = app.admin().token().unwrap().to_owned();
    let body = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\n\
         accept: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    for (sent, begins) in [
        ("", ""),
        ("GET /graphql HTTP/1.1\r\nhost: x\r\n", ""),
        // The head is there, its body does not come.
        (body.as_str(), "HTTP/1.1 408 "),
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut told = Vec::new();
        // It ends: that is what is waited for.
        let _ = stream.read_to_end(&mut told).await;
        let told = String::from_utf8(told).unwrap();
        assert!(told.starts_with(begins), "{sent}: {told}");
    }
    let garbage = [
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "SSH-2.0-x\r\n",
    ];
    for sent in garbage {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        assert!(told.is_empty() || told.starts_with(b"HTTP/1.1 400"), "{sent:?}");
    }
    assert_eq!(
        app.http()
            .get(format!("{}/livez", app.url))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}
