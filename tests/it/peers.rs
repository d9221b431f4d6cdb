//! The binary among hostile peers: what each of them can make it hold is bounded, and when they have gone it is as it was.
#![cfg(target_os = "linux")]

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use zhibu::kernel::clock::Clock;

use crate::support::{
    TestDatabase,
    app::{TestApp, eventually},
    changes::changes_at_once,
    process::{Service, run, stdout},
    socket::Socket,
    sqlite,
};

const MIB: usize = 1024 * 1024;
/// Of each kind there are so many.
const PEERS: usize = 25;
/// What may be held of a body that is being sent, or of a message: `server.body_bytes`, `live.message_bytes`.
const LARGEST: usize = MIB;
/// Changes of eight kilobytes each, as they are asked for below: more than the buffers on the way hold.
const CHANGES: usize = 1_500;

fn watch(after: &str) -> Value {
    let long: String = (0..59)
        .map(|n| format!("{}{n:02}: topic ", "x".repeat(120)))
        .collect();
    let query =
        format!("subscription($after: ChangeCursor) {{ changes(after: $after) {{ cursor {long} }} }}");
    json!({ "query": query, "variables": { "after": after } })
}

/// Makes changes in an empty database, by a service that ends then; gives a cursor before them.
async fn planted(db: &TestDatabase) -> String {
    let app = TestApp::on(db.lent()).await;
    // The binary's clock is the machine's: what is written here must not be old to it.
    app.clock.set(&Clock::system().machine().to_rfc3339());
    app.plant_tree().await;
    let begins = app.admin().data("{ changes(first: 0) { cursor } }").await["changes"]["cursor"].clone();
    changes_at_once(&app, CHANGES).await;
    app.database.clone().close().await;
    begins.as_str().unwrap().to_owned()
}

/// A running binary, and what its peers know of it.
struct Target {
    service: Service,
    token: String,
    before: String,
    _keys: tempfile::TempDir,
}

impl Target {
    async fn start(db: &TestDatabase) -> Self {
        let before = planted(db).await;
        let keys = tempfile::tempdir().unwrap();
        let data_dir = keys.path().to_str().unwrap();
        let token = run(&[
            "token",
            "--role",
            "DISTRICT_ADMIN",
            "--ttl",
            "8h",
            "--data-dir",
            data_dir,
        ]);
        // Long enough for all of them to be there at once, and no longer.
        let patience = [
            ("ZHIBU_SERVER_HEAD_TIMEOUT", "20s"),
            ("ZHIBU_SERVER_WRITE_TIMEOUT", "20s"),
            ("ZHIBU_LIVE_INIT_TIMEOUT", "10s"),
            ("ZHIBU_LIVE_WRITE_TIMEOUT", "10s"),
            ("ZHIBU_LIVE_PING_INTERVAL", "4s"),
            ("ZHIBU_TELEMETRY_METRICS_LISTEN", "127.0.0.1:0"),
        ];
        let url = db.url.clone();
        let path = keys.path().to_owned();
        let started =
            tokio::task::spawn_blocking(move || Service::begin_with(&path, Some(&url), &patience).ready());
        Self {
            service: started.await.unwrap(),
            token: stdout(&token).trim().to_owned(),
            before,
            _keys: keys,
        }
    }

    /// Bytes of its memory that are resident.
    fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.service.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Open sockets and event streams, by its own figures.
    async fn open(&self) -> f64 {
        let figures = reqwest::get(self.service.figures.clone().unwrap()).await.unwrap();
        let figures = figures.text().await.unwrap();
        let open: Vec<f64> = figures
            .lines()
            .filter(|line| line.starts_with("zhibu_live_connections{"))
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(open.len(), 2, "{figures}");
        open.iter().sum()
    }

