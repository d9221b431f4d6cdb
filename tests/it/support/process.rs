//! The binary as a process of its own, as an operator runs it.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;

/// How long a process may take to come up or to end before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command of the binary, without anything of the test's own environment.
pub fn zhibu(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhibu"));
    command.args(arguments).env_clear();
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Output {
    zhibu(arguments).output().expect("the binary runs")
}

/// What a command printed on standard output.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// What a command printed on standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A running `zhibu serve`.
pub struct Service {
    /// Where it answers.
    pub url: String,
    /// Where it serves figures, if it was told to.
    pub figures: Option<String>,
    child: Child,
    log: Option<JoinHandle<Vec<String>>>,
}

impl Service {
    /// Starts one on a free port over a data directory, with a database elsewhere where one is named, and waits until
    /// it listens. It makes the district `D` where there is none.
    pub fn start(data_dir: &Path, database_url: Option<&str>) -> Self {
        Self::begin(data_dir, database_url).ready()
    }

    /// Starts one without waiting for it.
    pub fn begin(data_dir: &Path, database_url: Option<&str>) -> Starting {
        let mut command = Self::command(data_dir);
        command.envs([
            ("ZHIBU_ORGANIZATION_DISTRICT_CODE", "D"),
            ("ZHIBU_ORGANIZATION_DISTRICT_NAME", "区委"),
        ]);
        if let Some(url) = database_url {
            command.args(["--database-url", url]);
        }
        Self::spawn(command)
    }

    /// Starts one with more variables of its environment.
    pub fn begin_with(data_dir: &Path, database_url: Option<&str>, variables: &[(&str, &str)]) -> Starting {
        let mut command = Self::command(data_dir);
        command.envs([
            ("ZHIBU_ORGANIZATION_DISTRICT_CODE", "D"),
            ("ZHIBU_ORGANIZATION_DISTRICT_NAME", "区委"),
        ]);
        command.envs(variables.iter().copied());
        if let Some(url) = database_url {
            command.args(["--database-url", url]);
        }
        Self::spawn(command)
    }

    /// Starts one with environment variables of its own, over a database elsewhere, and waits until it listens.
    pub fn start_with(data_dir: &Path, database_url: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Self::command(data_dir);
        command
            .args(["--database-url", database_url])
            .envs(variables.iter().copied());
        Self::spawn(command).ready()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts one that is not told of any district.
    pub fn begin_without_district(data_dir: &Path) -> Starting {
        Self::spawn(Self::command(data_dir))
    }

    /// Starts a demonstration over a database elsewhere, without waiting for it.
    pub fn begin_demo(data_dir: &Path, database_url: &str) -> Starting {
        let mut command = Self::command(data_dir);
        command.args(["--demo", "--database-url", database_url]);
        Self::spawn(command)
    }

    fn command(data_dir: &Path) -> Command {
        // What a file grows beyond a limit by is an error to it, as on a full disk, and not its end.
        let mut command = Command::new("sh");
        command
            .env_clear()
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_zhibu"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
        command
            .arg(data_dir)
            .envs([
                ("ZHIBU_LOG_FORMAT", "json"),
                ("ZHIBU_LOG_FILTER", "info,sqlx=warn"),
            ])
            // As replicas are run: each is given the same file, and told of where it lies.
            .env(
                "ZHIBU_PRIVACY_PARTICIPANT_KEY_FILE",
                data_dir.join("participant-key"),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn spawn(mut command: Command) -> Starting {
        let mut child = command.spawn().expect("the binary starts");
        let stderr = child.stderr.take().expect("its log");
        let (address, listening) = mpsc::channel();
        let log = std::thread::spawn(move || {
            let mut lines = Vec::new();
            let mut figures = None;
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).unwrap_or_default();
                let said = event["fields"]["address"].as_str().unwrap_or_default();
                if event["fields"]["message"] == "figures for Prometheus" {
                    figures = Some(format!("http://{said}/metrics"));
                }
                if event["fields"]["message"] == "listening" {
                    let _ = address.send((said.to_owned(), figures.take()));
                }
                lines.push(line);
            }
            lines
        });
        Starting {
            child,
            listening,
            log,
        }
    }

    /// Ends it at once, as a power cut or `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("its end");
    }

    /// Asks it to end, waits until it has, and gives how it ended and what it logged.
    pub fn terminate(mut self) -> (ExitStatus, Vec<String>) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(killed.success());
        let status = self.child.wait().expect("its end");
        (status, self.log.take().expect("its log").join().expect("its log"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `zhibu serve` that may not listen yet.
pub struct Starting {
    child: Child,
    listening: mpsc::Receiver<(String, Option<String>)>,
    log: JoinHandle<Vec<String>>,
}

impl Starting {
    /// Waits until it listens; fails the test with its log where it ends instead.
    pub fn ready(mut self) -> Service {
        match self.listening.recv_timeout(PATIENCE) {
            Ok((address, figures)) => Service {
                url: format!("http://{address}"),
                figures,
                child: self.child,
                log: Some(self.log),
            },
            Err(error) => {
                let _ = self.child.kill();
                let status = self.child.wait();
                let log = self.log.join().unwrap_or_default();
                panic!(
                    "the service does not listen ({error}, {status:?}):\n{}",
                    log.join("\n")
                );
            }
        }
    }
}
