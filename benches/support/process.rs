//! Servers as processes of their own, and what Linux's `/proc` tells of them.

use std::{
    fs, io,
    net::TcpListener,
    ops::{AddAssign, Sub},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{Failure, client::Ask};

/// How long a server may take to answer before it is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// `USER_HZ`, which Linux has fixed for programs on every architecture we build for.
const TICKS_A_SECOND: f64 = 100.0;

/// User and system time of one or more processes, in clock ticks of 10 ms.
#[derive(Clone, Copy, Default)]
pub struct CpuTime(u64);

impl CpuTime {
    /// In microseconds.
    pub fn micros(self) -> f64 {
        self.0 as f64 / TICKS_A_SECOND * 1e6
    }
}

impl AddAssign for CpuTime {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// A field of `/proc/PID/stat`, numbered as proc(5) does; the name in field 2 may hold blanks.
fn stat_fields(pid: u32) -> io::Result<(String, Vec<String>)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "/proc/PID/stat");
    let (head, rest) = stat.rsplit_once(')').ok_or_else(broken)?;
    let (_, name) = head.split_once('(').ok_or_else(broken)?;
    Ok((
        name.to_owned(),
        rest.split_whitespace().map(str::to_owned).collect(),
    ))
}

fn number(fields: &[String], field: usize) -> u64 {
    // The first after the name is field 3.
    fields
        .get(field - 3)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

fn cpu_of(pid: u32) -> io::Result<CpuTime> {
    let (_, fields) = stat_fields(pid)?;
    // utime and stime
    Ok(CpuTime(number(&fields, 14) + number(&fields, 15)))
}

/// The time of a process, of its children that run, and of those that have ended; nothing where there is none.
pub fn cpu_of_tree(root: Option<u32>) -> io::Result<CpuTime> {
    let Some(root) = root else {
        return Ok(CpuTime::default());
    };
    let (_, fields) = stat_fields(root)?;
    // utime, stime, cutime and cstime
    let mut sum = CpuTime((14..=17).map(|field| number(&fields, field)).sum());
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that ends meanwhile is counted by its parent.
        if let Ok((_, fields)) = stat_fields(pid)
            && number(&fields, 4) == u64::from(root)
            && let Ok(cpu) = cpu_of(pid)
        {
            sum += cpu;
        }
    }
    Ok(sum)
}

/// The parent of a PostgreSQL backend, if there is such a process here.
pub fn parent_of_postgres(backend: u32) -> Option<u32> {
    let (name, fields) = stat_fields(backend).ok()?;
    (name == "postgres").then(|| u32::try_from(number(&fields, 4)).ok())?
}

/// The binary that was built with this bench, with nothing of our environment that would configure it.
fn zhibu(command: &str, data: &Path, url: Option<&str>) -> Command {
    let mut zhibu = Command::new(env!("CARGO_BIN_EXE_zhibu"));
    // Its log would stand between the figures; what goes wrong is a warning or an error.
    zhibu
        .env_clear()
        .env("ZHIBU_LOG_FILTER", "warn")
        // One caller asks for as much as there is, over as many connections as there are.
        .env("ZHIBU_RATE_PER_SECOND", "0")
        .env("ZHIBU_SERVER_CONNECTIONS_PER_ADDRESS", "20000")
        .arg(command)
        .arg("--data-dir")
        .arg(data);
    if let Some(url) = url {
        zhibu.args(["--database-url", url]);
    }
    zhibu
}

/// Loads the demonstration district; a database that holds it already is left as it is.
pub fn load_demo(data: &Path, url: Option<&str>) -> Result<(), Failure> {
    let loaded = zhibu("demo", data, url).output()?;
    if !loaded.status.success() {
        eprintln!("zhibu demo: {}", String::from_utf8_lossy(&loaded.stderr).trim());
    }
    Ok(())
}

/// Makes an empty database ready.
pub fn migrate(data: &Path, url: Option<&str>) -> Result<(), Failure> {
    let migrated = zhibu("migrate", data, url).output()?;
    match migrated.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&migrated.stderr).into()),
    }
}