    async fn assert_answers(&self) {
        let asked = reqwest::Client::new()
            .post(format!("{}/graphql", self.service.url))
            .bearer_auth(&self.token)
            .json(&json!({ "query": "{ organizations { totalCount } }" }));
        let answer = tokio::time::timeout(Duration::from_secs(10), asked.send()).await;
        let answer: Value = answer.expect("in time").unwrap().json().await.unwrap();
        assert_eq!(answer["data"]["organizations"]["totalCount"], 4, "{answer}");
        let mut socket = Socket::at(&self.service.url, Some("graphql-transport-ws"))
            .await
            .expect("an upgrade");
        socket.init(Some(&self.token)).await;
        assert_eq!(socket.hear().await["type"], "connection_ack");
        socket.subscribe("1", "{ viewer { role } }", json!({})).await;
        assert_eq!(socket.next_of("1").await["viewer"]["role"], "DISTRICT_ADMIN");
    }

    /// A connection that takes next to nothing of what it is sent before it reads.
    async fn connect(&self) -> TcpStream {
        let address = self.service.url.strip_prefix("http://").unwrap().parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(address).await.unwrap()
    }

    /// The head of a request.
    fn head(&self, request: &str, fields: &str) -> String {
        format!(
            "{request} HTTP/1.1\r\nhost: zhibu\r\nauthorization: Bearer {}\r\n{fields}",
            self.token
        )
    }

    /// One that speaks the protocol, and has been let in where it says so.
    async fn socket(&self, init: bool) -> TcpStream {
        let mut stream = self.connect().await;
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n";
        stream
            .write_all(self.head("GET /graphql", upgrade).as_bytes())
            .await
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"));
        if init {
            let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {}", self.token) } });
            stream
                .write_all(&frame(0x81, init.to_string().as_bytes()))
                .await
                .unwrap();
            // `connection_ack`, before it stops reading.
            let mut head = [0; 2];
            stream.read_exact(&mut head).await.unwrap();
            let mut ack = vec![0; usize::from(head[1])];
            stream.read_exact(&mut ack).await.unwrap();
        }
        stream
    }
}

/// A frame of a client, masked with nothing.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = beginning(kind, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// How a frame of a client begins that will have so many bytes.
fn beginning(kind: u8, length: u64) -> Vec<u8> {
    let mut frame = vec![kind];
    match length {
        0..126 => frame.push(0x80 | length as u8),
        126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame
}

/// Sends what it is to send, as far as it is taken, and keeps the connection.
async fn say(mut stream: TcpStream, bytes: &[u8]) -> TcpStream {
    // Refused in the middle of it is as good.
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.write_all(bytes)).await;
    stream
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A head of nearly 64 KiB that does not end.
    HalfHead,
    /// A body that is nearly there.
    HalfBody,
    /// A socket that says nothing.
    Mute,
    /// One that nobody knows, and most of the largest message there may be.
    HalfMessageOfStranger,
    /// The same of somebody who is known, in many frames.
    HalfMessage,
    /// A message in many frames that never ends.
    EndlessMessage,
    /// One that subscribes to more than it reads.
    Deaf,
    /// The same of an event stream.
    DeafStream,
    /// Bytes that are no frames.
    Garbage,
    /// A frame that says it has a terabyte.
    HugeFrame,
}

const KINDS: [Kind; 10] = [
    Kind::HalfHead,
    Kind::HalfBody,
    Kind::Mute,
    Kind::HalfMessageOfStranger,
    Kind::HalfMessage,
    Kind::EndlessMessage,
    Kind::Deaf,
    Kind::DeafStream,
    Kind::Garbage,
    Kind::HugeFrame,
];

/// What one peer may make the service hold at most, in KiB, what its allocator keeps for the next one included.
fn most_of(kind: Kind) -> usize {
    match kind {
        // `server.body_bytes`, and one message of `live.message_bytes`.
        Kind::HalfBody | Kind::HalfMessageOfStranger => 1_280,
        // What is put together grows by doubling.
        Kind::HalfMessage | Kind::EndlessMessage => 2_816,
        // An event or two on their way, and the page of changes that the next ones are read from.
        Kind::Deaf | Kind::DeafStream => 256,
        // A head, or the buffers of a connection.
        Kind::HalfHead | Kind::Mute | Kind::Garbage | Kind::HugeFrame => 128,
    }
}

