//! A PostgreSQL cluster of a test's own, to be stopped and killed: the one that the run shares is everybody's.

use std::{
    io::Write as _,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use sqlx::{Connection as _, PgConnection};

use super::{Backend, Keep, TestDatabase};

/// A cluster in a folder; ended when it is dropped.
pub struct Cluster {
    folder: tempfile::TempDir,
    bin: PathBuf,
    /// User and group that it runs as: PostgreSQL refuses to run as root.
    owner: Option<(u32, u32)>,
    server: Option<Child>,
}

fn said(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Where `initdb` and `postgres` stand together.
fn programs() -> Option<PathBuf> {
    let on_path = said("sh", &["-c", "readlink -f \"$(command -v initdb)\""]);
    let on_path = on_path.and_then(|file| Path::new(&file).parent().map(Path::to_owned));
    let mut folders: Vec<PathBuf> = on_path.into_iter().collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let whole = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    folders.into_iter().find(whole)
}

impl Cluster {
    /// Makes one and starts it; None (and a loud line) where there is no PostgreSQL; under CI that is a failure.
    pub async fn start() -> Option<Self> {
        let Some(bin) = programs() else {
            let under_ci = std::env::var("CI").is_ok_and(|ci| !ci.is_empty());
            assert!(!under_ci, "no initdb and postgres");
            eprintln!("SKIPPED: there is no initdb and no postgres");
            return None;
        };
        // A socket's path has at most 107 bytes.
        let folder = tempfile::Builder::new()
            .prefix("zhibu-cluster.")
            .tempdir_in("/tmp")
            .unwrap();
        let mut owner = None;
        if said("id", &["-u"]).as_deref() == Some("0") {
            let user = ["postgres", "nobody"]
                .into_iter()
                .find(|user| said("id", &["-u", user]).is_some());
            let user = user.expect("a user for the cluster");
            let number = |flag| said("id", &[flag, user]).unwrap().parse::<u32>().unwrap();
            let (uid, gid) = (number("-u"), number("-g"));
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).unwrap();
            owner = Some((uid, gid));
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut cluster = Self {
            folder,
            bin,
            owner,
            server: None,
        };
        let made = cluster
            .command("initdb")
            .arg("--pgdata")
            .arg(cluster.data())
            .args(["--username", "postgres", "--auth", "trust", "--encoding", "UTF8"])
            .args(["--locale", "C", "--no-sync", "--no-instructions"])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut settings = std::fs::OpenOptions::new()
            .append(true)
            .open(cluster.data().join("postgresql.conf"))
            .unwrap();
        writeln!(
            settings,
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 60\nlogging_collector = off",
            cluster.folder.path().display()
        )
        .unwrap();
        cluster.begin().await;
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        if let Some((uid, gid)) = self.owner {
            command.gid(gid).uid(uid);
        }
        command
    }

    /// Starts the server again, and waits until it answers.
    pub async fn begin(&mut self) {
        assert!(self.server.is_none());
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).stderr(Stdio::null());
        self.server = Some(command.spawn().expect("postgres starts"));
        let answers = async {
            while PgConnection::connect(&self.url("postgres")).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), answers)
            .await
            .expect("the cluster starts");
    }

    /// Sends the server a signal and waits for its end: `QUIT` ends it at once, `INT` disconnects everybody first.
    pub fn end(&mut self, signal: &str) {
        let mut server = self.server.take().expect("a server");
        signal_to(server.id(), signal);
        server.wait().expect("its end");
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@localhost/{database}?host={}",
            self.folder.path().display()
        )
    }

    /// Its database, without a table.
    pub fn database(&self) -> TestDatabase {
        TestDatabase {
            url: self.url("postgres"),
            backend: Backend::Postgres,
            _keep: Keep::Nothing,
        }
    }
}

/// Sends a process a signal.
pub fn signal_to(pid: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.end("QUIT");
        }
    }
}
