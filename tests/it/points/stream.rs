//! The route for streams: entries in, outcomes out, in any form and however they break off.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpSocket,
};
use zhibu::{config::SourceSection, kernel::secret::SecretBytes};

use super::{district, earn, standing};
use crate::support::{
    app::{As, TestApp},
    branches::{by_code, create},
    on_both,
    socket::Socket,
};

struct Delivered {
    status: u16,
    headers: reqwest::header::HeaderMap,
    lines: Vec<Value>,
}

fn request(app: &TestApp, path: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    typed(app, path, "application/x-ndjson", body)
}

fn typed(app: &TestApp, path: &str, media: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    app.http()
        .post(format!("{}/platform/{path}", app.url))
        .header("content-type", media)
        .body(body)
}

async fn sent(request: reqwest::RequestBuilder) -> Delivered {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a body");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect(line));
    Delivered {
        status,
        headers,
        lines: lines.collect(),
    }
}

async fn deliver(app: &TestApp, caller: &As<'_>, body: impl Into<reqwest::Body>) -> Delivered {
    sent(request(app, "EJIA/points", body).bearer_auth(caller.token().unwrap())).await
}

pub fn lines(entries: &[Value]) -> String {
    entries.iter().map(|entry| format!("{entry}\n")).collect()
}

pub fn done(through: u64, accepted: u64, duplicates: u64, quarantined: u64) -> Value {
    json!({ "done": true, "through": through, "accepted": accepted, "duplicates": duplicates, "quarantined": quarantined })
}