async fn peer(target: &Target, kind: Kind) -> TcpStream {
    let most = vec![b'x'; LARGEST - 1024];
    match kind {
        Kind::HalfHead => {
            let head = target.head("GET /graphql", "x-much: ");
            say(target.connect().await, (head + &"x".repeat(60_000)).as_bytes()).await
        }
        Kind::HalfBody => {
            let fields = format!("content-type: application/json\r\ncontent-length: {LARGEST}\r\n\r\n");
            let mut request = target.head("POST /graphql", &fields).into_bytes();
            request.extend_from_slice(&most);
            say(target.connect().await, &request).await
        }
        Kind::Mute => target.socket(false).await,
        Kind::HalfMessageOfStranger => {
            let mut frame = beginning(0x81, most.len() as u64 + 1);
            frame.extend_from_slice(&most);
            say(target.socket(false).await, &frame).await
        }
        // A text whose end does not come: FIN is not set in any of its frames.
        Kind::HalfMessage | Kind::EndlessMessage => {
            let times = if matches!(kind, Kind::HalfMessage) { 1 } else { 4 };
            let mut frames = frame(0x01, b"{");
            for part in most.repeat(times).chunks(1_000) {
                frames.extend_from_slice(&frame(0x00, part));
            }
            say(target.socket(true).await, &frames).await
        }
        Kind::Deaf => {
            let message = json!({ "id": "1", "type": "subscribe", "payload": watch(&target.before) });
            say(
                target.socket(true).await,
                &frame(0x81, message.to_string().as_bytes()),
            )
            .await
        }
        Kind::DeafStream => {
            let body = watch(&target.before).to_string();
            let fields = format!(
                "content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let request = target.head("POST /graphql/stream", &fields) + &body;
            say(target.connect().await, request.as_bytes()).await
        }
        Kind::Garbage => {
            let garbage: Vec<u8> = (0..100_000_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect();
            say(target.socket(false).await, &garbage).await
        }
        Kind::HugeFrame => {
            let mut frame = beginning(0x82, 1 << 40);
            frame.extend_from_slice(&most.repeat(4));
            say(target.socket(true).await, &frame).await
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hostile_peers_make_it_hold_is_bounded() {
    let db = sqlite::database().await;
    let target = Target::start(&db).await;
    // What is made once, whoever comes: caches, buffers of the database, threads.
    for kind in KINDS {
        drop(join_all((0..2).map(|_| peer(&target, kind))).await);
    }
    target.assert_answers().await;
    eventually("the first ones have gone", async || target.open().await == 0.0).await;
    let before = target.resident();
    let mut most = before;

    let mut peers = Vec::new();
    for kind in KINDS {
        peers.extend(join_all((0..PEERS).map(|_| peer(&target, kind))).await);
        let now = target.resident();
        println!("{kind:?}: {} KiB more", (now.saturating_sub(before)) / 1024);
        most = most.max(now);
    }
    // Beside them others are served.
    target.assert_answers().await;
    eventually("sockets and streams are given up", async || {
        most = most.max(target.resident());
        target.open().await == 0.0
    })
    .await;
    let grown = (most - before) / 1024;
    let ceiling: usize = KINDS.map(|kind| PEERS * most_of(kind)).iter().sum();
    println!("{} peers: {grown} KiB more of {ceiling}", peers.len());
    assert!(grown <= ceiling, "{grown} KiB more, of {ceiling}");
    // Given up, though none of them has hung up.
    target.assert_answers().await;
    drop(peers);
    target.assert_answers().await;
    let (status, log) = tokio::task::spawn_blocking(move || target.service.terminate())
        .await
        .unwrap();
    assert!(status.success(), "{status:?}");
    let errors: Vec<_> = log
        .iter()
        .filter(|line| line.contains(r#""level":"ERROR""#))
        .collect();
    assert_eq!(errors, Vec::<&String>::new());
}
