//! A wire between the service and PostgreSQL that a test can cut: the cluster itself is everybody's.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::postgres::PgConnectOptions;

use super::TestDatabase;

/// What the wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Open,
    /// Connections are ended, new ones too, as when the server is down.
    Cut,
    /// Nothing comes through and nobody is told, as when a cable is pulled.
    Stalled,
    /// The answer to the next COMMIT is lost, and its connection with it; then the wire is open again.
    LosesCommit,
}

enum Server {
    Unix(PathBuf),
    Tcp(String, u16),
}

enum Upstream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Server {
    fn connect(&self) -> io::Result<Upstream> {
        match self {
            Server::Unix(path) => UnixStream::connect(path).map(Upstream::Unix),
            Server::Tcp(host, port) => TcpStream::connect((host.as_str(), *port)).map(Upstream::Tcp),
        }
    }
}

impl Upstream {
    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Upstream::Unix(stream) => stream.try_clone().map(Upstream::Unix),
            Upstream::Tcp(stream) => stream.try_clone().map(Upstream::Tcp),
        }
    }

    fn shutdown(&self) {
        let _ = match self {
            Upstream::Unix(stream) => stream.shutdown(Shutdown::Both),
            Upstream::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Upstream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Upstream::Unix(stream) => stream.read(buffer),
            Upstream::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Upstream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Upstream::Unix(stream) => stream.write(buffer),
            Upstream::Tcp(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one connection is to lose.
struct Losing {
    answer: AtomicBool,
    generation: usize,
}

struct Wire {
    mode: Mode,
    pairs: Vec<(TcpStream, Upstream)>,
    /// Answers to COMMIT that were lost.
    lost: usize,
    /// Connections of before [`Proxy::abandon`] are dead.
    generation: usize,
}

#[derive(Clone)]
struct Shared(Arc<(Mutex<Wire>, Condvar)>);

impl Shared {
    fn set(&self, mode: Mode) {
        let mut wire = self.0.0.lock().unwrap();
        wire.mode = mode;
        if mode == Mode::Cut {
            for (client, server) in wire.pairs.drain(..) {
                let _ = client.shutdown(Shutdown::Both);
                server.shutdown();
            }
        }
        self.0.1.notify_all();
    }

    /// Waits while nothing comes through; gives what the wire does then.
    fn passing(&self, generation: usize) -> Mode {
        let wire = self.0.0.lock().unwrap();
        let wire = self
            .0
            .1
            .wait_while(wire, |wire| {
                wire.mode == Mode::Stalled || wire.generation != generation
            })
            .unwrap();
        wire.mode
    }

    /// Whether this is the COMMIT whose answer is to be lost; there is one.
    fn loses(&self, request: &[u8]) -> bool {
        let mut wire = self.0.0.lock().unwrap();
        let loses = wire.mode == Mode::LosesCommit && request.windows(7).any(|word| word == b"COMMIT\0");
        if loses {
            wire.mode = Mode::Open;
            wire.lost += 1;
        }
        loses
    }

    /// `losing` is set where the next answer is not to come through.
    fn copy(&self, mut from: impl Read, mut to: impl Write, losing: &Losing, forward: bool) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            if forward && self.loses(bytes) {
                losing.answer.store(true, Ordering::SeqCst);
            }
            let lost = !forward && losing.answer.load(Ordering::SeqCst);
            if self.passing(losing.generation) == Mode::Cut || lost || to.write_all(bytes).is_err() {
                break;
            }
        }
    }
}

/// A wire to a test's database.
pub struct Proxy {
    shared: Shared,
}

impl Proxy {
    /// Lays a wire, and gives the database as it is reached through it.
    pub fn before(mut database: TestDatabase) -> (Self, TestDatabase) {
        let options: PgConnectOptions = database.url.parse().expect("the database's URL");
        let server = match options.get_socket() {
            Some(folder) => Server::Unix(folder.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Server::Tcp(options.get_host().to_owned(), options.get_port()),
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().unwrap().port();
        let name = options.get_database().expect("the database's name");
        database.url = format!("postgres://{}@127.0.0.1:{port}/{name}", options.get_username());
        let shared = Shared(Arc::new((
            Mutex::new(Wire {
                mode: Mode::Open,
                pairs: Vec::new(),
                lost: 0,
                generation: 0,
            }),
            Condvar::new(),
        )));
        let accepting = shared.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let accepting = accepting.clone();
                let Ok(upstream) = server.connect() else { continue };
                std::thread::spawn(move || accepting.join_up(client, upstream));
            }
        });
        (Self { shared }, database)
    }

    /// Ends every connection, and every one that is tried from now on.
    pub fn cut(&self) {
        self.shared.set(Mode::Cut);
    }

    /// Lets nothing through any more, without a word.
    pub fn stall(&self) {
        self.shared.set(Mode::Stalled);
    }

    /// Loses the answer to the next COMMIT, which the server has done.
    pub fn lose_commit(&self) {
        self.shared.set(Mode::LosesCommit);
    }

    /// How many answers to COMMIT were lost.
    pub fn lost_commits(&self) -> usize {
        self.shared.0.0.lock().unwrap().lost
    }

    /// What is connected stays dead, and new connections come through: the other end is another machine now.
    pub fn abandon(&self) {
        let mut wire = self.shared.0.0.lock().unwrap();
        wire.generation += 1;
        wire.mode = Mode::Open;
        self.shared.0.1.notify_all();
    }

    /// Lets everything through again.
    pub fn restore(&self) {
        self.shared.set(Mode::Open);
    }
}

impl Shared {
    fn join_up(&self, client: TcpStream, upstream: Upstream) {
        let _ = client.set_nodelay(true);
        let (Ok(kept), Ok(kept_up)) = (client.try_clone(), upstream.try_clone()) else {
            return;
        };
        let generation = {
            let mut wire = self.0.0.lock().unwrap();
            if wire.mode == Mode::Cut {
                return;
            }
            wire.pairs.push((kept, kept_up));
            wire.generation
        };
        let (Ok(answers_to), Ok(answers_from)) = (client.try_clone(), upstream.try_clone()) else {
            return;
        };
        let (Ok(client_end), Ok(server_end)) = (client.try_clone(), upstream.try_clone()) else {
            return;
        };
        let back = self.clone();
        let losing = Arc::new(Losing {
            answer: AtomicBool::new(false),
            generation,
        });
        let lost = losing.clone();
        let answering = std::thread::spawn(move || {
            back.copy(answers_from, &answers_to, &lost, false);
            let _ = answers_to.shutdown(Shutdown::Both);
        });
        self.copy(client, upstream, &losing, true);
        server_end.shutdown();
        let _ = answering.join();
        let _ = client_end.shutdown(Shutdown::Both);
    }
}