/// What `zhibu verify` says of points, in one line; all that it says where something does not hold.
pub fn verify(data: &Path, url: Option<&str>) -> Result<String, Failure> {
    let verified = zhibu("verify", data, url).output()?;
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    if !verified.status.success() {
        let errors = String::from_utf8_lossy(&verified.stderr);
        return Err(format!("zhibu verify: {text}{errors}").into());
    }
    let lines = text
        .lines()
        .filter(|line| line.starts_with("points") || line.starts_with("ranks"));
    Ok(lines.collect::<Vec<_>>().join(", "))
}

/// A token of an administrator, whose scope adds no condition to any statement.
pub fn token(data: &Path) -> Result<String, Failure> {
    token_of(data, &["--role", "DISTRICT_ADMIN"])
}

/// A token as `zhibu token` makes it of these arguments.
pub fn token_of(data: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let printed = zhibu("token", data, None).args(arguments).output()?;
    if !printed.status.success() {
        return Err(String::from_utf8_lossy(&printed.stderr).into());
    }
    Ok(String::from_utf8(printed.stdout)?.trim().to_owned())
}

/// A server that answers; ended when it goes out of scope.
pub struct Server {
    child: Child,
    address: String,
    graphql: bool,
    ready_after: Duration,
}

impl Server {
    /// The service, as an operator starts it.
    pub async fn service(data: &Path, url: Option<&str>) -> Result<Self, Failure> {
        let address = free_address()?;
        let mut command = zhibu("serve", data, url);
        command.args(["--demo", "--listen", &address]);
        Self::start(command, address, true).await
    }

    /// The service with one processor to itself, the first; this process goes to the others.
    pub async fn on_a_processor_of_its_own(data: &Path) -> Result<Self, Failure> {
        let processors = std::thread::available_parallelism()?.get();
        if processors < 2 {
            return Err("it needs a processor for the service and one for the load".into());
        }
        let others = format!("1-{}", processors - 1);
        let moved = Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid", &others])
            .arg(std::process::id().to_string())
            .stdout(Stdio::null())
            .status()?;
        if !moved.success() {
            return Err("taskset (util-linux) failed".into());
        }
        let address = free_address()?;
        let serve = zhibu("serve", data, None);
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "0"]).arg(serve.get_program());
        command
            .args(serve.get_args())
            .args(["--demo", "--listen", &address]);
        command.env_clear();
        command.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::start(command, address, true).await
    }

    /// The service over a database that is no demonstration.
    pub async fn plain_service(data: &Path, url: Option<&str>) -> Result<Self, Failure> {
        let address = free_address()?;
        let mut command = zhibu("serve", data, url);
        command.args(["--listen", &address]);
        Self::start(command, address, true).await
    }

    /// The plain handler, from this bench's own binary.
    pub async fn handwritten(data: &Path, url: Option<&str>) -> Result<Self, Failure> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .env_clear()
            .arg("handwritten")
            .arg(&address)
            .arg(data)
            .args(url);
        Self::start(command, address, false).await
    }

    async fn start(mut command: Command, address: String, graphql: bool) -> Result<Self, Failure> {
        let started = Instant::now();
        let child = command.stdout(Stdio::null()).spawn()?;
        let mut server = Self {
            child,
            address,
            graphql,
            ready_after: Duration::ZERO,
        };
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        loop {
            ticks.tick().await;
            let asked = client
                .get(format!("http://{}/readyz", server.address))
                .send()
                .await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                server.ready_after = started.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("a server ended before it answered: {status}").into());
            }
            if started.elapsed() > PATIENCE {
                return Err("a server does not answer".into());
            }
        }
    }

    /// How long it took from its start to its first good answer to `/readyz`.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// A request of the service, or of the handler at a path.
    pub fn ask(&self, document: &str, path: &str, variables: Value) -> Ask {
        let (path, body) = match self.graphql {
            true => ("/graphql", json!({ "query": document, "variables": variables })),
            false => (path, variables),
        };
        Ask {
            url: format!("http://{}{path}", self.address),
            body: body.to_string().into_bytes(),
            kept: false,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// CPU time it has taken.
    pub fn cpu(&self) -> io::Result<CpuTime> {
        cpu_of(self.child.id())
    }

    /// Bytes of its memory that are resident (`VmRSS`).
    pub fn resident_bytes(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix("kB"))
            .ok_or("no VmRSS")?
            .trim()
            .parse()?;
        Ok(kilobytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that was free a moment ago.
fn free_address() -> io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
