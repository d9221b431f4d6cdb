//! The wall map of 826 branches: kept beside a plain handler that gives the same bytes, and made anew beside a page of 50 branches,
//! which the load bench measures: CPU time of the serving process, a request.

use std::path::Path;

use serde_json::json;

use crate::{
    Failure,
    client::{self, Ask},
    process::{CpuTime, Server},
    verdict,
};

const KEPT: usize = 2_000;
const MADE: usize = 200;
const CONNECTIONS: usize = 4;
/// The servers, and what is asked of them, take turns: a machine that slows down slows all.
const TURNS: usize = 3;
/// The least ratio of the plain handler's time to that of a kept board: **target**, as for any kept result.
const TARGET: f64 = 0.6;

const WALL: &str = "{ board(year: 2022) { branchCount goldCount
    domains { domain branches gold healthy founded }
    committees { organization { code name } branches gold averagePoints aspects { aspect open overdue closed } }
    funnel { eligible selfChecked consulted rectifying closed passed failed }
    lights { green blue amber red } terms { inTerm dueSoon overdue electedOnTime }
    gold { quota applied recommended awarded vetoed } pairings { oneToMany manyToMany branches coverage }
    training { sessions attendances participants hours }
    tiles { branchId name domain badge isGold points rank } } }";
const PAGE: &str =
    "{ branches(first: 50) { nodes { code name domain isGold organization { name } brand { name }
    term { endsOn } pairings(first: 5) { nodes { title members { branch { name } } } } } } }";

pub async fn measure(server: &Server, data: &Path, token: &str) -> Result<(), Failure> {
    let asked = |document: &str, kept: bool| Ask {
        kept,
        ..server.ask(document, "", json!({}))
    };
    let kept = asked(WALL, true);
    let answer = client::once(&kept, token).await?;
    let bytes = serde_json::to_vec(&answer)?;
    std::fs::write(data.join("plain.json"), &bytes)?;
    let handler = Server::handwritten(data, None).await?;
    let plain = Ask {
        kept: true,
        ..handler.ask("", "/plain", json!({ "query": WALL }))
    };
    let (made, page) = (asked(WALL, false), asked(PAGE, false));
    let (mut of_kept, mut of_plain) = (CpuTime::default(), CpuTime::default());
    let (mut of_made, mut of_page) = (CpuTime::default(), CpuTime::default());
    for _ in 0..TURNS {
        of_kept += cpu(server, &kept, token, KEPT).await?;
        of_plain += cpu(&handler, &plain, token, KEPT).await?;
        of_made += cpu(server, &made, token, MADE).await?;
        of_page += cpu(server, &page, token, MADE).await?;
    }
    let each = |time: CpuTime, requests: usize| time.micros() / (TURNS * requests) as f64;
    let ratio = of_plain.micros() / of_kept.micros();
    println!(
        "a kept board of 826 branches ({} bytes): {:.0} µs of CPU, a plain handler that gives the same {:.0} µs, ratio {ratio:.2}  {} {TARGET}",
        bytes.len(),
        each(of_kept, KEPT),
        each(of_plain, KEPT),
        verdict(ratio >= TARGET),
    );
    println!(
        "a board that is made anew: {:.0} µs of CPU, {:.0} times a kept one; a page of 50 branches {:.0} µs, ratio {:.2}",
        each(of_made, MADE),
        each(of_made, MADE) / each(of_kept, KEPT),
        each(of_page, MADE),
        of_made.micros() / of_page.micros(),
    );
    Ok(())
}

async fn cpu(server: &Server, ask: &Ask, token: &str, requests: usize) -> Result<CpuTime, Failure> {
    let ask = std::slice::from_ref(ask);
    client::run(ask, token, CONNECTIONS, requests / 10).await?;
    let before = server.cpu()?;
    client::run(ask, token, CONNECTIONS, requests).await?;
    Ok(server.cpu()? - before)
}