on_both!(rows_are_booked_and_told_of, |db| async move {
    let app = district(db).await;
    let adapter = app.adapter("EJIA");
    let body = lines(&[
        earn("E1", "B1", 5.25),
        earn("E1", "B1", 5.25),
        earn("E2", "X", 1.0),
        json!({ "eventId": "E3", "branchCode": "B1", "points": 1.005, "occurredAt": "2025-07-01T04:00:00Z" }),
        json!({ "eventId": "E4", "branchCode": "B1", "points": "5", "occurredAt": "2025-07-01T04:00:00Z" }),
        json!({ "eventId": "E5", "branchCode": "B1", "points": 5, "occurredAt": "2025-07-01T04:00:00" }),
        earn("E6", "B2", 2.0),
    ]);
    let answer = deliver(&app, &adapter, body.clone()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let counts = json!({ "through": 7, "accepted": 2, "duplicates": 1, "quarantined": 4 });
    let waits = |row: u64, detail: &str| json!({ "row": row, "status": "QUARANTINED", "reason": "INVALID_FIELD", "detail": detail });
    assert_eq!(
        answer.lines,
        [
            json!({ "row": 3, "eventId": "E2", "revision": 1, "status": "QUARANTINED", "reason": "UNKNOWN_BRANCH" }),
            waits(4, "points: more than two decimals"),
            waits(5, "points: not a number"),
            waits(6, "occurredAt"),
            counts,
            done(7, 2, 1, 4),
        ]
    );
    assert_eq!(standing(&app, "B1", "2025-07").await, (json!(5.25), json!(1)));
    assert_eq!(standing(&app, "B2", "2025-07").await, (json!(2), json!(1)));
    // Sent again it changes nothing, and nothing waits twice.
    let answer = deliver(&app, &adapter, body.clone()).await;
    assert_eq!(answer.lines.last(), Some(&done(7, 0, 3, 4)));
    let waiting = app
        .admin()
        .data(r#"{ quarantine(sourceCode: "EJIA") { totalCount nodes { reason detail payload } } }"#)
        .await;
    assert_eq!(waiting["quarantine"]["totalCount"], 4);
    assert_eq!(
        waiting["quarantine"]["nodes"][1]["detail"],
        "points: more than two decimals"
    );
    // Every outcome, for who asks; an array is as good as lines, under either type.
    let array = format!("[{}]", body.trim_end().replace('\n', ",\n"));
    let all = typed(&app, "ejia/points?outcomes=all", "application/json", array)
        .bearer_auth(adapter.token().unwrap());
    let answer = sent(all).await;
    let statuses: Vec<&str> = answer
        .lines
        .iter()
        .filter_map(|line| line["status"].as_str())
        .collect();
    assert_eq!(
        statuses,
        [
            "DUPLICATE",
            "DUPLICATE",
            "QUARANTINED",
            "QUARANTINED",
            "QUARANTINED",
            "QUARANTINED",
            "DUPLICATE"
        ]
    );
    assert_eq!(answer.lines.last(), Some(&done(7, 0, 3, 4)));
});

on_both!(a_long_stream_is_booked_in_chunks, |db| async move {
    let app = district(db).await;
    let entries: Vec<Value> = (0..2_345).map(|n| earn(&format!("E{n}"), "B1", 0.01)).collect();
    let answer = deliver(&app, &app.adapter("EJIA"), lines(&entries)).await;
    let through: Vec<u64> = answer
        .lines
        .iter()
        .map(|line| line["through"].as_u64().unwrap())
        .collect();
    assert_eq!(through, [1000, 2000, 2345, 2345]);
    assert_eq!(answer.lines.last(), Some(&done(2345, 2345, 0, 0)));
    assert_eq!(standing(&app, "B1", "2025").await, (json!(23.45), json!(2345)));
    let answer = deliver(&app, &app.adapter("EJIA"), "").await;
    assert_eq!(answer.lines, [done(0, 0, 0, 0)]);
});

on_both!(what_breaks_off_keeps_what_came_whole, |db| async move {
    let app = district(db).await;
    let adapter = app.adapter("EJIA");
    // The body ends within a line: what there is of it is kept, for nobody to guess at.
    let cut = lines(&[earn("E1", "B1", 1.0), earn("E2", "B1", 1.0)]);
    let answer = deliver(&app, &adapter, cut[..cut.len() - 20].to_owned()).await;
    assert_eq!(answer.lines.last(), Some(&done(2, 1, 0, 1)));
    assert!(
        answer.lines[0]["detail"]
            .as_str()
            .unwrap()
            .starts_with("not JSON")
    );
    // An array that does not end: nobody knows what is missing.
    let answer = deliver(
        &app,
        &adapter,
        format!("[{},{}", earn("E3", "B1", 1.0), earn("E4", "B1", 1.0)),
    )
    .await;
    assert_eq!(answer.lines[0]["through"], 1);
    assert_eq!(answer.lines[1]["error"]["code"], "BAD_REQUEST");
    assert_eq!(answer.lines.len(), 2);
    // A row beyond what is read of one: its neighbours are booked, and its beginning is kept.
    let long = "x".repeat(300 * 1024);
    let body = format!("{}\n{long}\n{}", earn("E5", "B1", 1.0), earn("E8", "B1", 1.0));
    let answer = deliver(&app, &adapter, body).await;
    assert_eq!(answer.lines.last(), Some(&done(3, 2, 0, 1)));
    assert_eq!(
        (&answer.lines[0]["row"], &answer.lines[0]["reason"]),
        (&json!(2), &json!("INVALID_FIELD"))
    );
    assert_eq!(standing(&app, "B1", "2025").await, (json!(4), json!(4)));

    // The connection breaks within a line: what came whole is booked, what did not is not.
    let mut raw = Raw::open(&app, adapter.token().unwrap()).await;
    raw.chunk(&format!("{}\n{{\"eventId\":\"E7\",", earn("E6", "B1", 1.0)))
        .await;
    // The row lingers, and is told of before the body goes on.
    assert_eq!(raw.line().await["through"], 1);
    drop(raw);
    assert_eq!(standing(&app, "B1", "2025").await, (json!(5), json!(5)));
    let waiting = app
        .admin()
        .data(r#"{ quarantine(sourceCode: "EJIA") { totalCount } }"#)
        .await;
    assert_eq!(waiting["quarantine"]["totalCount"], 2);
});

on_both!(a_stream_ends_with_its_token, |db| async move {
    let app = district(db).await;
    let token = app.adapter("EJIA").token().unwrap().to_owned();
    let mut raw = Raw::open(&app, &token).await;
    raw.chunk(&lines(&[earn("E1", "B1", 1.0)])).await;
    assert_eq!(raw.line().await["through"], 1);
    // With the leeway that clocks are given.
    app.clock.advance(chrono::Duration::minutes(62));
    raw.chunk(&lines(&[earn("E2", "B1", 1.0)])).await;
    let line = raw.line().await;
    assert_eq!(line["error"]["code"], "UNAUTHENTICATED", "{line}");
    assert_eq!(standing(&app, "B1", "2025").await, (json!(1), json!(1)));
});

on_both!(a_caller_that_reads_late_is_not_waited_for, |db| async move {
    let app = district(db).await;
    let token = app.adapter("EJIA").token().unwrap().to_owned();
    let branch = by_code(app.admin(), "B1").await["id"].clone();
    let mut watch = Socket::open(&app, app.viewer(None).token()).await;
    let points = r#"subscription($id: ID!) { branch(id: $id) { points(period: "2025") { total } } }"#;
    watch.subscribe("B1", points, json!({ "id": branch })).await;
    let mut raw = Raw::open(&app, &token).await;
    // More lines than the buffers between us hold, were each told of: 16 MB.
    let rows: String = (0..1000).map(|n| format!("{{\"x\":{n}}}\n")).collect();
    for _ in 0..160 {
        raw.chunk(&rows).await;
    }
    raw.chunk(&lines(&[earn("E1", "B1", 1.0)])).await;
    raw.chunk("").await;
    // All of it is booked before anything is read.
    while watch.next_of("B1").await["branch"]["points"]["total"] != 1 {}
    let mut omitted = 0;
    loop {
        let line = raw.line().await;
        omitted = line["omitted"].as_u64().unwrap_or(omitted);
        if line["done"] == true {
            assert_eq!(line["through"], 160_001);
            assert_eq!(line["quarantined"], 160_000);
            break;
        }
    }
    // How many depends on the buffers; the rows themselves are all there, each content once.
    let waiting = app
        .admin()
        .data(r#"{ quarantine(sourceCode: "EJIA") { totalCount } }"#)
        .await;
    assert_eq!(waiting["quarantine"]["totalCount"], 1000);
    assert!(omitted > 0 && omitted < 160_000, "{omitted}");
});

on_both!(a_body_may_be_compressed_but_not_blow_up, |db| async move {
    let app = district(db).await;
    let adapter = app.adapter("EJIA");
    let entries: Vec<Value> = (0..500).map(|n| earn(&format!("E{n}"), "B1", 1.0)).collect();
    let gzip = |body: Vec<u8>| {
        request(&app, "EJIA/points", body)
            .header("content-encoding", "gzip")
            .bearer_auth(adapter.token().unwrap())
    };
    let answer = sent(gzip(compressed(lines(&entries).as_bytes()))).await;
    assert_eq!(answer.lines.last(), Some(&done(500, 500, 0, 0)));
    // A file put together of two is both of them (RFC 1952, section 2.2).
    let both = ["M1", "M2"].map(|event| compressed(lines(&[earn(event, "B2", 1.0)]).as_bytes()));
    let answer = sent(gzip(both.concat())).await;
    assert_eq!(answer.lines.last(), Some(&done(2, 2, 0, 0)));
    let bomb = compressed(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100 * 1024);
    let answer = sent(gzip(bomb)).await;
    assert_eq!(answer.status, 413, "{:?}", answer.lines);
    assert_eq!(answer.lines[0]["error"]["code"], "BAD_REQUEST");
    let answer = sent(gzip(b"no gzip at all".to_vec())).await;
    assert_eq!(answer.status, 400, "{:?}", answer.lines);
    let other = request(&app, "EJIA/points", "x")
        .header("content-encoding", "br")
        .bearer_auth(adapter.token().unwrap());
    assert_eq!(sent(other).await.status, 415);
});

on_both!(who_may_not_is_told_before_anything_is_read, |db| async move {
    let app = district(db).await;
    app.open_source("OTHER").await;
    let row = || lines(&[earn("E1", "B1", 1.0)]);
    for (caller, path, status, code) in [
        (Some(app.adapter("EJIA")), "OTHER/points", 403, "FORBIDDEN"),
        (Some(app.adapter("EJIA")), "NOWHERE/points", 403, "FORBIDDEN"),
        (Some(app.secretary_of("B1")), "EJIA/points", 403, "FORBIDDEN"),
        (Some(app.viewer(None)), "EJIA/points", 403, "FORBIDDEN"),
        (Some(app.admin()), "NOWHERE/points", 404, "NOT_FOUND"),
        (Some(app.admin()), "LOCAL/points", 422, "BAD_REQUEST"),
        (Some(app.admin()), "EJIA/points?outcomes=some", 400, "BAD_REQUEST"),
        (None, "EJIA/points", 401, "UNAUTHENTICATED"),
        (
            Some(app.with_token("nonsense")),
            "EJIA/points",
            401,
            "UNAUTHENTICATED",
        ),
    ] {
        let request = request(&app, path, row()).header("accept-language", "en");
        let request = match &caller {
            Some(caller) => request.bearer_auth(caller.token().unwrap()),
            None => request,
        };
        let answer = sent(request).await;
        assert_eq!(answer.status, status, "{path}: {:?}", answer.lines);
        assert_eq!(answer.lines[0]["error"]["code"], code, "{path}");
        assert!(answer.headers.contains_key("x-request-id"));
    }
    let admin = app.admin();
    let plain = typed(&app, "EJIA/points", "text/plain", row()).bearer_auth(admin.token().unwrap());
    assert_eq!(sent(plain).await.status, 415);
    let url = format!("{}/platform/EJIA/points", app.url);
    assert_eq!(app.http().get(url).send().await.unwrap().status(), 405);
    assert_eq!(standing(&app, "B1", "2025").await, (json!(0), json!(0)));
    let answer = deliver(&app, &admin, row()).await;
    assert_eq!(answer.lines.last(), Some(&done(1, 1, 0, 0)));
});

const OLD_KEY: [u8; 32] = [7; 32];
const NEW_KEY: [u8; 32] = [8; 32];

fn signature(key: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

on_both!(a_signed_body_needs_no_token, |db| async move {
    let app = TestApp::with_config(db, |config| {
        let source = |code: &str, keys: &[[u8; 32]]| SourceSection {
            code: code.to_owned(),
            name: format!("{code}（演示）"),
            webhook_secrets: keys.iter().map(|key| SecretBytes::new(key.to_vec())).collect(),
            pull: None,
        };
        config.sources = vec![
            source("EJIA", &[OLD_KEY, NEW_KEY]),
            source("OTHER", &[[9; 32]]),
            source("BARE", &[]),
        ];
    })
    .await;
    let district = app.create_organization("D", "DISTRICT", None).await;
    app.create_organization("C1", "COMMITTEE", Some(&district)).await;
    create(&app, "B1", json!({})).await;
    let now = app.database.clock().machine().timestamp();
    let body = lines(&[earn("E1", "B1", 1.0)]);
    let signed = |path: &str, body: &str, timestamp: i64, signature: &str| {
        request(&app, path, body.to_owned())
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
    };
    for (path, timestamp, signature, status) in [
        ("OTHER/points", now, signature(&OLD_KEY, "msg_1", now, &body), 401),
        ("BARE/points", now, signature(&OLD_KEY, "msg_1", now, &body), 401),
        (
            "NOWHERE/points",
            now,
            signature(&OLD_KEY, "msg_1", now, &body),
            401,
        ),
        ("EJIA/points", now, signature(&[1; 32], "msg_1", now, &body), 401),
        ("EJIA/points", now, signature(&OLD_KEY, "msg_2", now, &body), 401),
        (
            "EJIA/points",
            now - 301,
            signature(&OLD_KEY, "msg_1", now - 301, &body),
            401,
        ),
        (
            "EJIA/points",
            now,
            signature(&OLD_KEY, "msg_1", now, "another"),
            401,
        ),
        ("EJIA/points", now, String::new(), 401),
    ] {
        let answer = sent(signed(path, &body, timestamp, &signature)).await;
        assert_eq!(answer.status, status, "{path} {signature}");
        assert_eq!(answer.lines[0]["error"]["code"], "UNAUTHENTICATED");
    }
    assert_eq!(standing(&app, "B1", "2025").await, (json!(0), json!(0)));
    for (key, expected) in [(&OLD_KEY, done(1, 1, 0, 0)), (&NEW_KEY, done(1, 0, 1, 0))] {
        let both = format!("v1,AAAA {}", signature(key, "msg_1", now, &body));
        let answer = sent(signed("EJIA/points", &body, now, &both)).await;
        assert_eq!(answer.lines.last(), Some(&expected));
    }
    let long = format!("{body}{}", " ".repeat(2 * 1024 * 1024));
    let answer = sent(signed(
        "EJIA/points",
        &long,
        now,
        &signature(&OLD_KEY, "msg_1", now, &long),
    ))
    .await;
    assert_eq!(answer.status, 413);
    // Whose head says enough is not read.
    for (path, timestamp) in [
        ("BARE/points", now),
        ("NOWHERE/points", now),
        ("EJIA/points", now - 301),
    ] {
        let answer = sent(signed(
            path,
            &long,
            timestamp,
            &signature(&OLD_KEY, "msg_1", timestamp, &long),
        ));
        assert_eq!(answer.await.status, 401, "{path}");
    }
    let audit = app
        .admin()
        .data(r#"{ auditEntries(filter: { action: "pushPoints" }, last: 1) { nodes { subject role } } }"#)
        .await;
    assert_eq!(
        audit["auditEntries"]["nodes"],
        json!([{ "subject": "webhook:EJIA", "role": "ADAPTER" }])
    );
});

/// Gzip, by the program of that name.
fn compressed(body: &[u8]) -> Vec<u8> {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip");
    let mut stdin = gzip.stdin.take().unwrap();
    let body = body.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&body));
    let output = gzip.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

/// A request by hand, whose body comes in chunks of our making.
pub struct Raw {
    read: BufReader<tokio::net::tcp::OwnedReadHalf>,
    write: tokio::net::tcp::OwnedWriteHalf,
    headers_read: bool,
}

impl Raw {
    pub async fn open(app: &TestApp, token: &str) -> Self {
        Self::open_to(app, "EJIA", token).await
    }

    /// To a source.
    pub async fn open_to(app: &TestApp, source: &str, token: &str) -> Self {
        let address = app.url.trim_start_matches("http://");
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let (read, mut write) = stream.into_split();
        let head = format!(
            "POST /platform/{source}/points HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        write.write_all(head.as_bytes()).await.unwrap();
        Self {
            read: BufReader::new(read),
            write,
            headers_read: false,
        }
    }

    /// A chunk of the body; an empty one ends it.
    pub async fn chunk(&mut self, text: &str) {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        let written = tokio::time::timeout(Duration::from_secs(60), self.write.write_all(chunk.as_bytes()));
        written.await.expect("the service goes on reading").unwrap();
    }

    /// The next line of the answer, of whichever chunk.
    pub async fn line(&mut self) -> Value {
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(Duration::from_secs(60), self.read.read_line(&mut line));
            assert_ne!(read.await.expect("a line").unwrap(), 0, "the answer ended");
            let line = line.trim();
            if !self.headers_read {
                self.headers_read = line.is_empty();
            } else if line.starts_with('{') {
                return serde_json::from_str(line).expect(line);
            }
        }
    }
}
