//! A kept result beside a plain handler that gives the same bytes, and one that is made beside one that is not kept: CPU time of
//! the serving process, a request.

use std::path::Path;

use axum::{
    Router,
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    Failure,
    client::{self, Ask},
    process::{CpuTime, Server},
    verdict,
};

const REQUESTS: usize = 10_000;
const WARM_UP: usize = 500;
const CONNECTIONS: usize = 4;
/// The servers take turns, so that a machine that slows down slows all.
const TURNS: usize = 3;
/// The least ratio of the plain handler's time to that of a kept result: **target**.
const TARGET: f64 = 0.6;

const BOARD: &str =
    r#"{ leaderboard(period: "2022", first: 50) { rows { rank total branch { code name domain } } } }"#;
const CARD: &str = "query($code: String!, $first: Int!) { branch(by: { code: $code }) {
    code name domain isGold organization { name } brand { name } term { endsOn }
    pairings(first: $first) { nodes { title state members { branch { name } } } } } }";

/// The plain handler: reads the body, as the service must, and gives the bytes.
pub async fn plain(arguments: &[String]) -> Result<(), Failure> {
    let [_, _, address, data, ..] = arguments else {
        return Err("plain ADDRESS DIRECTORY".into());
    };
    let bytes = Bytes::from(std::fs::read(Path::new(data).join("plain.json"))?);
    let handler = move |_: Bytes| async move { ([("content-type", "application/json")], bytes) };
    let router = Router::new()
        .route("/plain", post(handler))
        .route("/readyz", get(|| async { "ok" }));
    axum::serve(tokio::net::TcpListener::bind(address).await?, router).await?;
    Ok(())
}

pub async fn measure(server: &Server, data: &Path, token: &str) -> Result<(), Failure> {
    let board = Ask {
        kept: true,
        ..server.ask(BOARD, "", json!({}))
    };
    let answer = client::once(&board, token).await?;
    std::fs::write(data.join("plain.json"), serde_json::to_vec(&answer)?)?;
    let handler = Server::handwritten(data, None).await?;
    let plain = Ask {
        kept: true,
        ..handler.ask("", "/plain", json!({ "query": BOARD }))
    };
    let (mut of_service, mut of_handler) = (CpuTime::default(), CpuTime::default());
    for _ in 0..TURNS {
        of_service += cpu(server, std::slice::from_ref(&board), token, REQUESTS).await?;
        of_handler += cpu(&handler, std::slice::from_ref(&plain), token, REQUESTS).await?;
    }
    let ratio = of_handler.micros() / of_service.micros();
    let each = |time: CpuTime, requests: usize| time.micros() / requests as f64;
    println!(
        "a kept result: {:.0} µs of CPU, a plain handler that gives the same {} bytes {:.0} µs, ratio {ratio:.2}  {} {TARGET}",
        each(of_service, TURNS * REQUESTS),
        serde_json::to_vec(&answer)?.len(),
        each(of_handler, TURNS * REQUESTS),
        verdict(ratio >= TARGET),
    );

    let codes = "{ branches(first: 200) { nodes { code } } }";
    let codes = client::once(&server.ask(codes, "", json!({})), token).await?;
    let codes: Vec<&str> = codes
        .pointer("/data/branches/nodes")
        .and_then(Value::as_array)
        .ok_or("no branches")?
        .iter()
        .filter_map(|node| node.get("code")?.as_str())
        .collect();
    let (mut made, mut past) = (CpuTime::default(), CpuTime::default());
    let mut requests = 0;
    for turn in 0..TURNS {
        // Each of them once: it is made, and kept.
        let asks = |kept: bool| -> Vec<Ask> {
            let firsts = (turn * 10)..(turn * 10 + 10);
            let all = codes
                .iter()
                .flat_map(|code| firsts.clone().map(move |first| (*code, first + 1)));
            all.map(|(code, first)| Ask {
                kept,
                ..server.ask(CARD, "", json!({ "code": code, "first": first }))
            })
            .collect()
        };
        let (new, uncached) = (asks(true), asks(false));
        requests += new.len();
        past += cpu_of(server, &uncached, token, uncached.len()).await?;
        made += cpu_of(server, &new, token, new.len()).await?;
    }
    println!(
        "a result that is made and kept: {:.0} µs of CPU, one that is made and not kept {:.0} µs, ratio {:.2}",
        each(made, requests),
        each(past, requests),
        past.micros() / made.micros(),
    );
    Ok(())
}

async fn cpu(server: &Server, asks: &[Ask], token: &str, requests: usize) -> Result<CpuTime, Failure> {
    client::run(asks, token, CONNECTIONS, WARM_UP).await?;
    cpu_of(server, asks, token, requests).await
}

async fn cpu_of(server: &Server, asks: &[Ask], token: &str, requests: usize) -> Result<CpuTime, Failure> {
    let before = server.cpu()?;
    client::run(asks, token, CONNECTIONS, requests).await?;
    Ok(server.cpu()? - before)
}
